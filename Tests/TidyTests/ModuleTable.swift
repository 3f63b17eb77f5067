/// The architecture as a table: what may import what.
///
/// Package.swift declares the dependencies and the build checks imports against them; this table checks that what is
/// declared there, and so used, keeps to the layers.
enum ModuleTable {
    /// The Swift modules from the bottom up; a module imports modules of lower layers only.
    static let layers: [[String]] = [
        ["Vocabulary"],
        [
            "EventLoops", "TLS", "HTTP2", "Compression", "Messages", "Compute", "ModelFiles", "Tokenizers",
            "ChatTemplates", "Constraints", "KVCache", "Images", "Telemetry", "Configuration",
        ],
        ["RPC", "Scheduling", "Tenancy", "Models"],
        ["RPCTransport", "TextModels", "GraphModels", "VisionModels", "Routing", "Ledger"],
        ["Engine", "Probes", "Discovery", "Spans"],
        ["InferenceService"],
        ["ApusServer", "ApusClient", "LoadTest", "apus"],
    ]

    /// Imports within a layer that are meant.
    static let sideways: [String: Set<String>] = [
        // A tokenizer is read from one of the files of a model.
        "Tokenizers": ["ModelFiles"],
        // So is the template of its conversations.
        "ChatTemplates": ["ModelFiles"],
        // The load generator is a user of the client; the command puts the other three together.
        "LoadTest": ["ApusClient"],
        "apus": ["ApusServer", "ApusClient", "LoadTest"],
    ]

    /// The two sides that meet in `InferenceService` and above, and nowhere below.
    static let network: Set<String> = [
        "EventLoops", "TLS", "HTTP2", "Compression", "Messages", "RPC", "RPCTransport",
        "Probes", "Discovery", "Spans",
    ]
    static let computing: Set<String> = [
        "Compute", "ModelFiles", "Tokenizers", "ChatTemplates", "Constraints", "KVCache", "Images", "Scheduling",
        "Models", "TextModels",
        "GraphModels", "VisionModels", "Engine",
    ]

    /// Each C module and the Swift modules that own what it offers; nobody else sees its types.
    static let ownersOfC: [String: Set<String>] = [
        "COpenSSL": ["TLS"],
        "CNghttp2": ["HTTP2"],
        "CProtobufC": ["Messages"],
        "CMessages": ["Messages"],
        "COpenBLAS": ["Compute"],
        "CKernels": ["Compute", "ModelFiles"],
        "CTurboJPEG": ["Images"],
        "CPNG": ["Images"],
        "CZlib": ["Compression"],
        "CPostgreSQL": ["Ledger"],
        "CMemory": ["Vocabulary", "HTTP2"],
        "CRecordCipher": ["TLS"],
        "CLinux": ["EventLoops", "RPCTransport", "Compute", "ModelFiles", "Engine"],
    ]

    /// Modules of the lower four layers that may use FoundationEssentials, for decoding JSON, reading text files and
    /// the calendar of budgets: nothing on the way of a request.
    static let foundationEssentials: Set<String> = ["ModelFiles", "Configuration", "Tenancy"]

    /// Modules whose declarations may be public.
    static let products: Set<String> = ["ApusClient"]

    /// Modules that are tested through others, and how.
    static let testedElsewhere: Set<String> = [
        // The composition root and the command: Tests/Interoperability starts the real program.
        "ApusServer", "apus",
    ]

    static func layer(of module: String) -> Int? { layers.firstIndex { $0.contains(module) } }

    /// Why the import is wrong, or nil.
    static func objection(to imported: String, in module: String) -> String? {
        if let owners = ownersOfC[imported] {
            return owners.contains(module) ? nil : "\(imported) is for \(owners.sorted().joined(separator: ", ")) only"
        }
        if imported == "Foundation" || imported == "FoundationEssentials" {
            return objectionToFoundation(imported, in: module)
        }
        guard let target = layer(of: imported) else { return nil }
        guard let own = layer(of: module) else { return "\(module) is in no layer of ModuleTable" }
        if target == own {
            return sideways[module]?.contains(imported) == true ? nil : "\(imported) is of the same layer"
        }
        if target > own { return "\(imported) is of a higher layer" }
        let crosses =
            network.contains(module) && computing.contains(imported)
            || computing.contains(module) && network.contains(imported)
        return crosses ? "\(imported) is across the divide between network and computing" : nil
    }

    private static func objectionToFoundation(_ imported: String, in module: String) -> String? {
        guard let own = layer(of: module), own < 4 else { return nil }
        if imported == "FoundationEssentials", foundationEssentials.contains(module) { return nil }
        return "\(imported) below layer 5"
    }
}
