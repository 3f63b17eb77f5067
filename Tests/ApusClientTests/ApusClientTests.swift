import Messages
import RPC
import Synchronization
import Testing
import Vocabulary

@testable import ApusClient

/// What a handler was asked last.
private final class Seen<Request: Sendable>: Sendable {
    private let value = Mutex<Request?>(nil)

    var last: Request? { value.withLock { $0 } }

    func note(_ request: Request) { value.withLock { $0 = request } }
}

extension MethodTable {
    /// Answers a unary method with `answer`, and notes what was asked.
    fileprivate mutating func answer<Request, Response>(
        _ method: MethodSignature<Request, Response>, _ seen: Seen<Request>, with answer: Response
    ) {
        register(unary: method.path) { _, bytes in
            seen.note(try Request(decoding: bytes))
            return answer.encoded()
        }
    }
}

@Suite("ApusClient", .timeLimit(.minutes(10)))
struct ApusClientTests {
    @Test("B172: a client counts its calls by method and status")
    func metrics() async throws {
        var methods = MethodTable()
        methods.register(unary: GRPCInferenceServiceMethods.serverReady.path) { _, _ in
            ServerReadyResponse(ready: true).encoded()
        }
        try await TestServer.with(methods) { client in
            let isReady = try await client.isServerReady()
            #expect(isReady)
            await #expect(throws: ApusError.self) { try await client.isModelReady("m") }
            let lines = await client.metrics().split(separator: "\n")
            func count(_ method: String, _ status: String) -> Substring? {
                let method = "grpc_method=\"inference.GRPCInferenceService/\(method)\""
                let target = "grpc_target=\"ipv4:127.0.0.1:\(client.configuration.port)\""
                let labels = "{\(method),\(target),grpc_status=\"\(status)\"}"
                return lines.first { $0.hasPrefix("grpc_client_call_duration_seconds_count\(labels)") }
            }
            #expect(count("ServerReady", "OK")?.hasSuffix(" 1") == true)
            #expect(count("ModelReady", "UNIMPLEMENTED")?.hasSuffix(" 1") == true)
            #expect(!lines.contains { $0.contains("grpc_subchannel") })
        }
    }

    @Test("a text comes piece by piece, the last one with its end and usage")
    func generate() async throws {
        let seen = Seen<GenerateRequest>()
        var methods = MethodTable()
        methods.register(serverStream: TextMethods.generate.path) { _, bytes, writer in
            seen.note(try GenerateRequest(decoding: bytes))
            try await writer.write(GenerateResponse(text: "there", tokens: [5]).encoded())
            try await writer.write(
                GenerateResponse(
                    text: " was", tokens: [6, 7], index: 1,
                    logprobs: [
                        TokenLogprobs(
                            chosen: TokenLogprob(token: 6, logprob: -1), top: [TokenLogprob(token: 2, logprob: -0.5)])
                    ]
                ).encoded())
            let usage = Usage(promptTokens: 3, generatedTokens: 3, queueMicroseconds: 10, computeMicroseconds: 2000)
            try await writer.write(GenerateResponse(finishReason: .stop, usage: usage).encoded())
        }
        try await TestServer.with(methods) { client in
            var settings = GenerationSettings()
            settings.tokenCountMax = 9
            settings.temperature = 0.5
            settings.topK = 4
            settings.topP = 0.75
            settings.seed = 11
            settings.stopTexts = ["\n"]
            settings.minP = 0.125
            settings.repetitionPenalty = 1.25
            settings.presencePenalty = 0.5
            settings.frequencyPenalty = -0.5
            settings.logitBiases = [3: -100]
            settings.stopTokens = [8]
            settings.cacheSalt = "salt"
            settings.logprobCount = 1
            settings.answerCount = 2
            settings.constraint = .choices(["a", "b"])
            var pieces: [TextPiece] = []
            for try await piece in try await client.generate(
                model: "m", version: 2, prompt: "Once", settings: settings)
            {
                pieces.append(piece)
            }
            #expect(pieces.map(\.text) == ["there", " was", ""])
            #expect(pieces.map(\.tokens) == [[5], [6, 7], []])
            #expect(pieces.map { $0.end == nil } == [true, true, false])
            #expect(pieces.map(\.answer) == [0, 1, 0])
            #expect(pieces[1].logprobs.map(\.chosen.logprob) == [-1] && pieces[1].logprobs[0].top[0].token == 2)
            #expect(pieces.last?.end?.reason == .stopText)
            #expect(pieces.last?.end?.usage?.computeTime == .milliseconds(2))
            #expect(
                seen.last
                    == GenerateRequest(
                        model: "m", version: "2", input: .prompt("Once"), maxTokens: 9, temperature: 0.5, topK: 4,
                        topP: 0.75, seed: 11, stop: ["\n"], minP: 0.125, repetitionPenalty: 1.25, presencePenalty: 0.5,
                        frequencyPenalty: -0.5, logitBias: [3: -100], stopTokens: [8], logprobs: 1, n: 2,
                        constraint: .choices(Choices(texts: ["a", "b"])), cacheSalt: "salt"))
            _ = try await client.generate(model: "m", tokens: [1, 2]).first { _ in true }
            #expect(seen.last?.input == .tokens(TokenSequence(ids: [1, 2])))
        }
    }

    @Test("texts become vectors")
    func embed() async throws {
        let seen = Seen<EmbedRequest>()
        var methods = MethodTable()
        let vectors: [[Float]] = [[1, 0], [0, 1]]
        methods.answer(TextMethods.embed, seen, with: EmbedResponse(embeddings: vectors.map { Embedding(values: $0) }))
        try await TestServer.with(methods) { client in
            #expect(try await client.embed(model: "m", texts: ["a", "b"]).vectors == vectors)
            #expect(seen.last == EmbedRequest(model: "m", texts: ["a", "b"]))
            _ = try await client.embed(model: "m", texts: ["a"], isNormalized: false)
            #expect(seen.last?.keepLength == true)
        }
    }

    @Test("pictures are classified, as files and as pixels")
    func classify() async throws {
        let seen = Seen<ClassifyRequest>()
        var methods = MethodTable()
        let answer = ClassifyResponse(
            classifications: [Classification(index: 7, label: "seven", score: 0.75)], queueMicroseconds: 5,
            computeMicroseconds: 6, batchSize: 2)
        methods.answer(VisionMethods.classify, seen, with: answer)
        try await TestServer.with(methods) { client in
            let classes = try await client.classify(model: "m", picture: .encoded([1, 2, 3]), candidateCountMax: 1)
            #expect(classes.candidates == [.init(index: 7, label: "seven", probability: 0.75)])
            #expect(
                classes.cost == BatchCost(queueTime: .microseconds(5), computeTime: .microseconds(6), batchSize: 2))
            #expect(seen.last == ClassifyRequest(model: "m", image: .encoded(Bytes([1, 2, 3])), topK: 1))
            _ = try await client.classify(
                model: "m", picture: .pixels(InferenceTensor(shape: [1, 1, 2], [0, 1] as [Float])))
            let data = Bytes([0, 0, 0, 0, 0, 0, 0x80, 0x3F])
            #expect(seen.last?.image == .tensor(ImageTensor(datatype: "FP32", shape: [1, 1, 2], data: data)))
            #expect(seen.last?.topK == nil)
        }
    }

    @Test("nodes are classified, of the model's graph and of one sent along")
    func predict() async throws {
        let seen = Seen<PredictRequest>()
        var methods = MethodTable()
        let prediction = NodePrediction(node: 33, scores: [0.25, 0.75], predictedClass: 1, label: "Officer")
        methods.answer(GraphMethods.predict, seen, with: PredictResponse(predictions: [prediction], batchSize: 1))
        try await TestServer.with(methods) { client in
            let classes = try await client.predict(model: "m", nodes: [33])
            #expect(
                classes.predictions == [.init(node: 33, classIndex: 1, label: "Officer", probabilities: [0.25, 0.75])])
            #expect(seen.last == PredictRequest(model: "m", nodes: [33]))
            let network = FeatureNetwork(
                nodeCount: 2, featureCount: 1, features: [0, 1],
                edges: [FeatureNetwork.Edge(source: 0, target: 1), FeatureNetwork.Edge(source: 1, target: 0)])
            _ = try await client.predict(model: "m", network: network)
            let graph = try #require(seen.last?.graph)
            #expect(graph.nodeCount == 2 && graph.featureCount == 1 && graph.features.count == 8)
            #expect(graph.edgeSources == [0, 1] && graph.edgeTargets == [1, 0])
        }
    }

    @Test("a sample of neighbours is asked for by its size and seed, and features are set node by node")
    func sampledAndUpdated() async throws {
        let (seen, updated) = (Seen<PredictRequest>(), Seen<UpdateNodesRequest>())
        var methods = MethodTable()
        methods.answer(GraphMethods.predict, seen, with: PredictResponse())
        methods.answer(GraphMethods.updateNodes, updated, with: UpdateNodesResponse(updatedNodes: 5))
        try await TestServer.with(methods) { client in
            let sampling = NeighbourSampling(fanout: [5, 0], seed: .max)
            _ = try await client.predict(model: "m", nodes: [1], sampling: sampling)
            #expect(seen.last == PredictRequest(model: "m", nodes: [1], fanout: [5, 0], samplingSeed: .max))
            let count = try await client.updateNodes(
                model: "m", version: 2, features: [7: [1, 2], 3: [-1, 0]], restoredNodes: [4])
            #expect(count == 5)
            let features = [-1, 0, 1, 2] as [Float]
            let bytes = features.withUnsafeBytes { Bytes(copying: $0) }
            #expect(
                updated.last
                    == UpdateNodesRequest(
                        model: "m", version: "2", nodes: [3, 7], featureCount: 2, features: bytes, restoredNodes: [4]))
        }
    }

    @Test("tensors go there and back, bytes unchanged")
    func infer() async throws {
        var methods = MethodTable()
        methods.register(unary: GRPCInferenceServiceMethods.modelInfer.path) { _, bytes in
            let request = try ModelInferRequest(decoding: bytes)
            return ModelInferResponse(
                modelName: request.modelName, modelVersion: "3",
                outputs: request.inputs.map {
                    .init(name: "\($0.name) back", datatype: $0.datatype, shape: $0.shape)
                }, rawOutputContents: request.rawInputContents
            ).encoded()
        }
        try await TestServer.with(methods) { client in
            let inputs = [
                NamedInferenceTensor("a", InferenceTensor(shape: [3], [1.5, -2, 0] as [Float])),
                NamedInferenceTensor("b", InferenceTensor(shape: [2], ["x", "größer"])),
            ]
            let answer = try await client.infer(model: "m", inputs: inputs)
            #expect(answer.model == "m" && answer.version == "3")
            #expect(answer.output("a back")?.floats == [1.5, -2, 0])
            #expect(answer.output("b back") == inputs[1].tensor)
            #expect(answer.output("c") == nil)
        }
    }

    @Test("a server that announces other tensors than it sends is not believed")
    func contradiction() async throws {
        var methods = MethodTable()
        methods.register(unary: GRPCInferenceServiceMethods.modelInfer.path) { _, _ in
            ModelInferResponse(outputs: [.init(name: "a")]).encoded()
        }
        methods.register(unary: GRPCInferenceServiceMethods.serverReady.path) { _, _ in Bytes([0xFF]) }
        try await TestServer.with(methods) { client in
            let error = await #expect(throws: ApusError.self) { try await client.infer(model: "m", inputs: []) }
            #expect(error?.code == .internal)
            let unreadable = await #expect(throws: ApusError.self) { try await client.isServerReady() }
            #expect(unreadable?.code == .internal)
        }
    }

    @Test("models and the server tell about themselves")
    func information() async throws {
        let seen = Seen<ModelMetadataRequest>()
        var methods = MethodTable()
        let metadata = ModelMetadataResponse(
            name: "m", versions: ["1", "2"], platform: "apus_onnx",
            inputs: [.init(name: "x", datatype: "FP32", shape: [-1, 3])], outputs: [],
            properties: ["modality": "vision"])
        methods.answer(GRPCInferenceServiceMethods.modelMetadata, seen, with: metadata)
        methods.answer(
            GRPCInferenceServiceMethods.serverReady, Seen<ServerReadyRequest>(), with: ServerReadyResponse(ready: true))
        methods.answer(
            GRPCInferenceServiceMethods.modelReady, Seen<ModelReadyRequest>(), with: ModelReadyResponse(ready: false))
        methods.answer(
            GRPCInferenceServiceMethods.serverMetadata, Seen<ServerMetadataRequest>(),
            with: ServerMetadataResponse(name: "apus", version: "1"))
        let status = GetStatusResponse(
            serverVersion: "1", uptimeMicroseconds: 3_000_000,
            models: [
                ModelStatus(
                    name: "m", version: "2", modality: .graph, state: .ready,
                    counters: ModelCounters(requests: 9, executions: 4, samples: 8))
            ])
        methods.answer(AdminMethods.getStatus, Seen<GetStatusRequest>(), with: status)
        try await TestServer.with(methods) { client in
            let information = try await client.modelInformation("m", version: 2)
            #expect(information.inputs == [TensorInformation(name: "x", dataType: "FP32", shape: [-1, 3])])
            #expect(information.properties == ["modality": "vision"])
            #expect(seen.last == ModelMetadataRequest(name: "m", version: "2"))
            #expect(try await client.isServerReady())
            #expect(try await client.isModelReady("m") == false)
            #expect(try await client.serverInformation().name == "apus")
            let status = try await client.status()
            #expect(status.uptime == .seconds(3))
            #expect(status.models.map(\.modality) == [.graph])
            #expect(status.models.first?.executionCount == 4)
        }
    }

    @Test("numbers that no message can carry are refused before anything is sent", arguments: [-1, 1 << 32])
    func unspeakableNumbers(number: Int) async throws {
        try await TestServer.with(MethodTable()) { client in
            let calls: [() async throws -> Void] = [
                { _ = try await client.predict(model: "m", nodes: [number]) },
                { _ = try await client.generate(model: "m", tokens: [number]) },
                { _ = try await client.classify(model: "m", picture: .encoded([]), candidateCountMax: number) },
            ]
            for call in calls {
                let error = await #expect(throws: ApusError.self) { try await call() }
                #expect(error?.code == .invalidArgument)
            }
        }
    }
}
