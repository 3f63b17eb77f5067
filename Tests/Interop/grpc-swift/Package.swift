// swift-tools-version: 6.2
// grpc-swift-2 over its NIO transport, as a peer of Apus in the interoperability tests. A package of its own, so that
// none of its twenty dependencies enters that of Apus.

import PackageDescription

let package = Package(
    name: "grpc-swift-peer",
    dependencies: [
        .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
    ],
    targets: [
        .executableTarget(
            name: "grpc-swift-peer",
            dependencies: [
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
            ],
            path: "Sources/peer")
    ]
)
