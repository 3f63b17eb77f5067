import Constraints
package import Engine
package import Messages
import Routing
import TextModels
package import Vocabulary

/// `apus.text.v1.Text`: generation and embeddings.
package struct TextService: Sendable {
    private let engine: Engine
    /// Seconds since 1970, for chat templates that write the date.
    private let now: @Sendable () -> Int64

    package init(engine: Engine, now: @escaping @Sendable () -> Int64) {
        self.engine = engine
        self.now = now
    }

    /// Goes on from a prompt, handing over each piece of text as it comes.
    ///
    /// While `writer` waits for a slow reader, the sequence is paused.
    ///
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT naming the field; RESOURCE_EXHAUSTED; DEADLINE_EXCEEDED; CANCELLED.
    package func generate(
        _ request: GenerateRequest, _ call: CallContext, to writer: MessageWriter<GenerateResponse>
    ) async throws {
        let selector = try ModelSelector(name: request.model, version: request.version)
        let stream = try await engine.generate(selector, GenerationRequest(request, call, now: now())) {
            (tokenCount) throws(ServingError) in try call.reserve(tokens: tokenCount)
        }
        call.begin(stream)
        defer { call.end(stream) }
        call.meter?.announce(promptTokenCount: stream.promptTokenCount)
        if request.echo, case .prompt(let prompt) = request.input {
            for answer in 0..<stream.answerCount {
                try await writer.write(GenerateResponse(text: prompt, index: UInt32(answer)))
            }
        }
        var openAnswerCount = stream.answerCount
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece):
                call.meter?.note(piece)
                try await writer.write(GenerateResponse(piece))
            case .finished(.cancelled, _, _):
                throw ServingError(.cancelled, "the caller cancelled the generation")
            case .finished(let reason, let usage, let answer):
                openAnswerCount -= 1
                call.meter?.digest?.end(answer: answer, reason)
                try await writer.write(
                    GenerateResponse(
                        finishReason: .init(reason), usage: openAnswerCount == 0 ? .init(usage) : nil,
                        index: UInt32(answer)))
            }
        }
    }

    /// Turns texts into vectors.
    ///
    /// - Throws: as `generate`.
    package func embed(_ request: EmbedRequest, _ call: CallContext) async throws(ServingError) -> EmbedResponse {
        let selector = try ModelSelector(name: request.model, version: request.version)
        guard !request.texts.isEmpty else { throw Self.noTexts }
        let tally = UsageTally()
        call.begin(tally)
        defer { call.end(tally) }
        let answer = try await engine.embed(
            selector, texts: request.texts, isNormalized: !request.keepLength, truncates: request.truncate,
            deadline: call.deadline, share: call.share, tally: tally
        ) { (tokenCount) throws(ServingError) in try call.reserve(tokens: tokenCount) }
        call.meter?.digest?.add(vectors: answer.vectors)
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
        cachedTokens &+= other.cachedTokens
        queueMicroseconds &+= other.queueMicroseconds
        computeMicroseconds &+= other.computeMicroseconds
    }
}

extension GenerationRequest {
    /// What the engine is to do for a call; ranges are checked by the engine, which names the field.
    init(_ request: GenerateRequest, _ call: CallContext, now: Int64) throws(ServingError) {
        let prompt: Prompt
        switch request.input {
        case .prompt(let text): prompt = .text(text)
        case .tokens(let tokens):
            prompt = .tokens(tokens.ids.map(Int32.init(wire:)))
        case .chat(let chat): prompt = .chat(ChatPrompt(chat, secondsSince1970: Int(now)))
        case nil: throw ServingError(.invalidArgument, "expected a prompt, tokens or a chat, got none of them")
        }
        self.init(
            prompt: prompt, tokenCountMax: request.maxTokens.map(Int.init) ?? TextInference.tokenCountMaxDefault,
            sampling: Sampling(request), stopStrings: request.stop, ignoresEndOfSequence: request.ignoreEndOfText,
            deadline: call.deadline, tenant: call.tenant, weight: call.weight)
        priority = call.priority.level
        stopTokens = request.stopTokens.map(Int32.init(wire:))
        logprobCount = request.logprobs.map(Int.init)
        answerCount = Int(request.n ?? 1)
        cacheSalt = request.cacheSalt
        constraint = request.constraint.flatMap(ConstraintSpecification.init)
    }
}

extension ChatPrompt {
    init(_ chat: Chat, secondsSince1970: Int) {
        self.init(
            messages: chat.messages.map { Message(role: $0.role, content: $0.content) },
            secondsSince1970: secondsSince1970)
        addsGenerationPrompt = chat.addGenerationPrompt ?? true
        variables = chat.variables
    }
}

extension ConstraintSpecification {
    init?(_ constraint: GenerateRequest.Constraint) {
        switch constraint {
        case .regex(let text): self = .regex(text)
        case .choices(let choices): self = .choices(choices.texts)
        case .jsonSchema(let text): self = .jsonSchema(text)
        case .json(true): self = .json
        case .json(false): return nil
        }
    }
}

extension GenerationRequest.Sampling {
    init(_ request: GenerateRequest) {
        self.init(
            temperature: request.temperature ?? 0, topK: Int(request.topK ?? 0), topP: request.topP ?? 1,
            seed: request.seed)
        minP = request.minP ?? 0
        repetitionPenalty = request.repetitionPenalty ?? 1
        presencePenalty = request.presencePenalty ?? 0
        frequencyPenalty = request.frequencyPenalty ?? 0
        // Ids past the range of Int32 become the highest there is, which no vocabulary has: the engine names the field.
        biases = Dictionary(request.logitBias.map { (Int32(wire: $0), $1) }) { first, _ in first }
    }
}

extension Int32 {
    /// A token id; one that no vocabulary has stays one.
    init(wire token: UInt32) { self = Int32(clamping: token) }
}

extension GenerateResponse {
    init(_ piece: GenerationPiece) {
        self.init(
            text: piece.text, tokens: piece.tokens.map { UInt32(bitPattern: $0) }, index: UInt32(piece.answer),
            logprobs: piece.logprobs.map {
                Messages.TokenLogprobs(chosen: .init($0.chosen), top: $0.top.map(TokenLogprob.init))
            })
    }
}

extension TokenLogprob {
    init(_ entry: EngineTokenLogprobs.Entry) {
        self.init(token: UInt32(bitPattern: entry.token), logprob: entry.logprob)
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
            queueMicroseconds: usage.queueNanoseconds / 1000, computeMicroseconds: usage.computeNanoseconds / 1000,
            cachedTokens: UInt32(clamping: usage.cachedPromptTokenCount))
    }
}
