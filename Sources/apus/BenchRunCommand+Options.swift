import ApusClient
import ArgumentParser
import Foundation
import LoadTest

/// How much load, and for how long.
struct BenchLoadOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Calls under way at once (closed loop); 8 unless --rate is given.", valueName: "count"))
    var concurrency: Int?

    @Option(help: ArgumentHelp("Calls that arrive each second (open loop).", valueName: "calls/s"))
    var rate: Double?

    @Option(help: ArgumentHelp("Begins the random arrivals of --rate.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Connections that the calls share.", valueName: "count"))
    var connections = 1

    @Option(help: ArgumentHelp("How long to measure.", valueName: "time"))
    var duration = DurationArgument(argument: "10s")!

    @Option(help: ArgumentHelp("How long to load the server before that.", valueName: "time"))
    var warmup = DurationArgument(argument: "2s")!

    @Option(help: ArgumentHelp("After this time a call has failed.", valueName: "time"))
    var timeout = DurationArgument(argument: "30s")!

    func validate() throws {
        guard concurrency == nil || rate == nil else {
            throw ValidationError("Give --concurrency or --rate, not both.")
        }
        _ = try plan()
    }

    func plan() throws -> LoadPlan {
        let load: LoadPlan.Load =
            rate.map { .open(callsPerSecond: $0, seed: seed) } ?? .closed(callerCount: concurrency ?? 8)
        do {
            return try LoadPlan(
                load, warmupNanoseconds: warmup.nanoseconds, durationNanoseconds: duration.nanoseconds,
                timeoutNanoseconds: timeout.nanoseconds, connectionCount: connections)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}

/// What to ask.
struct BenchRequestOptions: ParsableArguments {
    /// Which service a model is called by.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case text, vision, graph, tensor
    }

    @Option(help: "How to call the model; what its metadata says unless given.")
    var kind: Kind?

    @Option(help: ArgumentHelp("Text models: a prompt; may be repeated.", valueName: "text"))
    var prompt: [String] = []

    @Option(help: ArgumentHelp("Text models: tokens to generate.", valueName: "count"))
    var maxTokens = 64

    @Option(help: "Text models: 0 always takes the likeliest token.")
    var temperature: Float = 0

    @Flag(help: "Text models: end where the model ends, instead of generating all of --max-tokens.")
    var stopAtEnd = false

    @Option(
        help: ArgumentHelp(
            "Vision models: a JPEG or PNG file, may be repeated; random pixels without.", valueName: "file"),
        completion: .file(extensions: ["png", "jpg", "jpeg"]))
    var picture: [String] = []

    @Option(help: ArgumentHelp("Graph models: which nodes, e.g. 0,33.", valueName: "list"))
    var nodes = NodeList(nodes: [])

    @Option(
        help: ArgumentHelp(
            "Other models: the shape of an input, e.g. input:1,1024; may be repeated.", valueName: "name:extents"))
    var shape: [ShapeArgument] = []

    @Option(help: ArgumentHelp("Begins the random tensors.", valueName: "number"))
    var dataSeed: UInt64 = 1

    func validate() throws {
        guard maxTokens >= 1 else { throw ValidationError("--max-tokens: expected at least 1, got \(maxTokens)") }
    }

    /// The requests for a model, as its metadata and these options say.
    ///
    /// - Throws: `ApusError` when the model is not there or no request can be made, `CommandFailure` for a file that
    ///   cannot be read.
    func workload(model: String, version: Int?, _ client: ApusClient) async throws -> Workload {
        let information = try await client.modelInformation(model, version: version, timeout: .seconds(30))
        var maker = TensorMaker(
            seed: dataSeed, shapes: Dictionary(shape.map { ($0.name, $0.extents) }) { _, last in last })
        switch kind ?? Kind(guessingFrom: information) {
        case .text:
            var settings = GenerationSettings()
            settings.tokenCountMax = maxTokens
            settings.temperature = temperature
            settings.ignoresEndOfText = !stopAtEnd
            let prompts = prompt.isEmpty ? ["Once upon a time"] : prompt
            return try .text(model: model, version: version, prompts: prompts, settings: settings)
        case .vision where !picture.isEmpty:
            return .vision(model: model, version: version, files: try picture.map(readFile))
        case .vision:
            guard let input = information.inputs.first else {
                throw CommandFailure("\(model) does not say what pixels it takes; give it a file with --picture.")
            }
            return .vision(model: model, version: version, pixels: try maker.pixels(for: input))
        case .graph: return .graph(model: model, version: version, nodes: nodes.nodes.map { UInt32($0) })
        case .tensor: return .tensors(model: model, version: version, inputs: try maker.inputs(of: information))
        }
    }
}

extension BenchRequestOptions.Kind {
    /// By what the server says, or, of a server that says nothing, by names that our own models have.
    init(guessingFrom model: ModelInformation) {
        if let modality = model.properties["modality"], let kind = Self(rawValue: modality) {
            self = kind
        } else if model.inputs.contains(where: { $0.name == "text_input" }) {
            self = .text
        } else if model.platform.contains("gcn") || model.platform.contains("gat") || model.platform.contains("graph") {
            self = .graph
        } else if model.platform.contains("onnx"), model.inputs.first?.shape.count == 4 {
            self = .vision
        } else {
            self = .tensor
        }
    }
}

/// An input's shape on the command line: `NAME:1,3,224,224`.
struct ShapeArgument: ExpressibleByArgument {
    let name: String
    let extents: [Int]

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"), colon > argument.startIndex else { return nil }
        let parts = argument[argument.index(after: colon)...].split(separator: ",", omittingEmptySubsequences: false)
        let extents = parts.compactMap { UInt32($0) }
        guard extents.count == parts.count else { return nil }
        name = String(argument[..<colon])
        self.extents = extents.map(Int.init)
    }
}

extension LoadReport.Configuration {
    /// What was asked for, for the report.
    init(_ plan: LoadPlan, _ workload: Workload, _ client: ApusClientConfiguration, model: String) {
        func seconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e9 }
        self.init(
            target: client.target, isPlaintext: client.security == .plaintext, model: model, method: workload.method,
            request: workload.summary, requestByteCount: workload.requestByteCount, load: plan.load,
            connections: plan.connectionCount, warmupSeconds: seconds(plan.warmupNanoseconds),
            durationSeconds: seconds(plan.durationNanoseconds), timeoutSeconds: seconds(plan.timeoutNanoseconds))
    }
}
