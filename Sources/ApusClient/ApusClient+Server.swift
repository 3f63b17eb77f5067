import Messages

/// A tensor that a model takes or gives.
public struct TensorInformation: Hashable, Sendable {
    /// By which requests and answers name it.
    public let name: String
    /// By the names of the Open Inference Protocol, such as `FP32`.
    public let dataType: String
    /// The extents, outermost first; -1 where any extent will do.
    public let shape: [Int]

    /// A tensor as metadata describes it.
    public init(name: String, dataType: String, shape: [Int]) {
        self.name = name
        self.dataType = dataType
        self.shape = shape
    }
}

/// What there is to know about a model.
public struct ModelInformation: Hashable, Sendable {
    /// By which calls name it.
    public let name: String
    /// Those that are served.
    public let versions: [String]
    /// What runs the model, such as `apus_onnx`.
    public let platform: String
    /// What the model takes; empty when it takes any tensors.
    public let inputs: [TensorInformation]
    /// What the model gives; empty when that depends on what it takes.
    public let outputs: [TensorInformation]
    /// More about the model, by name.
    public let properties: [String: String]

    /// A model as metadata describes it.
    public init(
        name: String, versions: [String], platform: String, inputs: [TensorInformation], outputs: [TensorInformation],
        properties: [String: String]
    ) {
        self.name = name
        self.versions = versions
        self.platform = platform
        self.inputs = inputs
        self.outputs = outputs
        self.properties = properties
    }
}

/// What the server says about itself.
public struct ServerInformation: Hashable, Sendable {
    /// The kind of server: `apus`.
    public let name: String
    /// Of the program.
    public let version: String
    /// Of the Open Inference Protocol.
    public let extensions: [String]
}

extension ApusClient {
    /// Whether the server takes calls: all its models are loaded, and it is not shutting down.
    public func isServerReady(timeout: Duration? = nil) async throws(ApusError) -> Bool {
        try await call(GRPCInferenceServiceMethods.serverReady, ServerReadyRequest(), timeout: timeout).ready
    }

    /// Whether a model takes calls; false for one that the server does not know.
    ///
    /// Without `version`, the newest.
    public func isModelReady(
        _ model: String, version: Int? = nil, timeout: Duration? = nil
    ) async throws(ApusError) -> Bool {
        let request = ModelReadyRequest(name: model, version: wireVersion(version))
        return try await call(GRPCInferenceServiceMethods.modelReady, request, timeout: timeout).ready
    }

    /// The name and version of the server.
    public func serverInformation(timeout: Duration? = nil) async throws(ApusError) -> ServerInformation {
        let response = try await call(
            GRPCInferenceServiceMethods.serverMetadata, ServerMetadataRequest(), timeout: timeout)
        return ServerInformation(name: response.name, version: response.version, extensions: response.extensions)
    }

    /// The tensors that a model takes and gives.
    ///
    /// Without `version`, the newest.
    ///
    /// - Throws: NOT_FOUND for an unknown model.
    public func modelInformation(
        _ model: String, version: Int? = nil, timeout: Duration? = nil
    ) async throws(ApusError) -> ModelInformation {
        let request = ModelMetadataRequest(name: model, version: wireVersion(version))
        let response = try await call(GRPCInferenceServiceMethods.modelMetadata, request, timeout: timeout)
        return ModelInformation(
            name: response.name, versions: response.versions, platform: response.platform,
            inputs: response.inputs.map(TensorInformation.init), outputs: response.outputs.map(TensorInformation.init),
            properties: response.properties)
    }

    /// What the server does and has done, model by model.
    ///
    /// - Throws: PERMISSION_DENIED unless the client's certificate has the role `admin`.
    public func status(timeout: Duration? = nil) async throws(ApusError) -> ServerStatus {
        ServerStatus(try await call(AdminMethods.getStatus, GetStatusRequest(), timeout: timeout))
    }
}

extension TensorInformation {
    fileprivate init(_ tensor: ModelMetadataResponse.TensorMetadata) {
        self.init(name: tensor.name, dataType: tensor.datatype, shape: tensor.shape.map(Int.init))
    }
}
