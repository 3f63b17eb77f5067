package import Engine
package import Messages
import Routing
package import Vocabulary

/// `apus.text.v1.Text`: generation and embeddings.
package struct TextService: Sendable {
    private let engine: Engine

    package init(engine: Engine) { self.engine = engine }

    /// Goes on from a prompt, handing over each piece of text as it comes.
    ///
    /// While `writer` waits for a slow reader, the sequence is paused.
    ///
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT naming the field; RESOURCE_EXHAUSTED; DEADLINE_EXCEEDED; CANCELLED.
    package func generate(
        _ request: GenerateRequest, _ call: CallContext, to writer: MessageWriter<GenerateResponse>
    ) async throws {
        let selector = try ModelSelector(name: request.model, version: request.version)
        let stream = try await engine.generate(selector, GenerationRequest(request, deadline: call.deadline))
        if request.echo, case .prompt(let prompt) = request.input {
            try await writer.write(GenerateResponse(text: prompt))
        }
        while let event = try await stream.next() {
            switch event {
            case .piece(let text, let tokens):
                try await writer.write(GenerateResponse(text: text, tokens: tokens.map { UInt32(bitPattern: $0) }))
            case .finished(.cancelled, _):
                throw ServingError(.cancelled, "the caller cancelled the generation")
            case .finished(let reason, let usage):
                try await writer.write(GenerateResponse(finishReason: .init(reason), usage: .init(usage)))
            }
        }
    }

    /// Turns texts into vectors.
    ///
    /// - Throws: as `generate`.
    package func embed(_ request: EmbedRequest, _ call: CallContext) async throws(ServingError) -> EmbedResponse {
        let selector = try ModelSelector(name: request.model, version: request.version)
        guard !request.texts.isEmpty else { throw Self.noTexts }
        let answer = try await engine.embed(
            selector, texts: request.texts, isNormalized: !request.keepLength, deadline: call.deadline)
        return EmbedResponse(embeddings: answer.vectors.map { Embedding(values: $0) }, usage: .init(answer.usage))
    }

    /// Turns the texts of a stream of requests into vectors, each request as it comes.
    ///
    /// - Throws: as `embed`; INVALID_ARGUMENT when a later request names another model.
    package func embedMany(
        _ requests: MessageReader<EmbedRequest>, _ call: CallContext
    ) async throws -> EmbedResponse {
        guard let first = try await requests.next() else { throw Self.noTexts }
        var response = try await embed(first, call)
        var usage = response.usage ?? Messages.Usage()
        while var request = try await requests.next() {
            guard request.model.isEmpty || (request.model, request.version) == (first.model, first.version) else {
                throw ServingError(.invalidArgument, "model: expected the first request's, got another one")
            }
            (request.model, request.version) = (first.model, first.version)
            let next = try await embed(request, call)
            response.embeddings += next.embeddings
            usage.add(next.usage)
        }
        response.usage = usage
        return response
    }

    private static let noTexts = ServingError(.invalidArgument, "texts: expected at least one, got none")
}

extension Messages.Usage {
    fileprivate mutating func add(_ other: Messages.Usage?) {
        guard let other else { return }
        promptTokens &+= other.promptTokens
        queueMicroseconds &+= other.queueMicroseconds
        computeMicroseconds &+= other.computeMicroseconds
    }
}

extension GenerationRequest {
    /// What the engine is to do for a call; ranges are checked by the engine, which names the field.
    init(_ request: GenerateRequest, deadline: Deadline) throws(ServingError) {
        let prompt: Prompt
        switch request.input {
        case .prompt(let text): prompt = .text(text)
        case .tokens(let tokens):
            prompt = .tokens(tokens.ids.map { Int32(truncatingIfNeeded: min($0, UInt32(Int32.max))) })
        case nil: throw ServingError(.invalidArgument, "expected a prompt or tokens, got neither")
        }
        self.init(
            prompt: prompt, tokenCountMax: request.maxTokens.map(Int.init) ?? Self.tokenCountMaxDefault,
            sampling: Sampling(
                temperature: request.temperature ?? 0, topK: Int(request.topK ?? 0), topP: request.topP ?? 1,
                seed: request.seed),
            stopStrings: request.stop, ignoresEndOfSequence: request.ignoreEndOfText, deadline: deadline)
    }
}

extension Messages.FinishReason {
    /// The word on the wire for why the engine ended a text.
    init(_ reason: EngineFinishReason) {
        switch reason {
        case .stop: self = .stop
        case .length: self = .maxTokens
        case .endOfSequence: self = .endOfText
        case .cancelled: self = .unspecified
        }
    }
}

extension Messages.Usage {
    init(_ usage: EngineUsage) {
        self.init(
            promptTokens: UInt32(clamping: usage.promptTokenCount),
            generatedTokens: UInt32(clamping: usage.generatedTokenCount),
            queueMicroseconds: usage.queueNanoseconds / 1000, computeMicroseconds: usage.computeNanoseconds / 1000)
    }
}
