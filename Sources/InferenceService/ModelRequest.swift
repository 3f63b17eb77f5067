import Messages

/// A request that names the model it is for.
protocol ModelRequest: Message {
    var requestedModel: String { get }
    /// Whether name and version are in fields 1 and 2, and another server can answer it as well.
    static var isForwardable: Bool { get }
}

extension ModelRequest {
    static var isForwardable: Bool { true }
}

extension ModelInferRequest: ModelRequest {
    var requestedModel: String { modelName }
}

extension ModelMetadataRequest: ModelRequest {
    var requestedModel: String { name }
}

extension ModelConfigRequest: ModelRequest {
    var requestedModel: String { name }
}

extension ModelStatisticsRequest: ModelRequest {
    var requestedModel: String { name }
}

extension TraceSettingRequest: ModelRequest {
    var requestedModel: String { modelName }
    static var isForwardable: Bool { false }
}

extension RepositoryModelLoadRequest: ModelRequest {
    var requestedModel: String { modelName }
    static var isForwardable: Bool { false }
}

extension RepositoryModelUnloadRequest: ModelRequest {
    var requestedModel: String { modelName }
    static var isForwardable: Bool { false }
}

extension GenerateRequest: ModelRequest {
    var requestedModel: String { model }
}

extension EmbedRequest: ModelRequest {
    var requestedModel: String { model }
}

extension ClassifyRequest: ModelRequest {
    var requestedModel: String { model }
}

extension PredictRequest: ModelRequest {
    var requestedModel: String { model }
}
