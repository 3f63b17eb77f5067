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
    package static let modelStreamInfer = MethodSignature<ModelInferRequest, ModelStreamInferResponse>(
        path: "/inference.GRPCInferenceService/ModelStreamInfer", clientStreams: true, serverStreams: true)
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
        /// More about this tensor.
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
        /// More about this output.
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
    /// More about this request.
    package var parameters: [String: InferParameter]
    /// The tensors for the model.
    package var inputs: [ModelInferRequest.InferInputTensor]
    /// The outputs that the caller wants; all of them when empty.
    package var outputs: [ModelInferRequest.InferRequestedOutputTensor]
    /// The elements of each of `inputs`, in the same order: row by row, little-endian; of a BYTES tensor each element
    /// is its length as four bytes and then its bytes. When this is used, no input has `contents`.
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
    /// `triton_final_response` is true in the last response to a request.
    package var inferResponse: ModelInferResponse?

    package init(errorMessage: String = "", inferResponse: ModelInferResponse? = nil) {
        self.errorMessage = errorMessage
        self.inferResponse = inferResponse
    }
}
