// Made by Proto/generate from inference.proto.
// swift-format-ignore-file

package import Vocabulary

/// Inference over named tensors, and what there is to know about the server and its models.
package enum GRPCInferenceServiceMethods {
    /// The full name of the service.
    package static let service = "inference.GRPCInferenceService"

    /// Whether the server answers at all.
    package static let serverLive = MethodSignature<ServerLiveRequest, ServerLiveResponse>(
        path: "/inference.GRPCInferenceService/ServerLive")

    /// Whether every model that should be loaded can answer.
    package static let serverReady = MethodSignature<ServerReadyRequest, ServerReadyResponse>(
        path: "/inference.GRPCInferenceService/ServerReady")

    /// Whether one model can answer. A model that the server does not know is not ready; that is no error.
    package static let modelReady = MethodSignature<ModelReadyRequest, ModelReadyResponse>(
        path: "/inference.GRPCInferenceService/ModelReady")

    /// The name and version of the server.
    package static let serverMetadata = MethodSignature<ServerMetadataRequest, ServerMetadataResponse>(
        path: "/inference.GRPCInferenceService/ServerMetadata")

    /// The tensors that a model takes and gives. NOT_FOUND for a model that the server does not know.
    package static let modelMetadata = MethodSignature<ModelMetadataRequest, ModelMetadataResponse>(
        path: "/inference.GRPCInferenceService/ModelMetadata")

    /// Runs a model once.
    ///
    /// NOT_FOUND for an unknown model; INVALID_ARGUMENT for a tensor of the wrong name, type, shape or byte count,
    /// saying what was expected and what came; RESOURCE_EXHAUSTED when the queue of the model is full.
    package static let modelInfer = MethodSignature<ModelInferRequest, ModelInferResponse>(
        path: "/inference.GRPCInferenceService/ModelInfer")

    /// Runs models for each request of a stream, one after the other. A text model whose input `stream` is true answers
    /// with each piece of text as it comes; everything else answers once. An error of one request is a response that
    /// says so, and the stream goes on.
    ///
    /// With the metadata `triton_grpc_error: true` an error ends the stream with its status instead.
    package static let modelStreamInfer = MethodSignature<ModelInferRequest, ModelStreamInferResponse>(
        path: "/inference.GRPCInferenceService/ModelStreamInfer", clientStreams: true, serverStreams: true)

    /// How a model is served. NOT_FOUND for a model that the server does not know.
    package static let modelConfig = MethodSignature<ModelConfigRequest, ModelConfigResponse>(
        path: "/inference.GRPCInferenceService/ModelConfig")

    /// What models have done since they were loaded. NOT_FOUND for a model that the server does not know.
    package static let modelStatistics = MethodSignature<ModelStatisticsRequest, ModelStatisticsResponse>(
        path: "/inference.GRPCInferenceService/ModelStatistics")

    /// What lies in the repositories, and what is served of it.
    package static let repositoryIndex = MethodSignature<RepositoryIndexRequest, RepositoryIndexResponse>(
        path: "/inference.GRPCInferenceService/RepositoryIndex")

    /// Loads a model as it lies in the repository now, or loads it anew; answers once it is ready. For admins, and only
    /// where the configuration says `repository: {control: explicit}`.
    ///
    /// NOT_FOUND for a model that is in no repository; FAILED_PRECONDITION when it cannot be loaded, saying why: what was
    /// served before still is.
    package static let repositoryModelLoad = MethodSignature<RepositoryModelLoadRequest, RepositoryModelLoadResponse>(
        path: "/inference.GRPCInferenceService/RepositoryModelLoad")

    /// Stops serving a model; answers once the requests that it had are answered. For admins, as `RepositoryModelLoad`.
    package static let repositoryModelUnload = MethodSignature<RepositoryModelUnloadRequest, RepositoryModelUnloadResponse>(
        path: "/inference.GRPCInferenceService/RepositoryModelUnload")

    /// Which regions of shared memory are registered.
    package static let systemSharedMemoryStatus = MethodSignature<SystemSharedMemoryStatusRequest, SystemSharedMemoryStatusResponse>(
        path: "/inference.GRPCInferenceService/SystemSharedMemoryStatus")

    /// Registers a region of shared memory, from which requests then take their tensors and into which they have their
    /// answers written. For admins, and only where the configuration says `shared_memory: true`.
    package static let systemSharedMemoryRegister = MethodSignature<SystemSharedMemoryRegisterRequest, SystemSharedMemoryRegisterResponse>(
        path: "/inference.GRPCInferenceService/SystemSharedMemoryRegister")

    /// Forgets a region, or all of them.
    package static let systemSharedMemoryUnregister = MethodSignature<SystemSharedMemoryUnregisterRequest, SystemSharedMemoryUnregisterResponse>(
        path: "/inference.GRPCInferenceService/SystemSharedMemoryUnregister")

    /// UNIMPLEMENTED: nothing here runs on a GPU.
    package static let cudaSharedMemoryStatus = MethodSignature<CudaSharedMemoryStatusRequest, CudaSharedMemoryStatusResponse>(
        path: "/inference.GRPCInferenceService/CudaSharedMemoryStatus")

    /// UNIMPLEMENTED: nothing here runs on a GPU.
    package static let cudaSharedMemoryRegister = MethodSignature<CudaSharedMemoryRegisterRequest, CudaSharedMemoryRegisterResponse>(
        path: "/inference.GRPCInferenceService/CudaSharedMemoryRegister")

    /// UNIMPLEMENTED: nothing here runs on a GPU.
    package static let cudaSharedMemoryUnregister = MethodSignature<CudaSharedMemoryUnregisterRequest, CudaSharedMemoryUnregisterResponse>(
        path: "/inference.GRPCInferenceService/CudaSharedMemoryUnregister")

    /// Tells what is to be traced and, for admins, changes it.
    package static let traceSetting = MethodSignature<TraceSettingRequest, TraceSettingResponse>(
        path: "/inference.GRPCInferenceService/TraceSetting")

    /// Tells how much is logged and, for admins, changes it.
    package static let logSettings = MethodSignature<LogSettingsRequest, LogSettingsResponse>(
        path: "/inference.GRPCInferenceService/LogSettings")
}

/// Asks whether the server is alive.
package struct ServerLiveRequest: Message {
    package init() {}
}

/// Answers whether the server is alive.
package struct ServerLiveResponse: Message {
    /// True whenever there is an answer.
    package var live: Bool

    package init(live: Bool = false) {
        self.live = live
    }
}

/// Asks whether the server is ready.
package struct ServerReadyRequest: Message {
    package init() {}
}

/// Answers whether the server is ready.
package struct ServerReadyResponse: Message {
    /// Whether every model that should be loaded can answer.
    package var ready: Bool

    package init(ready: Bool = false) {
        self.ready = ready
    }
}

/// Asks whether a model is ready.
package struct ModelReadyRequest: Message {
    /// The model.
    package var name: String
    /// Its version, a positive integer; the newest one when empty.
    package var version: String

    package init(name: String = "", version: String = "") {
        self.name = name
        self.version = version
    }
}

/// Answers whether a model is ready.
package struct ModelReadyResponse: Message {
    /// Whether the model can answer; false for a model that the server does not know.
    package var ready: Bool

    package init(ready: Bool = false) {
        self.ready = ready
    }
}

/// Asks who the server is.
package struct ServerMetadataRequest: Message {
    package init() {}
}

/// Says who the server is.
package struct ServerMetadataResponse: Message {
    /// The name of the server.
    package var name: String
    /// The version of the server.
    package var version: String
    /// The extensions of the protocol that the server speaks.
    package var extensions: [String]

    package init(name: String = "", version: String = "", extensions: [String] = []) {
        self.name = name
        self.version = version
        self.extensions = extensions
    }
}

/// Asks about a model.
package struct ModelMetadataRequest: Message {
    /// The model.
    package var name: String
    /// Its version, a positive integer; the newest one when empty.
    package var version: String

    package init(name: String = "", version: String = "") {
        self.name = name
        self.version = version
    }
}

/// Describes a model.
package struct ModelMetadataResponse: Message {
    /// Describes one tensor that a model takes or gives.
    package struct TensorMetadata: Message {
        /// The name of the tensor.
        package var name: String
        /// The type of its elements: BOOL, UINT8 to UINT64, INT8 to INT64, FP16, BF16, FP32, FP64 or BYTES.
        package var datatype: String
        /// Its extents, outermost first; -1 where any extent will do, such as that of a batch.
        package var shape: [Int64]

        package init(name: String = "", datatype: String = "", shape: [Int64] = []) {
            self.name = name
            self.datatype = datatype
            self.shape = shape
        }
    }

    /// The model.
    package var name: String
    /// The versions that are served, each a positive integer.
    package var versions: [String]
    /// What runs the model, e.g. `onnx` or `llama`.
    package var platform: String
    /// What the model takes.
    package var inputs: [ModelMetadataResponse.TensorMetadata]
    /// What the model gives.
    package var outputs: [ModelMetadataResponse.TensorMetadata]
    /// More about the model, by name.
    package var properties: [String: String]

    package init(
        name: String = "",
        versions: [String] = [],
        platform: String = "",
        inputs: [ModelMetadataResponse.TensorMetadata] = [],
        outputs: [ModelMetadataResponse.TensorMetadata] = [],
        properties: [String: String] = [:]
    ) {
        self.name = name
        self.versions = versions
        self.platform = platform
        self.inputs = inputs
        self.outputs = outputs
        self.properties = properties
    }
}

/// A value given along with a request, a response or a tensor, by name.
package struct InferParameter: Message {
    /// The value, of one of these types.
    package enum ParameterChoice: Equatable, Sendable {
        /// A truth value.
        case boolParam(Bool)
        /// A signed integer.
        case int64Param(Int64)
        /// Text.
        case stringParam(String)
        /// A floating-point number.
        case doubleParam(Double)
        /// An unsigned integer.
        case uint64Param(UInt64)
    }

    /// The value, of one of these types.
    package var parameterChoice: ParameterChoice?

    package init(parameterChoice: ParameterChoice? = nil) {
        self.parameterChoice = parameterChoice
    }
}

/// The elements of a tensor, row by row, in the list that fits its datatype.
///
/// Slow for large tensors: prefer the raw contents of the request. FP16 and BF16 can only be sent raw.
package struct InferTensorContents: Message {
    /// The elements of a BOOL tensor.
    package var boolContents: [Bool]
    /// The elements of an INT8, INT16 or INT32 tensor.
    package var intContents: [Int32]
    /// The elements of an INT64 tensor.
    package var int64Contents: [Int64]
    /// The elements of a UINT8, UINT16 or UINT32 tensor.
    package var uintContents: [UInt32]
    /// The elements of a UINT64 tensor.
    package var uint64Contents: [UInt64]
    /// The elements of an FP32 tensor.
    package var fp32Contents: [Float]
    /// The elements of an FP64 tensor.
    package var fp64Contents: [Double]
    /// The elements of a BYTES tensor.
    package var bytesContents: [Bytes]

    package init(
        boolContents: [Bool] = [],
        intContents: [Int32] = [],
        int64Contents: [Int64] = [],
        uintContents: [UInt32] = [],
        uint64Contents: [UInt64] = [],
        fp32Contents: [Float] = [],
        fp64Contents: [Double] = [],
        bytesContents: [Bytes] = []
    ) {
        self.boolContents = boolContents
        self.intContents = intContents
        self.int64Contents = int64Contents
        self.uintContents = uintContents
        self.uint64Contents = uint64Contents
        self.fp32Contents = fp32Contents
        self.fp64Contents = fp64Contents
        self.bytesContents = bytesContents
    }
}

/// Asks to run a model once.
package struct ModelInferRequest: Message {
    /// A tensor for the model.
    package struct InferInputTensor: Message {
        /// The name of the tensor, as the model's metadata has it.
        package var name: String
        /// The type of its elements, as the model's metadata has it.
        package var datatype: String
        /// Its extents, outermost first.
        package var shape: [Int64]
        /// More about this tensor: `shared_memory_region`, `shared_memory_byte_size` and `shared_memory_offset` say where in
        /// a registered region its elements are.
        package var parameters: [String: InferParameter]
        /// The elements, unless the request gives them in `raw_input_contents`.
        package var contents: InferTensorContents?

        package init(
            name: String = "",
            datatype: String = "",
            shape: [Int64] = [],
            parameters: [String: InferParameter] = [:],
            contents: InferTensorContents? = nil
        ) {
            self.name = name
            self.datatype = datatype
            self.shape = shape
            self.parameters = parameters
            self.contents = contents
        }
    }

    /// An output that the caller wants.
    package struct InferRequestedOutputTensor: Message {
        /// The name of the output, as the model's metadata has it.
        package var name: String
        /// More about this output: `shared_memory_region`, `shared_memory_byte_size` and `shared_memory_offset` say where in
        /// a registered region its elements are to be written; `classification` asks for so many of its highest values
        /// instead, each as a text `VALUE:INDEX` or `VALUE:INDEX:LABEL`.
        package var parameters: [String: InferParameter]

        package init(name: String = "", parameters: [String: InferParameter] = [:]) {
            self.name = name
            self.parameters = parameters
        }
    }

    /// The model.
    package var modelName: String
    /// Its version, a positive integer; the newest one when empty.
    package var modelVersion: String
    /// Anything the caller likes; the response carries it back.
    package var id: String
    /// More about this request. `timeout`, in microseconds, is how long it may wait; `priority` is accepted and has no
    /// effect; `sequence_id`, with `sequence_start` and `sequence_end`, comes back in the response. Other names that begin
    /// with `triton_` than `triton_enable_empty_final_response` are refused.
    package var parameters: [String: InferParameter]
    /// The tensors for the model.
    package var inputs: [ModelInferRequest.InferInputTensor]
    /// The outputs that the caller wants; all of them when empty.
    package var outputs: [ModelInferRequest.InferRequestedOutputTensor]
    /// The elements of each of `inputs` that has none in shared memory, in the same order: row by row, little-endian; of a
    /// BYTES tensor each element is its length as four bytes and then its bytes. When this is used, no input has
    /// `contents`.
    package var rawInputContents: [Bytes]

    package init(
        modelName: String = "",
        modelVersion: String = "",
        id: String = "",
        parameters: [String: InferParameter] = [:],
        inputs: [ModelInferRequest.InferInputTensor] = [],
        outputs: [ModelInferRequest.InferRequestedOutputTensor] = [],
        rawInputContents: [Bytes] = []
    ) {
        self.modelName = modelName
        self.modelVersion = modelVersion
        self.id = id
        self.parameters = parameters
        self.inputs = inputs
        self.outputs = outputs
        self.rawInputContents = rawInputContents
    }
}

/// What the model gave.
package struct ModelInferResponse: Message {
    /// A tensor from the model.
    package struct InferOutputTensor: Message {
        /// The name of the tensor.
        package var name: String
        /// The type of its elements.
        package var datatype: String
        /// Its extents, outermost first.
        package var shape: [Int64]
        /// More about this tensor.
        package var parameters: [String: InferParameter]
        /// The elements, unless the response gives them in `raw_output_contents`.
        package var contents: InferTensorContents?

        package init(
            name: String = "",
            datatype: String = "",
            shape: [Int64] = [],
            parameters: [String: InferParameter] = [:],
            contents: InferTensorContents? = nil
        ) {
            self.name = name
            self.datatype = datatype
            self.shape = shape
            self.parameters = parameters
            self.contents = contents
        }
    }

    /// The model that ran.
    package var modelName: String
    /// The version that ran.
    package var modelVersion: String
    /// The id of the request.
    package var id: String
    /// More about this response.
    package var parameters: [String: InferParameter]
    /// The tensors from the model.
    package var outputs: [ModelInferResponse.InferOutputTensor]
    /// The elements of each of `outputs`, in the same order and format as `raw_input_contents` of the request.
    package var rawOutputContents: [Bytes]

    package init(
        modelName: String = "",
        modelVersion: String = "",
        id: String = "",
        parameters: [String: InferParameter] = [:],
        outputs: [ModelInferResponse.InferOutputTensor] = [],
        rawOutputContents: [Bytes] = []
    ) {
        self.modelName = modelName
        self.modelVersion = modelVersion
        self.id = id
        self.parameters = parameters
        self.outputs = outputs
        self.rawOutputContents = rawOutputContents
    }
}

/// One of the answers in a stream.
package struct ModelStreamInferResponse: Message {
    /// What is wrong with a request; empty when nothing is.
    package var errorMessage: String
    /// What the model gave, or of the request that something is wrong with, its `id`. The parameter
    /// `triton_final_response` is true in the last response to a request, which has beside it what the request has used,
    /// as `uint64_param` by the names of the trailers: `apus-prompt-tokens` and so on.
    package var inferResponse: ModelInferResponse?

    package init(errorMessage: String = "", inferResponse: ModelInferResponse? = nil) {
        self.errorMessage = errorMessage
        self.inferResponse = inferResponse
    }
}

/// Asks how a model is served.
package struct ModelConfigRequest: Message {
    /// The model.
    package var name: String
    /// Its version, a positive integer; the newest one when empty.
    package var version: String

    package init(name: String = "", version: String = "") {
        self.name = name
        self.version = version
    }
}

/// Says how a model is served.
package struct ModelConfigResponse: Message {
    /// How it is served.
    package var config: ModelConfig?

    package init(config: ModelConfig? = nil) {
        self.config = config
    }
}

/// Asks what models have done.
package struct ModelStatisticsRequest: Message {
    /// The model; every one when empty.
    package var name: String
    /// Its version, a positive integer; all of them when empty.
    package var version: String

    package init(name: String = "", version: String = "") {
        self.name = name
        self.version = version
    }
}

/// How often something happened, and how long it took altogether.
package struct StatisticDuration: Message {
    /// How often.
    package var count: UInt64
    /// Nanoseconds altogether.
    package var ns: UInt64

    package init(count: UInt64 = 0, ns: UInt64 = 0) {
        self.count = count
        self.ns = ns
    }
}

/// Where the time of the requests to a model went.
package struct InferStatistics: Message {
    /// Requests that were answered, from their arrival to the answer.
    package var success: StatisticDuration?
    /// Requests that failed or were cancelled.
    package var fail: StatisticDuration?
    /// How long the answered ones waited.
    package var queue: StatisticDuration?
    /// How long it took to bring their tensors together.
    package var computeInput: StatisticDuration?
    /// How long the executions took that they were in.
    package var computeInfer: StatisticDuration?
    /// How long it took to pick their outputs.
    package var computeOutput: StatisticDuration?
    /// Answers that came from a cache of answers; there is none.
    package var cacheHit: StatisticDuration?
    /// Answers that were looked for in a cache of answers; there is none.
    package var cacheMiss: StatisticDuration?

    package init(
        success: StatisticDuration? = nil,
        fail: StatisticDuration? = nil,
        queue: StatisticDuration? = nil,
        computeInput: StatisticDuration? = nil,
        computeInfer: StatisticDuration? = nil,
        computeOutput: StatisticDuration? = nil,
        cacheHit: StatisticDuration? = nil,
        cacheMiss: StatisticDuration? = nil
    ) {
        self.success = success
        self.fail = fail
        self.queue = queue
        self.computeInput = computeInput
        self.computeInfer = computeInfer
        self.computeOutput = computeOutput
        self.cacheHit = cacheHit
        self.cacheMiss = cacheMiss
    }
}

/// The responses of a stream that are the same in number, counted from its first.
package struct InferResponseStatistics: Message {
    /// How long they took to compute, each since the one before.
    package var computeInfer: StatisticDuration?
    /// How long it took to pick their outputs.
    package var computeOutput: StatisticDuration?
    /// Those that were sent.
    package var success: StatisticDuration?
    /// Those that were errors.
    package var fail: StatisticDuration?
    /// Those that said only that there are no more.
    package var emptyResponse: StatisticDuration?
    /// Those that were cancelled.
    package var cancel: StatisticDuration?

    package init(
        computeInfer: StatisticDuration? = nil,
        computeOutput: StatisticDuration? = nil,
        success: StatisticDuration? = nil,
        fail: StatisticDuration? = nil,
        emptyResponse: StatisticDuration? = nil,
        cancel: StatisticDuration? = nil
    ) {
        self.computeInfer = computeInfer
        self.computeOutput = computeOutput
        self.success = success
        self.fail = fail
        self.emptyResponse = emptyResponse
        self.cancel = cancel
    }
}

/// The executions of one size.
package struct InferBatchStatistics: Message {
    /// Samples in each of them; for text, sequences in a step.
    package var batchSize: UInt64
    /// How long it took to bring their tensors together.
    package var computeInput: StatisticDuration?
    /// How long they took.
    package var computeInfer: StatisticDuration?
    /// How long it took to pick their outputs.
    package var computeOutput: StatisticDuration?

    package init(
        batchSize: UInt64 = 0,
        computeInput: StatisticDuration? = nil,
        computeInfer: StatisticDuration? = nil,
        computeOutput: StatisticDuration? = nil
    ) {
        self.batchSize = batchSize
        self.computeInput = computeInput
        self.computeInfer = computeInfer
        self.computeOutput = computeOutput
    }
}

/// Memory that a model holds.
package struct MemoryUsage: Message {
    /// What kind of memory, e.g. `CPU`.
    package var type: String
    /// Which one of that kind.
    package var id: Int64
    /// Bytes.
    package var byteSize: UInt64

    package init(type: String = "", id: Int64 = 0, byteSize: UInt64 = 0) {
        self.type = type
        self.id = id
        self.byteSize = byteSize
    }
}

/// What one version of a model has done since it was loaded.
package struct ModelStatistics: Message {
    /// The model.
    package var name: String
    /// The version.
    package var version: String
    /// When a request came last, in milliseconds since 1970; 0 when none has come.
    package var lastInference: UInt64
    /// Samples that were answered.
    package var inferenceCount: UInt64
    /// Executions; for text, steps.
    package var executionCount: UInt64
    /// Where the time of its requests went.
    package var inferenceStats: InferStatistics?
    /// Its executions by their size.
    package var batchStats: [InferBatchStatistics]
    /// The memory that it holds, as far as that is known.
    package var memoryUsage: [MemoryUsage]
    /// Its streamed responses, by their number in the stream, counted from 0.
    package var responseStats: [String: InferResponseStatistics]

    package init(
        name: String = "",
        version: String = "",
        lastInference: UInt64 = 0,
        inferenceCount: UInt64 = 0,
        executionCount: UInt64 = 0,
        inferenceStats: InferStatistics? = nil,
        batchStats: [InferBatchStatistics] = [],
        memoryUsage: [MemoryUsage] = [],
        responseStats: [String: InferResponseStatistics] = [:]
    ) {
        self.name = name
        self.version = version
        self.lastInference = lastInference
        self.inferenceCount = inferenceCount
        self.executionCount = executionCount
        self.inferenceStats = inferenceStats
        self.batchStats = batchStats
        self.memoryUsage = memoryUsage
        self.responseStats = responseStats
    }
}

/// Says what models have done.
package struct ModelStatisticsResponse: Message {
    /// Each version of each model.
    package var modelStats: [ModelStatistics]

    package init(modelStats: [ModelStatistics] = []) {
        self.modelStats = modelStats
    }
}

/// A value given along with a request to load or unload, by name.
package struct ModelRepositoryParameter: Message {
    /// The value, of one of these types.
    package enum ParameterChoice: Equatable, Sendable {
        /// A truth value.
        case boolParam(Bool)
        /// A signed integer.
        case int64Param(Int64)
        /// Text.
        case stringParam(String)
        /// Any bytes.
        case bytesParam(Bytes)
    }

    /// The value, of one of these types.
    package var parameterChoice: ParameterChoice?

    package init(parameterChoice: ParameterChoice? = nil) {
        self.parameterChoice = parameterChoice
    }
}

/// Asks what lies in the repositories.
package struct RepositoryIndexRequest: Message {
    /// Empty: repositories are not told apart.
    package var repositoryName: String
    /// Whether only what is ready is of interest.
    package var ready: Bool

    package init(repositoryName: String = "", ready: Bool = false) {
        self.repositoryName = repositoryName
        self.ready = ready
    }
}

/// Says what lies in the repositories.
package struct RepositoryIndexResponse: Message {
    /// One version of a model.
    package struct ModelIndex: Message {
        /// The model.
        package var name: String
        /// The version; empty for a model of which no version can be made out.
        package var version: String
        /// READY, LOADING, UNLOADING or UNAVAILABLE.
        package var state: String
        /// Why it is not ready, or what is wrong with what should replace it; empty when there is nothing to say.
        package var reason: String

        package init(name: String = "", version: String = "", state: String = "", reason: String = "") {
            self.name = name
            self.version = version
            self.state = state
            self.reason = reason
        }
    }

    /// Each version of each model.
    package var models: [RepositoryIndexResponse.ModelIndex]

    package init(models: [RepositoryIndexResponse.ModelIndex] = []) {
        self.models = models
    }
}

/// Asks to load a model.
package struct RepositoryModelLoadRequest: Message {
    /// Empty: repositories are not told apart.
    package var repositoryName: String
    /// The model.
    package var modelName: String
    /// Nothing yet: `config` and files are refused, the repository says how a model is served.
    package var parameters: [String: ModelRepositoryParameter]

    package init(
        repositoryName: String = "",
        modelName: String = "",
        parameters: [String: ModelRepositoryParameter] = [:]
    ) {
        self.repositoryName = repositoryName
        self.modelName = modelName
        self.parameters = parameters
    }
}

/// Says that a model is loaded.
package struct RepositoryModelLoadResponse: Message {
    package init() {}
}

/// Asks to stop serving a model.
package struct RepositoryModelUnloadRequest: Message {
    /// Empty: repositories are not told apart.
    package var repositoryName: String
    /// The model.
    package var modelName: String
    /// `unload_dependents` is accepted; there are no models that depend on others.
    package var parameters: [String: ModelRepositoryParameter]

    package init(
        repositoryName: String = "",
        modelName: String = "",
        parameters: [String: ModelRepositoryParameter] = [:]
    ) {
        self.repositoryName = repositoryName
        self.modelName = modelName
        self.parameters = parameters
    }
}

/// Says that a model is not served any more.
package struct RepositoryModelUnloadResponse: Message {
    package init() {}
}

/// Asks which regions of shared memory are registered.
package struct SystemSharedMemoryStatusRequest: Message {
    /// The region; all of them when empty.
    package var name: String

    package init(name: String = "") {
        self.name = name
    }
}

/// Says which regions of shared memory are registered.
package struct SystemSharedMemoryStatusResponse: Message {
    /// One region.
    package struct RegionStatus: Message {
        /// What requests call it.
        package var name: String
        /// The name of the shared memory object, as shm_open(3) has it.
        package var key: String
        /// Where in the object it begins, in bytes.
        package var offset: UInt64
        /// Its length in bytes.
        package var byteSize: UInt64

        package init(name: String = "", key: String = "", offset: UInt64 = 0, byteSize: UInt64 = 0) {
            self.name = name
            self.key = key
            self.offset = offset
            self.byteSize = byteSize
        }
    }

    /// The regions by name.
    package var regions: [String: SystemSharedMemoryStatusResponse.RegionStatus]

    package init(regions: [String: SystemSharedMemoryStatusResponse.RegionStatus] = [:]) {
        self.regions = regions
    }
}

/// Asks to register a region of shared memory.
package struct SystemSharedMemoryRegisterRequest: Message {
    /// What requests will call it.
    package var name: String
    /// The name of the shared memory object, as shm_open(3) has it.
    package var key: String
    /// Where in the object it begins, in bytes.
    package var offset: UInt64
    /// Its length in bytes.
    package var byteSize: UInt64

    package init(name: String = "", key: String = "", offset: UInt64 = 0, byteSize: UInt64 = 0) {
        self.name = name
        self.key = key
        self.offset = offset
        self.byteSize = byteSize
    }
}

/// Says that a region is registered.
package struct SystemSharedMemoryRegisterResponse: Message {
    package init() {}
}

/// Asks to forget a region of shared memory.
package struct SystemSharedMemoryUnregisterRequest: Message {
    /// The region; all of them when empty.
    package var name: String

    package init(name: String = "") {
        self.name = name
    }
}

/// Says that a region is forgotten.
package struct SystemSharedMemoryUnregisterResponse: Message {
    package init() {}
}

/// Asks which regions of a GPU's memory are registered.
package struct CudaSharedMemoryStatusRequest: Message {
    /// The region; all of them when empty.
    package var name: String

    package init(name: String = "") {
        self.name = name
    }
}

/// Would say which regions of a GPU's memory are registered.
package struct CudaSharedMemoryStatusResponse: Message {
    /// One region.
    package struct RegionStatus: Message {
        /// What requests call it.
        package var name: String
        /// The GPU.
        package var deviceId: UInt64
        /// Its length in bytes.
        package var byteSize: UInt64

        package init(name: String = "", deviceId: UInt64 = 0, byteSize: UInt64 = 0) {
            self.name = name
            self.deviceId = deviceId
            self.byteSize = byteSize
        }
    }

    /// The regions by name.
    package var regions: [String: CudaSharedMemoryStatusResponse.RegionStatus]

    package init(regions: [String: CudaSharedMemoryStatusResponse.RegionStatus] = [:]) {
        self.regions = regions
    }
}

/// Asks to register a region of a GPU's memory.
package struct CudaSharedMemoryRegisterRequest: Message {
    /// What requests would call it.
    package var name: String
    /// Names the memory to another process.
    package var rawHandle: Bytes
    /// The GPU.
    package var deviceId: Int64
    /// Its length in bytes.
    package var byteSize: UInt64

    package init(name: String = "", rawHandle: Bytes = Bytes(), deviceId: Int64 = 0, byteSize: UInt64 = 0) {
        self.name = name
        self.rawHandle = rawHandle
        self.deviceId = deviceId
        self.byteSize = byteSize
    }
}

/// Would say that a region is registered.
package struct CudaSharedMemoryRegisterResponse: Message {
    package init() {}
}

/// Asks to forget a region of a GPU's memory.
package struct CudaSharedMemoryUnregisterRequest: Message {
    /// The region; all of them when empty.
    package var name: String

    package init(name: String = "") {
        self.name = name
    }
}

/// Would say that a region is forgotten.
package struct CudaSharedMemoryUnregisterResponse: Message {
    package init() {}
}

/// Asks what is to be traced, or changes it.
package struct TraceSettingRequest: Message {
    /// The values of one setting.
    package struct SettingValue: Message {
        /// The values; none takes the setting back to what holds for all models, or to what the server began with.
        package var value: [String]

        package init(value: [String] = []) {
            self.value = value
        }
    }

    /// What changes, by name; nothing when empty.
    package var settings: [String: TraceSettingRequest.SettingValue]
    /// The model that it is about; all of them when empty.
    package var modelName: String

    package init(settings: [String: TraceSettingRequest.SettingValue] = [:], modelName: String = "") {
        self.settings = settings
        self.modelName = modelName
    }
}

/// Says what is to be traced.
package struct TraceSettingResponse: Message {
    /// The values of one setting.
    package struct SettingValue: Message {
        /// The values.
        package var value: [String]

        package init(value: [String] = []) {
            self.value = value
        }
    }

    /// Every setting by name.
    package var settings: [String: TraceSettingResponse.SettingValue]

    package init(settings: [String: TraceSettingResponse.SettingValue] = [:]) {
        self.settings = settings
    }
}

/// Asks how much is logged, or changes it.
package struct LogSettingsRequest: Message {
    /// The value of one setting.
    package struct SettingValue: Message {
        /// The value, of one of these types.
        package enum ParameterChoice: Equatable, Sendable {
            /// A truth value.
            case boolParam(Bool)
            /// An unsigned integer.
            case uint32Param(UInt32)
            /// Text.
            case stringParam(String)
        }

        /// The value, of one of these types.
        package var parameterChoice: ParameterChoice?

        package init(parameterChoice: ParameterChoice? = nil) {
            self.parameterChoice = parameterChoice
        }
    }

    /// What changes, by name; nothing when empty.
    package var settings: [String: LogSettingsRequest.SettingValue]

    package init(settings: [String: LogSettingsRequest.SettingValue] = [:]) {
        self.settings = settings
    }
}

/// Says how much is logged.
package struct LogSettingsResponse: Message {
    /// The value of one setting.
    package struct SettingValue: Message {
        /// The value, of one of these types.
        package enum ParameterChoice: Equatable, Sendable {
            /// A truth value.
            case boolParam(Bool)
            /// An unsigned integer.
            case uint32Param(UInt32)
            /// Text.
            case stringParam(String)
        }

        /// The value, of one of these types.
        package var parameterChoice: ParameterChoice?

        package init(parameterChoice: ParameterChoice? = nil) {
            self.parameterChoice = parameterChoice
        }
    }

    /// Every setting by name.
    package var settings: [String: LogSettingsResponse.SettingValue]

    package init(settings: [String: LogSettingsResponse.SettingValue] = [:]) {
        self.settings = settings
    }
}
