import ApusClient
import Foundation

extension ScenarioTenant {
    /// The requests of each of the tenant's loads.
    ///
    /// The server is asked only where its model has to say what tensors it takes.
    ///
    /// - Throws: `ApusError` when it does not say it, and INVALID_ARGUMENT for a file that cannot be read.
    package func workloads(seed: UInt64) async throws -> [Workload] {
        let asks = loads.contains(where: \.needsMetadata)
        guard asks else { return try loads.map { try $0.workload(seed: seed, information: nil) } }
        let loads = loads
        return try await ApusClient.withClient(client) { client in
            var workloads: [Workload] = []
            for load in loads {
                let information =
                    load.needsMetadata
                    ? try await client.modelInformation(load.model, version: load.version, timeout: .seconds(30)) : nil
                workloads.append(try load.workload(seed: seed, information: information))
            }
            return workloads
        }
    }
}

extension ScenarioLoad {
    var needsMetadata: Bool {
        switch request {
        case .classify(let pictures): pictures.isEmpty
        case .infer: true
        case .generate, .embed, .predict, .predictRandom: false
        }
    }

    /// The requests, made from the scenario's seed and the names of load and model; `information` is the model's, for
    /// those that need it.
    ///
    /// - Throws: INVALID_ARGUMENT when a file cannot be read, or a model does not say what it takes.
    func workload(seed: UInt64, information: ModelInformation?) throws(ApusError) -> Workload {
        let ownSeed = "\(name)/\(model)".utf8.reduce(seed) { ($0 &* 31) &+ UInt64($1) }
        var maker = PromptMaker(seed: ownSeed)
        switch request {
        case .generate(let source, let tokens, let temperature, let stopsAtEnd):
            var inputs: [(prompt: String, settings: GenerationSettings)] = []
            for index in 0..<requestCount(source, tokens) {
                var settings = GenerationSettings()
                settings.tokenCountMax = maker.length(tokens)
                settings.temperature = temperature
                settings.ignoresEndOfText = !stopsAtEnd
                inputs.append((maker.text(source, index: index), settings))
            }
            return try .texts(model: model, version: version, inputs: inputs)
        case .embed(let source, let count):
            let requests = (0..<requestCount(source, .fixed(1))).map { index in
                (0..<count).map { maker.text(source, index: index * count + $0) }
            }
            return .embeddings(model: model, version: version, requests: requests)
        case .classify(let pictures) where !pictures.isEmpty:
            return .vision(model: model, version: version, files: try pictures.map(Self.read))
        case .classify:
            guard let input = information?.inputs.first else {
                throw ApusError(.invalidArgument, "\(model) does not say what pixels it takes; give it pictures")
            }
            var tensors = TensorMaker(seed: ownSeed)
            return .vision(model: model, version: version, pixels: try tensors.pixels(for: input))
        case .predict(let nodes): return .graph(model: model, version: version, nodes: nodes)
        case .predictRandom(let count, let below):
            let requests = (0..<variantCount).map { _ in (0..<count).map { _ in maker.node(below: below) } }
            return .graphs(model: model, version: version, requests: requests)
        case .infer(let shapes):
            guard let information else { preconditionFailure("tensors without metadata") }
            var tensors = TensorMaker(seed: ownSeed, shapes: shapes)
            return .tensors(model: model, version: version, inputs: try tensors.inputs(of: information))
        }
    }

    /// As many as there are texts, or as it takes to have random ones vary.
    private func requestCount(_ source: TextSource, _ lengths: LengthDistribution) -> Int {
        guard case .given(let texts) = source else { return variantCount }
        guard case .fixed = lengths else { return max(texts.count, variantCount) }
        return texts.count
    }

    private static func read(_ path: String) throws(ApusError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ApusError(.invalidArgument, "\(path) cannot be read")
        }
        return [UInt8](data)
    }
}
