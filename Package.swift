// swift-tools-version: 6.2
// The module graph is the architecture diagram: a target may depend on targets of lower layers only.
// Layers and their reasons: Sources/ApusServer/ApusServer.docc/Architecture.md.

import PackageDescription

let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]

/// A Swift module of Apus, at `Sources/NAME`.
func module(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: swift)
}

/// The tests of a module, at `Tests/NAMETests`; they may use what the module itself may use, and `TestSupport`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.target(name: name), "TestSupport"] + (name == "Vocabulary" ? [] : ["Vocabulary"])
            + dependencies,
        swiftSettings: swift)
}

let package = Package(
    name: "apus",
    products: [
        .executable(name: "apus", targets: ["apus"]),
        .library(name: "ApusClient", targets: ["ApusClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.1.0"),
    ],
    targets: [
        // C: system libraries and our own C.
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CMemory"),
        // Optimised in debug builds too: tests then run the code that ships, and models a dozen times as fast.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),
        .target(name: "CRecordCipher", dependencies: ["COpenSSL"]),
        .target(name: "CMessages", dependencies: ["CProtobufC"]),

        // Layer 1
        module("Vocabulary", ["CMemory"]),

        // Layer 2
        module("EventLoops", ["CLinux", "Vocabulary"]),
        module("TLS", ["COpenSSL", "CRecordCipher", "Vocabulary"]),
        module("HTTP2", ["CMemory", "CNghttp2", "Vocabulary"]),
        module("Compression", ["CZlib", "Vocabulary"]),
        module("Messages", ["CMessages", "CProtobufC", "Vocabulary"]),
        module("Compute", ["CKernels", "CLinux", "COpenBLAS", "Vocabulary"]),
        module("ModelFiles", ["CKernels", "CLinux", "Vocabulary"]),
        module(
            "Tokenizers",
            ["ModelFiles", .product(name: "HeapModule", package: "swift-collections"), "Vocabulary"]),
        module("Constraints", ["Vocabulary"]),
        module("ChatTemplates", ["ModelFiles", "Vocabulary"]),
        module("KVCache", ["Vocabulary"]),
        module("Images", ["CTurboJPEG", "CPNG", "Vocabulary"]),
        module("Telemetry", [.product(name: "Logging", package: "swift-log"), "Vocabulary"]),
        module("Configuration", [.product(name: "Yams", package: "Yams"), "Vocabulary"]),

        // Layer 3
        module("RPC", ["Compression", "EventLoops", "HTTP2", "Vocabulary"]),
        module(
            "Scheduling",
            [
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"), "KVCache", "Vocabulary",
            ]),
        module("Tenancy", ["Configuration", "Vocabulary"]),
        module("Models", ["Compute", "ModelFiles", "Vocabulary"]),

        // Layer 4
        module(
            "RPCTransport",
            ["CLinux", "Compression", "EventLoops", "HTTP2", "RPC", "TLS", "Telemetry", "Vocabulary"]),
        module(
            "TextModels",
            ["Compute", "Constraints", "KVCache", "ModelFiles", "Models", "Tokenizers", "Vocabulary"]),
        module("GraphModels", ["Compute", "ModelFiles", "Models", "Vocabulary"]),
        module("VisionModels", ["Compute", "Images", "ModelFiles", "Models", "Vocabulary"]),
        module("Routing", ["Vocabulary"]),
        module("Ledger", ["CPostgreSQL", .product(name: "GRDB", package: "GRDB.swift"), "Tenancy", "Vocabulary"]),

        // Layer 5
        module(
            "Engine",
            [
                "ChatTemplates", "CLinux", "Compute", "Configuration", "Constraints", "GraphModels", "KVCache",
                "ModelFiles", "Models", "Routing", "Scheduling", "Telemetry", "TextModels", "Tokenizers",
                "VisionModels", "Vocabulary",
            ]),

        module("Probes", ["EventLoops", "RPCTransport", "Vocabulary"]),
        module("Discovery", ["Messages", "RPC", "RPCTransport", "Vocabulary"]),
        module(
            "Spans",
            [
                "Compression", .product(name: "Logging", package: "swift-log"), "Messages", "RPC", "RPCTransport",
                "Telemetry", .product(name: "Tracing", package: "swift-distributed-tracing"), "Vocabulary",
            ]),

        // Layer 6
        module(
            "InferenceService",
            [
                "Compute", "Constraints", "Engine", "HTTP2", "Ledger", "Messages", "Models", "RPC", "RPCTransport",
                "Routing", "Spans", "TLS", "Telemetry", "Tenancy", "TextModels", "Tokenizers",
                .product(name: "Tracing", package: "swift-distributed-tracing"), "Vocabulary",
            ]),

        // Layer 7
        module(
            "ApusServer",
            [
                "Compression", "Configuration", "Discovery", "Engine", "EventLoops", "HTTP2", "InferenceService",
                "Ledger", "Messages", "Models", .product(name: "Logging", package: "swift-log"), "Probes", "RPC",
                "RPCTransport", "Routing", "Spans", "TLS", "Telemetry", "Tenancy", "Vocabulary",
            ], exclude: ["ExampleModels/training"],
            resources: ["storyteller", "digits", "karate"].map { .copy("ExampleModels/\($0)") }),
        module("ApusClient", ["EventLoops", "Messages", "RPC", "RPCTransport", "TLS", "Telemetry", "Vocabulary"]),
        module(
            "LoadTest",
            [
                "ApusClient", "Configuration", "EventLoops",
                .product(name: "Histogram", package: "hdrhistogram-swift"), "Messages", "RPC", "RPCTransport",
                "Vocabulary",
            ]),
        .executableTarget(
            name: "apus",
            dependencies: [
                "ApusClient", "ApusServer", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                "Configuration", "EventLoops", "LoadTest", .product(name: "Logging", package: "swift-log"),
                "ModelFiles", "TLS", "Telemetry", "Vocabulary",
            ],
            swiftSettings: swift),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["HTTP2", "Vocabulary"], path: "Tests/TestSupport",
            swiftSettings: swift),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "CNghttp2", "COpenSSL", "CPNG", "CTurboJPEG", "Compression", "Engine", "EventLoops", "HTTP2", "Images",
                "InferenceService", "Messages", "ModelFiles", "Models", "RPC", "RPCTransport", "Routing", "TLS",
                "Telemetry", "Tenancy", "TestSupport", "Tokenizers", "Vocabulary",
            ], path: "Tests/Fuzzing/Targets", swiftSettings: swift),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets", "TestSupport"], swiftSettings: swift),
        .testTarget(name: "TidyTests", swiftSettings: swift),
        .executableTarget(
            name: "apus-interop",
            dependencies: ["Compression", "EventLoops", "RPC", "RPCTransport", "TLS", "Vocabulary"],
            path: "Tests/Interop/Sources", swiftSettings: swift),
        .executableTarget(
            name: "apus-text-bench",
            dependencies: ["Compute", "Engine", "Models", "Routing", "TextModels", "Tokenizers", "Vocabulary"],
            path: "Benchmarks/text/engine", swiftSettings: swift),
        tests("Vocabulary", ["CMemory"]),
        tests("EventLoops", ["CLinux"]),
        tests("TLS", ["COpenSSL"]),
        tests("HTTP2", ["CMemory"]),
        tests("Compression", ["CZlib"]),
        tests("Messages", ["CMessages", "CProtobufC"]),
        tests("Compute", ["CKernels"]),
        tests("ModelFiles", []),
        tests("Tokenizers", ["ModelFiles"]),
        tests("Constraints", []),
        tests("ChatTemplates", ["ModelFiles"]),
        tests("KVCache", []),
        tests("Images", ["CPNG", "CTurboJPEG"]),
        tests("Telemetry", [.product(name: "Logging", package: "swift-log")]),
        tests("Tenancy", ["Configuration"]),
        tests("Configuration", []),
        tests("RPC", ["Compression", "EventLoops", "HTTP2"]),
        tests("Scheduling", ["KVCache"]),
        tests("RPCTransport", ["CLinux", "Compression", "EventLoops", "HTTP2", "RPC", "TLS", "Telemetry"]),
        tests("TextModels", ["Compute", "Constraints", "KVCache", "ModelFiles", "Models", "Tokenizers"]),
        tests("GraphModels", ["Compute", "ModelFiles", "Models"]),
        tests("VisionModels", ["Compute", "Images", "ModelFiles", "Models"]),
        tests("Routing", []),
        tests("Ledger", [.product(name: "GRDB", package: "GRDB.swift"), "Tenancy"]),
        tests("Models", ["Compute"]),
        tests(
            "InferenceService",
            [
                "Compute", "Engine", "EventLoops", "HTTP2", "Messages", "Models", "RPC", "RPCTransport", "Routing",
                "Spans", "Telemetry", "Tenancy", "TextModels", "Tokenizers",
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]),
        tests("ApusClient", ["EventLoops", "Messages", "RPC", "RPCTransport", "TLS"]),
        tests("LoadTest", ["ApusClient", "Configuration", "EventLoops", "Messages", "RPC", "RPCTransport"]),
        tests(
            "ApusServer",
            [
                "Configuration", "Engine", "EventLoops", .product(name: "GRDB", package: "GRDB.swift"), "HTTP2",
                "InferenceService", "Ledger", .product(name: "Logging", package: "swift-log"), "Messages", "RPC",
                "RPCTransport", "Routing", "TLS", "Telemetry", "Tenancy",
            ]),
        tests(
            "Spans",
            [
                "HTTP2", .product(name: "Logging", package: "swift-log"), "Messages", "RPC", "RPCTransport",
                "Telemetry",
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]),
        tests("Probes", ["EventLoops", "RPCTransport"]),
        tests("Discovery", ["EventLoops", "Messages", "RPC", "RPCTransport"]),
        tests(
            "Engine",
            [
                "ChatTemplates", "CLinux", "Compute", "Configuration", "Constraints", "KVCache", "Models", "Routing",
                "Scheduling", "TextModels", "Tokenizers",
            ]),
    ]
)

// libFuzzer brings its own `main`, so its program exists only where `make fuzz` asks for it.
if Context.environment["APUS_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "apus-fuzz", dependencies: ["FuzzTargets", "TestSupport"], path: "Tests/Fuzzing/Driver",
            swiftSettings: swift))
}
