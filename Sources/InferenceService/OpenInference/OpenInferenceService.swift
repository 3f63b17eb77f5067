import Compute
package import Engine
package import Messages
import Models
import Routing
import Spans
package import Vocabulary

/// The Open Inference Protocol with what Triton has beside it, over every model there is.
///
/// - Source: Open Inference Protocol, version 2, gRPC; extended as Triton has it where clients rely on that.
package struct OpenInferenceService: Sendable {
    let engine: Engine
    private let servingState: ServingState
    let clock: any MonotonicClock
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64
    private let serverVersion: String
    /// Nil for a server whose models come from elsewhere.
    let repository: LiveRepository?
    /// Nil for a server without others behind it.
    let directory: ShardDirectory?
    /// Nil where shared memory is off.
    let regions: SharedMemoryRegions?
    let log: LogControl
    /// Nil for a server that exports no spans.
    let spanRules: SharedSpanRules?
    let responses = ResponseTallies()

    /// - Parameters:
    ///   - engine: answers the calls.
    ///   - servingState: whether the server takes calls.
    ///   - clock: of the server.
    ///   - now: milliseconds since 1970.
    ///   - serverVersion: as the server says it.
    ///   - extensions: what the server has beside its models.
    package init(
        engine: Engine, servingState: ServingState, clock: any MonotonicClock, now: @escaping @Sendable () -> Int64,
        serverVersion: String, extensions: ServerExtensions
    ) {
        self.engine = engine
        self.servingState = servingState
        self.clock = clock
        self.now = now
        self.serverVersion = serverVersion
        repository = extensions.repository
        directory = extensions.directory
        regions = extensions.sharedMemoryByteCountMax.map(SharedMemoryRegions.init(requestByteCountMax:))
        log = LogControl(extensions.logThreshold)
        spanRules = extensions.spanRules
    }

    /// True: who can ask gets this answer.
    package func serverLive(_ request: ServerLiveRequest) -> ServerLiveResponse {
        ServerLiveResponse(live: true)
    }

    /// Whether the server takes calls: after it has loaded its models, and until it drains.
    package func serverReady(_ request: ServerReadyRequest) -> ServerReadyResponse {
        ServerReadyResponse(ready: servingState.isServing)
    }

    /// Whether a model would answer; false, and no error, for one that is not there, or not for the caller.
    package func modelReady(_ request: ModelReadyRequest, _ call: CallContext) -> ModelReadyResponse {
        guard let selector = try? ModelSelector(name: request.name, version: request.version),
            call.mayCall(selector.name)
        else {
            return ModelReadyResponse(ready: false)
        }
        return ModelReadyResponse(
            ready: servingState.isServing && (engine.isReady(selector) || directory?.isReady(selector) == true))
    }

    /// What this server is called, and which extensions of the protocol it knows.
    package func serverMetadata(_ request: ServerMetadataRequest) -> ServerMetadataResponse {
        var extensions = [
            "binary_tensor_data", "classification", "logging", "model_configuration", "model_repository",
            "model_repository(unload_dependents)", "parameters", "schedule_policy", "sequence", "statistics",
        ]
        if regions != nil { extensions.append("system_shared_memory") }
        if spanRules != nil { extensions.append("trace") }
        return ServerMetadataResponse(name: "apus", version: serverVersion, extensions: extensions)
    }

    /// The tensors a model takes and gives.
    ///
    /// - Throws: NOT_FOUND.
    package func modelMetadata(_ request: ModelMetadataRequest) throws(ServingError) -> ModelMetadataResponse {
        let selector = try ModelSelector(name: request.name, version: request.version)
        let description = try engine.description(of: selector)
        let versions = selector.version.map { [$0] } ?? engine.versions(of: selector.name)
        return ModelMetadataResponse(
            name: description.name.name, versions: versions.map(\.description), platform: description.platform,
            inputs: description.inputs.map(ModelMetadataResponse.TensorMetadata.init),
            outputs: description.outputs.map(ModelMetadataResponse.TensorMetadata.init),
            properties: [
                "modality": description.modality.rawValue, "max_batch_size": String(description.batchSizeMax),
            ])
    }

    /// Runs tensors through a model; a text model takes its text as a tensor, and gives text or vectors as one.
    ///
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT naming the tensor, what was expected and what came; RESOURCE_EXHAUSTED
    ///   when the queue is full; DEADLINE_EXCEEDED; CANCELLED; UNAVAILABLE at shutdown.
    package func modelInfer(
        _ request: ModelInferRequest, _ call: CallContext
    ) async throws(ServingError) -> ModelInferResponse {
        let asked = try AskedInference(request, self, call)
        let call = call.following(asked.parameters, from: clock.now())
        if asked.description.isToEmbed(asked.input) { return try await embed(asked, call) }
        guard asked.description.modality != .text else { return try await generate(asked, call) }
        let answer = try await engine.infer(asked.selector, asked.input, as: asked.description, for: call)
        return try asked.response(answer.name, answer.version, answer.output)
    }

    /// Answers a plain request for an immediate model, without a task and without protobuf-c between.
    ///
    /// - Returns: the bytes of the response; nil for any other model or request, which `modelInfer` is to answer.
    /// - Throws: as `modelInfer`.
    func modelInferAtOnce(_ bytes: Bytes, _ keeper: GateKeeper) throws(ServingError) -> Bytes? {
        guard let request = PlainInference(bytes), let model = engine.immediateInference(request.selector),
            let (input, id) = request.input()
        else { return nil }
        // A digest takes the usual way.
        guard keeper.digest == nil else { return nil }
        try keeper.take(request.selector.name)
        let answer = try model.infer(input)
        keeper.note(answer.version)
        return answer.encoded(id: id)
    }
}
