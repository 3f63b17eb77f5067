import Messages

/// A request that names the model it is for.
protocol ModelRequest: Message {
    var requestedModel: String { get }
    /// Whether name and version are in fields 1 and 2, and another server can answer it as well.
    static var isForwardable: Bool { get }
    /// Where a prompt is of which a server remembers the beginning; nil for requests that leave nothing behind.
    static var promptFields: PromptFields? { get }
}

/// The numbers of fields of a request that tell what the cache of a text model may know of it.
struct PromptFields {
    /// Any of which has the prompt.
    let prompts: Set<UInt64>
    /// Which keeps prompts of one tenant apart.
    let salt: UInt64
}

extension ModelRequest {
    static var isForwardable: Bool { true }
    static var promptFields: PromptFields? { nil }
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
    /// `prompt`, `tokens` and `chat`; `cache_salt`.
    static var promptFields: PromptFields? { PromptFields(prompts: [3, 4, 26], salt: 25) }
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
