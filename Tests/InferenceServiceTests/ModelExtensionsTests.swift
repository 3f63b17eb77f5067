import Compute
import Messages
import Models
import RPC
import RPCTransport
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import Engine
@testable import InferenceService

/// What there is to know about models beside their metadata: configuration, statistics, index.
@Suite struct ModelExtensionsTests {
    private typealias Methods = GRPCInferenceServiceMethods

    private func withModels(_ body: (WholeServer) async throws -> Void) async throws {
        try await WholeServer.with { whole in
            let version = ModelVersion(1)!
            try await whole.engine.load(
                EngineModel(batch: IdentityModel(name: ModelName("identity")!, version: version)))
            try await whole.engine.load(
                EngineModel(
                    batch: DelayModel(
                        name: ModelName("delay")!, version: version, batchSizeMax: 8, delayMilliseconds: 0),
                    queueCapacity: 9, queueDelayMaxNanoseconds: 5000))
            let examples = ModelRepository(path: ExampleFiles.path).load(
                [ModelName("digits")!, ModelName("karate")!, ModelName("storyteller")!])
            for (_, model) in examples.models { try await whole.engine.load(model) }
            try await body(whole)
        }
    }

    @Test("a configuration says what clients read before their first request")
    func configuration() async throws {
        try await withModels { whole in
            func config(_ name: String) async throws -> ModelConfig {
                try #require(try await whole.call(Methods.modelConfig, ModelConfigRequest(name: name)).config)
            }
            let digits = try await config("digits")
            #expect(digits.maxBatchSize == 64 && digits.backend == "apus" && digits.platform == "apus_onnx")
            #expect(digits.input == [ModelInput(name: "image", dataType: .typeFp32, dims: [1, 28, 28])])
            #expect(digits.output == [ModelOutput(name: "probabilities", dataType: .typeFp32, dims: [10])])
            #expect(digits.modelTransactionPolicy == ModelTransactionPolicy(decoupled: false))
            #expect(digits.instanceGroup.map(\.kind) == [.cpu])
            let delay = try await config("delay")
            #expect(
                delay.schedulingChoice
                    == .dynamicBatching(
                        ModelDynamicBatching(
                            maxQueueDelayMicroseconds: 5,
                            defaultQueuePolicy: ModelQueuePolicy(allowTimeoutOverride: true, maxQueueSize: 9))))
            // Graphs share executions, but the first extents of their tensors are no batch.
            let karate = try await config("karate")
            #expect(karate.maxBatchSize == 0 && karate.input.map(\.optional) == [true, true, true, true, true])
            #expect(karate.input.map(\.dims) == [[-1], [-1, 34], [2, -1], [2], [1]])
            let text = try await config("storyteller")
            #expect(text.modelTransactionPolicy == ModelTransactionPolicy(decoupled: true))
            #expect(text.input.filter { !$0.optional }.map(\.name) == ["text_input"])
            #expect(try await config("identity").schedulingChoice == nil)
            let failure = await #expect(throws: RPCFailure.self) { try await config("nowhere") }
            #expect(failure?.error.code == .notFound)
        }
    }

    @Test("the counts that clients divide are equal, whatever failed beside them")
    func statistics() async throws {
        try await withModels { whole in
            func infer(_ type: String) async throws {
                _ = try await whole.call(
                    Methods.modelInfer,
                    ModelInferRequest(
                        modelName: "delay", inputs: [.init(name: "x", datatype: type, shape: [2, 1])],
                        outputs: [.init(name: type == "INT8" ? "x" : "none")], rawInputContents: [Bytes([1, 2])]))
            }
            for _ in 0..<3 { try await infer("INT8") }
            await #expect(throws: RPCFailure.self) { try await infer("UINT8") }
            let all = try await whole.call(Methods.modelStatistics, ModelStatisticsRequest()).modelStats
            #expect(all.map(\.name) == ["delay", "digits", "identity", "karate", "storyteller"])
            let delay = try #require(all.first)
            let times = try #require(delay.inferenceStats)
            #expect(times.success?.count == 3 && times.fail?.count == 1)
            for part in [times.queue, times.computeInput, times.computeInfer, times.computeOutput] {
                #expect(part?.count == 3)
            }
            #expect(delay.inferenceCount == 6 && delay.executionCount == 4)
            #expect(delay.batchStats.map(\.batchSize) == [2])
            #expect(delay.batchStats.first?.computeInfer?.count == 4)
            #expect(all.last?.memoryUsage.map(\.type) == ["CPU", "CPU_KV_CACHE"])
            let one = try await whole.call(
                Methods.modelStatistics, ModelStatisticsRequest(name: "delay", version: "1"))
            #expect(one.modelStats.map(\.name) == ["delay"])
        }
    }

    @Test("streamed responses are counted by their number, and the last answer says when it was")
    func streams() async throws {
        try await withModels { whole in
            let call = await whole.channel.stream(Bytes(utf8: Methods.modelStreamInfer.path))
            func tensor(_ name: String, _ type: String) -> ModelInferRequest.InferInputTensor {
                .init(name: name, datatype: type, shape: [1])
            }
            try await call.write(
                ModelInferRequest(
                    modelName: "storyteller", id: "7",
                    parameters: ["sequence_id": InferParameter(parameterChoice: .int64Param(3))],
                    inputs: [tensor("text_input", "BYTES"), tensor("max_tokens", "INT32"), tensor("stream", "BOOL")],
                    rawInputContents: [
                        Bytes([4, 0, 0, 0] + Array("Once".utf8)), Bytes([8, 0, 0, 0]), Bytes([1]),
                    ]
                ).encoded())
            try await call.finishWriting()
            var answers: [ModelInferResponse] = []
            while let bytes = try await call.next() {
                answers.append(try #require(try ModelStreamInferResponse(decoding: bytes).inferResponse))
            }
            #expect(answers.allSatisfy { $0.parameters["sequence_id"]?.parameterChoice == .int64Param(3) })
            #expect(answers.last?.parameters["triton_final_response"]?.parameterChoice == .boolParam(true))
            let statistics = try await whole.call(
                Methods.modelStatistics, ModelStatisticsRequest(name: "storyteller"))
            let stats = try #require(statistics.modelStats.first)
            #expect(stats.responseStats.count == answers.count && answers.count > 1)
            #expect(stats.responseStats.values.allSatisfy { $0.success?.count == 1 && $0.fail?.count == 0 })
            #expect(stats.inferenceStats?.success?.count == 1 && stats.inferenceStats?.computeInfer?.count == 1)
            #expect(stats.executionCount >= 1)
        }
    }

    @Test("an index without a repository has what is served; to load and unload is not allowed")
    func index() async throws {
        try await withModels { whole in
            let index = try await whole.call(Methods.repositoryIndex, RepositoryIndexRequest(ready: true)).models
            #expect(index.map(\.name) == ["delay", "digits", "identity", "karate", "storyteller"])
            #expect(index.allSatisfy { $0.version == "1" && $0.state == "READY" && $0.reason == "" })
            let failure = await #expect(throws: RPCFailure.self) {
                try await whole.call(Methods.repositoryModelLoad, RepositoryModelLoadRequest(modelName: "digits"))
            }
            // There is no admin without certificates.
            #expect(failure?.error.code == .permissionDenied)
            let named = await #expect(throws: RPCFailure.self) {
                try await whole.call(Methods.repositoryIndex, RepositoryIndexRequest(repositoryName: "r"))
            }
            #expect(named?.error.code == .unimplemented)
        }
    }

    @Test("the memory of GPUs is not there, and shared memory only where it is turned on")
    func sharedMemory() async throws {
        try await WholeServer.with { whole in
            let cuda = await #expect(throws: RPCFailure.self) {
                try await whole.call(Methods.cudaSharedMemoryStatus, CudaSharedMemoryStatusRequest())
            }
            #expect(cuda?.error.code == .unimplemented)
            let off = await #expect(throws: RPCFailure.self) {
                try await whole.call(Methods.systemSharedMemoryStatus, SystemSharedMemoryStatusRequest())
            }
            #expect(off?.error.code == .unimplemented)
            let metadata = try await whole.call(Methods.serverMetadata, ServerMetadataRequest())
            #expect(!metadata.extensions.contains("system_shared_memory"))
            #expect(metadata.extensions.contains("statistics") && !metadata.extensions.contains("trace"))
        }
    }

    @Test("a tenant learns about its models only")
    func tenants() throws {
        let call = CallContext(
            peer: nil, tenant: TenantID("acme"), deadline: .never, requestID: RequestID(1),
            allowedModels: [ModelName("digits")!])
        #expect(call.mayCall(ModelName("digits")!) && !call.mayCall(ModelName("karate")!))
    }

    @Test("class names are those of the first output that the model declares, in whatever order they are asked for")
    func labelledOutput() throws {
        let scores = TensorDescription("scores", .float32, shape: [2])
        let other = TensorDescription("other", .float32, shape: [2])
        let name = ModelName("m")!
        let description = ModelDescription(
            name: name, version: ModelVersion(1)!, modality: .tensor, platform: "test", inputs: [],
            outputs: [scores, other], batchSizeMax: 0, labels: ["cat", "dog"])
        let top = ["classification": InferParameter(parameterChoice: .int64Param(1))]
        let request = ModelInferRequest(
            modelName: "m", outputs: [.init(name: "other", parameters: top), .init(name: "scores", parameters: top)])
        let asked = try AskedInference(request, describedBy: description, memory: nil)
        let values = try Tensor([1, 2] as [Float], shape: [2])
        let response = try asked.response(
            name, ModelVersion(1)!,
            InferenceOutput(tensors: [NamedTensor("other", values), NamedTensor("scores", values)]))
        let texts = response.rawOutputContents.map { String(decoding: $0.array.dropFirst(4), as: UTF8.self) }
        #expect(texts == ["2.0:1", "2.0:1:dog"])
    }

    @Test("more tensors than any model has are refused before they are looked at", .timeLimit(.minutes(1)))
    func tooManyTensors() {
        let outputs = (0..<100_000).map { ModelInferRequest.InferRequestedOutputTensor(name: "\($0)") }
        let inputs = (0..<100_000).map {
            ModelInferRequest.InferInputTensor(name: "\($0)", datatype: "UINT8", shape: [0])
        }
        for request in [
            ModelInferRequest(modelName: "identity", outputs: outputs),
            ModelInferRequest(modelName: "identity", inputs: inputs),
        ] {
            let error = #expect(throws: ServingError.self) { try request.inferenceInput() }
            #expect(error?.code == .invalidArgument && error?.message.contains("expected at most 1024") == true)
        }
        let most = ModelInferRequest(modelName: "identity", outputs: Array(outputs.prefix(1024)))
        #expect((try? most.inferenceInput().requestedOutputs.count) == 1024)
    }

    @Test("the highest values of an output come as texts, with the names of their classes")
    func classes() throws {
        let rows = NamedTensor("y", try Tensor([1, 3, 2, 5, 4, 5] as [Float], shape: [2, 3]))
        func texts(_ count: Int, batches: Bool, labels: [String] = []) throws -> (shape: [Int], texts: [String]) {
            let tensor = try OutputClasses(rows, count: count, batches: batches, labels: labels).tensor()
            return (tensor.shape, tensor.byteElements.map { $0.utf8String ?? "" })
        }
        let two = try texts(2, batches: true, labels: ["a", "b"])
        #expect(two.shape == [2, 2] && two.texts == ["3.0:1:b", "2.0:2", "5.0:0:a", "5.0:2"])
        let whole = try texts(9, batches: false)
        #expect(whole.shape == [6] && whole.texts.prefix(2) == ["5.0:3", "5.0:5"])
        let words = NamedTensor("y", try Tensor(elements: [Bytes([1])], shape: [1]))
        #expect(throws: ServingError.self) { try OutputClasses(words, count: 1, batches: false, labels: []) }
    }
}

/// The models that Apus brings along.
enum ExampleFiles {
    static let path =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/") + "/Sources/ApusServer/ExampleModels"
}
