import Engine
import InferenceService
import Messages
import Models
import RPC
import RPCTransport
import Synchronization
import Tenancy
import Testing
import TextModels
import Vocabulary

private typealias Methods = GRPCInferenceServiceMethods

/// What a server has its ledger take down.
private final class Records: Sendable {
    let all = Mutex<[(used: Consumption, model: ModelName?)]>([])

    var models: [String?] { all.withLock { $0.map { $0.model?.name } } }
}

@Suite("What is recorded of a call", .timeLimit(.minutes(5)))
struct RecordedUsageTests {
    private func withServer(_ body: (WholeServer, Records) async throws -> Void) async throws {
        let records = Records()
        try await WholeServer.with(
            record: { used, _, model in records.all.withLock { $0.append((used, model)) } },
            { whole in
                let version = ModelVersion(1)!
                for name in ["echo", "delay"] {
                    try await whole.engine.load(
                        EngineModel(
                            batch: DelayModel(
                                name: ModelName(name)!, version: version, batchSizeMax: 8, delayMilliseconds: 0)))
                }
                try await body(whole, records)
            })
    }

    private func request(_ model: String, type: String = "INT8") -> ModelInferRequest {
        ModelInferRequest(
            modelName: model, inputs: [.init(name: "x", datatype: type, shape: [1, 1])],
            rawInputContents: [Bytes([1])])
    }

    /// Goal: whatever names a caller thinks of, the ledger's rows are of models that there are.
    @Test("a stream that names models that are not there adds no rows of their names")
    func madeUpNames() async throws {
        try await withServer { whole, records in
            let stream = await whole.channel.stream(Bytes(utf8: Methods.modelStreamInfer.path))
            for name in ["!1", "no1", "echo", "no2", "no3", "delay", "no4"] {
                try await stream.write(request(name).encoded())
                _ = try await stream.next()
            }
            try await stream.finishWriting()
            #expect(try await stream.next() == nil)
            // The two that have answered, and the end of the call, which is of no model.
            #expect(records.models == ["echo", "delay", nil])
            let ends = records.all.withLock { $0.map(\.used.requestCount) }
            #expect(ends == [0, 0, 1])
        }
    }

    @Test("a call that fails counts for its model if there is one")
    func failures() async throws {
        try await withServer { whole, records in
            for (name, type) in [("echo", "INT8"), ("echo", "nonsense"), ("no1", "INT8"), ("!", "INT8")] {
                _ = try? await whole.call(Methods.modelInfer, request(name, type: type))
            }
            #expect(records.models == ["echo", "echo", nil, nil])
            #expect(records.all.withLock { $0.map(\.used.failureCount) } == [0, 1, 1, 1])
        }
    }

    @Test("a request that asks for nothing of a model that is not there counts for none")
    func nothingAsked() async throws {
        try await withServer { whole, records in
            _ = try? await whole.call(TextMethods.embed, EmbedRequest(model: "made-up"))
            #expect(records.models == [nil])
        }
    }

    @Test("a question about every node of the model's graph counts them all")
    func wholeGraph() async throws {
        try await withServer { whole, records in
            for (_, model) in ModelRepository(path: ExampleFiles.path).load([ModelName("karate")!]).models {
                try await whole.engine.load(model)
            }
            let all = try await whole.call(GraphMethods.predict, PredictRequest(model: "karate"))
            _ = try await whole.call(GraphMethods.predict, PredictRequest(model: "karate", nodes: [0, 33]))
            _ = try await whole.call(Methods.modelInfer, ModelInferRequest(modelName: "karate"))
            #expect(all.predictions.count == 34)
            #expect(records.all.withLock { $0.map(\.used.nodeCount) } == [34, 2, 34])
        }
    }
}

@Suite("What a tenant hears of models that are not for it", .timeLimit(.minutes(5)))
struct HiddenModelsTests {
    private func withServer(_ body: (WholeServer) async throws -> Void) async throws {
        let local = TenantID("local")!
        let policy = TenantPolicy(grants: [Grant(models: [ModelName("mine")!, ModelName("gone")!])])
        let tenants = TenantGate(
            TenantTable(policies: [local: policy], anonymousTenant: local),
            clocks: .init(monotonic: Vocabulary.SystemClock(), unixSeconds: { 0 }))
        try await WholeServer.with(tenants: tenants) { whole in
            whole.servingState.isServing = true
            for name in ["mine", "secret"] {
                try await whole.engine.load(
                    EngineModel(batch: IdentityModel(name: ModelName(name)!, version: ModelVersion(1)!)))
            }
            try await body(whole)
        }
    }

    @Test("it is not told whether they are there")
    func readiness() async throws {
        try await withServer { whole in
            for (name, isReady) in [("mine", true), ("secret", false), ("gone", false)] {
                let answer = try await whole.call(Methods.modelReady, ModelReadyRequest(name: name))
                #expect(answer.ready == isReady, "\(name)")
            }
        }
    }

    @Test("nor by the answer for a model that is not there")
    func names() async throws {
        try await withServer { whole in
            let request = ModelInferRequest(modelName: "gone")
            let failure = await #expect(throws: RPCFailure.self) { try await whole.call(Methods.modelInfer, request) }
            #expect(failure?.error.code == .notFound)
            #expect(failure?.error.message == "Request for unknown model: 'gone' is not found")
            let stream = await whole.channel.stream(Bytes(utf8: Methods.modelStreamInfer.path))
            try await stream.write(request.encoded())
            let answer = try ModelStreamInferResponse(decoding: try #require(try await stream.next()))
            #expect(answer.errorMessage == "Request for unknown model: 'gone' is not found")
            try await stream.finishWriting()
            _ = try await stream.next()
        }
    }
}
