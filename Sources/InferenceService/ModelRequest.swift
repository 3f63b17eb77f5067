import Messages

/// A request that names the model it is for.
protocol ModelRequest: Message {
    var requestedModel: String { get }
    /// Whether name and version are in fields 1 and 2, and another server can answer it as well.
    static var isForwardable: Bool { get }
    /// Whether it changes what later requests find at the server that answers it, and at no other.
    static var changesItsServer: Bool { get }
    /// Finds the prompt of which a server will remember the beginning; nil for requests that leave nothing behind.
    static func prompt(peekingAt bytes: UnsafeRawBufferPointer) -> PromptPeek?
}

extension ModelRequest {
    static var isForwardable: Bool { true }
    static var changesItsServer: Bool { false }
    static func prompt(peekingAt bytes: UnsafeRawBufferPointer) -> PromptPeek? { nil }
}

extension ModelInferRequest: ModelRequest {
    var requestedModel: String { modelName }
    static func prompt(peekingAt bytes: UnsafeRawBufferPointer) -> PromptPeek? { PromptPeek(tensorsIn: bytes) }
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
    static func prompt(peekingAt bytes: UnsafeRawBufferPointer) -> PromptPeek? {
        PromptPeek(bytes, prompts: [3, 4, 26], salt: 25)
    }
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

extension UpdateNodesRequest: ModelRequest {
    var requestedModel: String { model }
    static var changesItsServer: Bool { true }
}

/// What the gate asks about the requests of a method, found out once: it takes a search through all conformances.
struct RequestKind: Sendable {
    let type: any Message.Type
    /// Nil for requests that name no model.
    let ofModel: (any ModelRequest.Type)?
    /// Whether their model is implied.
    let isModelless: Bool

    init(_ type: any Message.Type) {
        self.type = type
        ofModel = type as? any ModelRequest.Type
        isModelless = type is any ModellessRequest.Type
    }

    var isForwardable: Bool { ofModel?.isForwardable ?? false }
    var changesItsServer: Bool { ofModel?.changesItsServer ?? false }
}
