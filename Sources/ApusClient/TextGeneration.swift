import Messages

/// A text as it is written, piece by piece; can be read once.
///
/// Giving up early (leaving the loop, dropping the sequence) cancels the call and frees its place in the model.
public struct TextGeneration: AsyncSequence, Sendable {
    /// A piece of the text.
    public typealias Element = TextPiece
    /// Why no more pieces come.
    public typealias Failure = ApusError

    let stream: ResponseStream<GenerateResponse>

    /// Begins to read; the second time goes on where the first stopped.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }

    /// Reads the pieces in order.
    public struct Iterator: AsyncIteratorProtocol {
        let stream: ResponseStream<GenerateResponse>

        /// The next piece; nil after the last.
        public mutating func next() async throws(ApusError) -> TextPiece? {
            try await stream.next().map(TextPiece.init)
        }

        /// The next piece; nil after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ApusError) -> TextPiece? {
            try await stream.next().map(TextPiece.init)
        }
    }
}

/// What came of a text since the piece before.
public struct TextPiece: Hashable, Sendable {
    /// Why a text ended.
    public enum EndReason: Hashable, Sendable {
        /// The model ended it.
        case endOfText
        /// One of the stop texts would have appeared, or one of the stop tokens.
        case stopText
        /// As many tokens as were asked for.
        case tokenCountMax
        /// The model's context is full.
        case contextFull
        /// A reason this client does not know, by number.
        case other(Int)
    }

    /// How a generation ended.
    public struct End: Hashable, Sendable {
        /// Why it ended.
        public let reason: EndReason
        /// What the call used, with the last answer that ends; otherwise nil, or when the server does not say.
        public let usage: TextUsage?
    }

    /// A token and how likely it is.
    public struct Logprob: Hashable, Sendable {
        /// Its id in the model's vocabulary.
        public let token: Int
        /// The logarithm, to base e, of its probability.
        public let logprob: Float
    }

    /// How likely a token of the text was.
    public struct TokenLogprobs: Hashable, Sendable {
        /// The token of the text.
        public let chosen: Logprob
        /// The likeliest tokens in its place, the likeliest first.
        public let top: [Logprob]
    }

    /// Which of the answers this is of, from 0.
    public let answer: Int
    /// Never ends within a character, so it can lag behind `tokens`.
    public let text: String
    /// Ids in the model's vocabulary.
    public let tokens: [Int]
    /// How likely each of `tokens` was, if the settings ask for it.
    public let logprobs: [TokenLogprobs]
    /// Set in the last piece of an answer only.
    public let end: End?
}

/// What a call to a text model used, and where its time went.
public struct TextUsage: Hashable, Sendable {
    /// Tokens of the prompt, or of all texts to embed.
    public let promptTokenCount: Int
    /// Those of the prompt that the server had in its cache already.
    public let cachedTokenCount: Int
    /// Tokens of all answers.
    public let generatedTokenCount: Int
    /// Until the model first worked on the call.
    public let queueTime: Duration
    /// From then until the end.
    public let computeTime: Duration
}

extension TextPiece {
    init(_ response: GenerateResponse) {
        answer = Int(response.index)
        text = response.text
        tokens = response.tokens.map(Int.init)
        logprobs = response.logprobs.map(TokenLogprobs.init)
        end = EndReason(response.finishReason).map { End(reason: $0, usage: response.usage.map(TextUsage.init)) }
    }
}

extension TextPiece.TokenLogprobs {
    init(_ message: Messages.TokenLogprobs) {
        chosen = TextPiece.Logprob(message.chosen ?? TokenLogprob())
        top = message.top.map(TextPiece.Logprob.init)
    }
}

extension TextPiece.Logprob {
    init(_ message: TokenLogprob) {
        token = Int(message.token)
        logprob = message.logprob
    }
}

extension TextPiece.EndReason {
    init?(_ reason: FinishReason) {
        switch reason {
        case .unspecified: return nil
        case .endOfText: self = .endOfText
        case .stop: self = .stopText
        case .maxTokens: self = .tokenCountMax
        case .contextFull: self = .contextFull
        case .unrecognized(let value): self = .other(Int(value))
        }
    }
}

extension TextUsage {
    init(_ usage: Usage) {
        promptTokenCount = Int(usage.promptTokens)
        cachedTokenCount = Int(usage.cachedTokens)
        generatedTokenCount = Int(usage.generatedTokens)
        queueTime = Duration(microseconds: usage.queueMicroseconds)
        computeTime = Duration(microseconds: usage.computeMicroseconds)
    }
}

extension Duration {
    init(microseconds: UInt64) { self = .microseconds(Int64(clamping: microseconds)) }
}
