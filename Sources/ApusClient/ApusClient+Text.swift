package import Messages

/// The vectors that stand for texts.
public struct TextEmbeddings: Hashable, Sendable {
    /// One for each text, in the same order.
    public let vectors: [[Float]]
    /// Nil when the server does not say.
    public let usage: TextUsage?
}

extension ApusClient {
    /// Goes on from a prompt; without `version`, by the newest of the model.
    ///
    /// - Throws: here or from the sequence: NOT_FOUND for an unknown model, INVALID_ARGUMENT for a prompt that is too
    ///   long or a setting outside its range, RESOURCE_EXHAUSTED when the server's queue is full.
    public func generate(
        model: String, version: Int? = nil, prompt: String, settings: GenerationSettings = GenerationSettings(),
        timeout: Duration? = nil
    ) async throws(ApusError) -> TextGeneration {
        let request = try GenerateRequest(model: model, version: version, input: .prompt(prompt), settings: settings)
        return TextGeneration(stream: try await stream(TextMethods.generate, request, timeout: timeout))
    }

    /// Goes on from token ids of the model's vocabulary; they are taken as they are.
    ///
    /// - Throws: as for a prompt; INVALID_ARGUMENT for an id outside the vocabulary.
    public func generate(
        model: String, version: Int? = nil, tokens: [Int], settings: GenerationSettings = GenerationSettings(),
        timeout: Duration? = nil
    ) async throws(ApusError) -> TextGeneration {
        let ids = try tokens.map { (token) throws(ApusError) in try number(token, "a token") }
        let request = try GenerateRequest(
            model: model, version: version, input: .tokens(TokenSequence(ids: ids)), settings: settings)
        return TextGeneration(stream: try await stream(TextMethods.generate, request, timeout: timeout))
    }

    /// Answers a conversation, which the chat template of the model writes out as a prompt.
    ///
    /// - Parameters:
    ///   - model: with a chat template.
    ///   - version: of the model; nil for the newest.
    ///   - chat: what was said so far.
    ///   - settings: how to go on.
    ///   - timeout: after which the call is given up.
    /// - Returns: the pieces of the answer as they come.
    /// - Throws: as for a prompt; FAILED_PRECONDITION for a model without a chat template, INVALID_ARGUMENT when the
    ///   template refuses the conversation.
    public func generate(
        model: String, version: Int? = nil, chat: TextChat, settings: GenerationSettings = GenerationSettings(),
        timeout: Duration? = nil
    ) async throws(ApusError) -> TextGeneration {
        let request = try GenerateRequest(model: model, version: version, input: .chat(Chat(chat)), settings: settings)
        return TextGeneration(stream: try await stream(TextMethods.generate, request, timeout: timeout))
    }

    /// Turns texts into vectors whose directions are close where the texts are alike.
    ///
    /// Each vector is scaled to length 1, unless `isNormalized` is false. Without `version`, the newest of the model.
    public func embed(
        model: String, version: Int? = nil, texts: [String], isNormalized: Bool = true, timeout: Duration? = nil
    ) async throws(ApusError) -> TextEmbeddings {
        let request = EmbedRequest(
            model: model, version: wireVersion(version), texts: texts, keepLength: !isNormalized)
        let response = try await call(TextMethods.embed, request, timeout: timeout)
        return TextEmbeddings(
            vectors: response.embeddings.map(\.values), usage: response.usage.map(TextUsage.init))
    }
}

extension GenerateRequest {
    /// - Throws: INVALID_ARGUMENT for a setting that the message cannot say.
    package init(
        model: String, version: Int?, input: Input, settings: GenerationSettings
    ) throws(ApusError) {
        self.init(
            model: model, version: wireVersion(version), input: input, temperature: settings.temperature,
            topP: settings.topP, seed: settings.seed, stop: settings.stopTexts,
            ignoreEndOfText: settings.ignoresEndOfText)
        if let count = settings.tokenCountMax { maxTokens = try number(count, "the number of tokens") }
        if let topK = settings.topK { self.topK = try number(topK, "top-k") }
        minP = settings.minP
        repetitionPenalty = settings.repetitionPenalty
        presencePenalty = settings.presencePenalty
        frequencyPenalty = settings.frequencyPenalty
        for (token, bias) in settings.logitBiases { logitBias[try number(token, "a token with a bias")] = bias }
        stopTokens = try settings.stopTokens.map { (token) throws(ApusError) in try number(token, "a stop token") }
        if let count = settings.logprobCount { logprobs = try number(count, "the number of likeliest tokens") }
        constraint = settings.constraint.map(Constraint.init)
        if let count = settings.answerCount { n = try number(count, "the number of answers") }
        cacheSalt = settings.cacheSalt
    }
}

extension Chat {
    init(_ chat: TextChat) {
        self.init(
            messages: chat.messages.map { ChatMessage(role: $0.role, content: $0.content) },
            addGenerationPrompt: chat.addsGenerationPrompt ? nil : false, variables: chat.variables)
    }
}

extension GenerateRequest.Constraint {
    init(_ constraint: TextConstraint) {
        switch constraint {
        case .regex(let text): self = .regex(text)
        case .choices(let texts): self = .choices(Choices(texts: texts))
        case .jsonSchema(let text): self = .jsonSchema(text)
        case .json: self = .json(true)
        }
    }
}

/// The newest version is asked for by saying nothing.
package func wireVersion(_ version: Int?) -> String { version.map(String.init) ?? "" }

/// A number as the messages have it.
func number(_ value: Int, _ name: StaticString) throws(ApusError) -> UInt32 {
    guard let number = UInt32(exactly: value) else {
        throw ApusError(.invalidArgument, "\(name): expected 0 to \(UInt32.max), got \(value)")
    }
    return number
}
