// swift-tools-version: 6.2
// grpc-swift-2 over its NIO transport, as a peer of Apus: `grpc-swift-peer` for the interoperability tests, and
// `server` for the benchmarks. A package of its own, so that none of its twenty dependencies enters that of Apus.

import PackageDescription

let grpc: [Target.Dependency] = [
    "RawMessages",
    .product(name: "GRPCCore", package: "grpc-swift-2"),
    .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
]

let package = Package(
    name: "grpc-swift-peer",
    dependencies: [
        .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
    ],
    targets: [
        .target(name: "RawMessages", dependencies: [.product(name: "GRPCCore", package: "grpc-swift-2")]),
        .executableTarget(name: "grpc-swift-peer", dependencies: grpc, path: "Sources/peer"),
        .executableTarget(name: "server", dependencies: grpc),
    ]
)
