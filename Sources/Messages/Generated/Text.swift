// Made by Proto/generate from apus/text/v1/text.proto.
// swift-format-ignore-file

/// What language models do.
package enum TextMethods {
    /// The full name of the service.
    package static let service = "apus.text.v1.Text"

    /// Goes on from a prompt. Each message of the stream carries the text that came of one answer since the one before;
    /// the last one of an answer carries the reason to stop, and the very last one the usage.
    ///
    /// Cancelling the call frees its place in the model at the next token. NOT_FOUND for an unknown model;
    /// INVALID_ARGUMENT for a prompt longer than the model's context or a setting outside its range;
    /// RESOURCE_EXHAUSTED when the queue of the model is full.
    package static let generate = MethodSignature<GenerateRequest, GenerateResponse>(
        path: "/apus.text.v1.Text/Generate", serverStreams: true)

    /// Turns texts into vectors whose directions are close where the texts are alike.
    package static let embed = MethodSignature<EmbedRequest, EmbedResponse>(
        path: "/apus.text.v1.Text/Embed")

    /// Turns the texts of a whole stream of requests into vectors, in the order in which they came: for more texts than
    /// fit one message. The first request names the model; the others either name the same one or none.
    package static let embedMany = MethodSignature<EmbedRequest, EmbedResponse>(
        path: "/apus.text.v1.Text/EmbedMany", clientStreams: true)
}

/// Why a generation ended.
package enum FinishReason: Hashable, Sendable {
    /// It has not ended.
    case unspecified
    /// The model gave the token that ends a text.
    case endOfText
    /// One of the `stop` texts would have appeared, or one of the `stop_tokens` was chosen.
    case stop
    /// `max_tokens` tokens were generated.
    case maxTokens
    /// The model's context is full.
    case contextFull
    /// A value of a newer schema.
    case unrecognized(Int32)

    /// The value on the wire.
    package var rawValue: Int32 {
        switch self {
        case .unspecified: 0
        case .endOfText: 1
        case .stop: 2
        case .maxTokens: 3
        case .contextFull: 4
        case .unrecognized(let value): value
        }
    }

    /// Any value has a case.
    package init(rawValue: Int32) {
        switch rawValue {
        case 0: self = .unspecified
        case 1: self = .endOfText
        case 2: self = .stop
        case 3: self = .maxTokens
        case 4: self = .contextFull
        default: self = .unrecognized(rawValue)
        }
    }
}

/// Token ids of the model's own vocabulary.
package struct TokenSequence: Message {
    /// At least one id; the model takes them as they are and adds none.
    package var ids: [UInt32]

    package init(ids: [UInt32] = []) {
        self.ids = ids
    }
}

/// A message of a conversation.
package struct ChatMessage: Message {
    /// Who says it: mostly `system`, `user` or `assistant`; the model's chat template decides which there are.
    package var role: String
    /// What is said. The text of a special token in it, such as `<|im_end|>`, is read as text, not as the token.
    package var content: String

    package init(role: String = "", content: String = "") {
        self.role = role
        self.content = content
    }
}

/// A conversation, which the chat template of the model writes out as a prompt.
package struct Chat: Message {
    /// The messages so far, at least one.
    package var messages: [ChatMessage]
    /// Whether the prompt ends where the model's answer begins; when absent: yes. Without it the model may go on with
    /// whatever follows the last message.
    package var addGenerationPrompt: Bool?
    /// A JSON object of what else the template knows by name, such as `tools` or `enable_thinking`; empty for nothing.
    package var variables: String

    package init(messages: [ChatMessage] = [], addGenerationPrompt: Bool? = nil, variables: String = "") {
        self.messages = messages
        self.addGenerationPrompt = addGenerationPrompt
        self.variables = variables
    }
}

/// Asks a model to go on from a prompt.
///
/// The same request with the same `seed` gets the same text from the same model version.
package struct GenerateRequest: Message {
    /// What to go on from.
    package enum Input: Equatable, Sendable {
        /// Text; the model's tokenizer adds the token that begins a text where the model was trained with one.
        case prompt(String)
        /// Token ids.
        case tokens(TokenSequence)
        /// A conversation: the model's own chat template makes the prompt, with every special token that belongs there.
        /// FAILED_PRECONDITION for a model without one; INVALID_ARGUMENT when the template refuses the conversation.
        case chat(Chat)
    }

    /// What the answer has to look like. Tokens that would lead elsewhere are not chosen, and the answer ends only where
    /// it is complete (unless `max_tokens`, `stop` or the context end it before).
    package enum Constraint: Equatable, Sendable {
        /// The whole answer matches this regular expression: of ECMAScript's syntax what needs no look-around, no back
        /// references and no flags.
        case regex(String)
        /// The answer is one of these texts.
        case choices(Choices)
        /// The answer is JSON that is valid against this JSON Schema (2020-12). A keyword that is not supported is an error.
        case jsonSchema(String)
        /// The answer is JSON, whatever it says; false is as good as absent.
        case json(Bool)
    }

    /// The model.
    package var model: String
    /// Its version, a positive integer; the newest one when empty.
    package var version: String
    /// What to go on from.
    package var input: Input?
    /// The most tokens to generate; when absent, as many as the model's configuration says. At least 1.
    package var maxTokens: UInt32?
    /// 0 always takes the likeliest token; higher values spread the choice. When absent: 0. At most 10.
    package var temperature: Float?
    /// Chooses among the `top_k` likeliest tokens only; 0 or absent: among all.
    package var topK: UInt32?
    /// Chooses among the likeliest tokens that together reach this probability; absent or 1: among all. Above 0.
    package var topP: Float?
    /// Begins the sequence of random choices; when absent, every call makes its own.
    package var seed: UInt64?
    /// Texts that end the generation where they would appear; they are not part of the answer. None may be empty.
    package var stop: [String]
    /// Whether the answer begins with the prompt, if that is a text.
    package var echo: Bool
    /// Whether to go on past the token that ends a text, up to `max_tokens`: for measurements of equal length.
    package var ignoreEndOfText: Bool
    /// Chooses among tokens at least this share as likely as the likeliest one only; absent or 0: among all. At most 1.
    package var minP: Float?
    /// Makes tokens of prompt and answer less likely: positive logits are divided by it, negative ones multiplied.
    /// Absent or 1: no change. Above 0, at most 10; below 1 it favours them.
    package var repetitionPenalty: Float?
    /// Taken from the logit of every token that is in the answer already. Between -2 and 2; absent: 0.
    package var presencePenalty: Float?
    /// Taken from the logit of every token as often as it is in the answer already. Between -2 and 2; absent: 0.
    package var frequencyPenalty: Float?
    /// Added to the logits of these tokens, between -100 and 100 each; for at most 1024 tokens.
    package var logitBias: [UInt32: Float]
    /// Tokens that end the answer like the model's own end of a text; they are not part of it. At most 64.
    package var stopTokens: [UInt32]
    /// When given, each token comes with the logarithm of its probability, and with those of the likeliest tokens, that
    /// many of them; at most 20. Probabilities are the model's own, before any of the settings above.
    package var logprobs: UInt32?
    /// How many different answers to give; absent: 1. At most 16. Answer `i` is the one of a call with `seed` + i.
    package var n: UInt32?
    /// What the answer has to look like. Tokens that would lead elsewhere are not chosen, and the answer ends only where
    /// it is complete (unless `max_tokens`, `stop` or the context end it before).
    package var constraint: Constraint?
    /// Keeps the cached prompts of a tenant apart: a prompt is found again only by those of the tenant's own calls that
    /// give the same salt, such as one for each of its users. Whatever it says, it opens no other tenant's. At most 256
    /// bytes.
    package var cacheSalt: String

    package init(
        model: String = "",
        version: String = "",
        input: Input? = nil,
        maxTokens: UInt32? = nil,
        temperature: Float? = nil,
        topK: UInt32? = nil,
        topP: Float? = nil,
        seed: UInt64? = nil,
        stop: [String] = [],
        echo: Bool = false,
        ignoreEndOfText: Bool = false,
        minP: Float? = nil,
        repetitionPenalty: Float? = nil,
        presencePenalty: Float? = nil,
        frequencyPenalty: Float? = nil,
        logitBias: [UInt32: Float] = [:],
        stopTokens: [UInt32] = [],
        logprobs: UInt32? = nil,
        n: UInt32? = nil,
        constraint: Constraint? = nil,
        cacheSalt: String = ""
    ) {
        self.model = model
        self.version = version
        self.input = input
        self.maxTokens = maxTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
        self.stop = stop
        self.echo = echo
        self.ignoreEndOfText = ignoreEndOfText
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.presencePenalty = presencePenalty
        self.frequencyPenalty = frequencyPenalty
        self.logitBias = logitBias
        self.stopTokens = stopTokens
        self.logprobs = logprobs
        self.n = n
        self.constraint = constraint
        self.cacheSalt = cacheSalt
    }
}

/// Texts to choose from.
package struct Choices: Message {
    /// At least one; none may be empty.
    package var texts: [String]

    package init(texts: [String] = []) {
        self.texts = texts
    }
}

/// A piece of a generation.
package struct GenerateResponse: Message {
    /// The text since the message before. Never ends within a character, so it can lag behind `tokens`.
    package var text: String
    /// The tokens since the message before.
    package var tokens: [UInt32]
    /// Why the generation ended; set in the last message of an answer only.
    package var finishReason: FinishReason
    /// What the call used; set in the last message only. The trailers of the call say the same: `apus-prompt-tokens`,
    /// `apus-cached-tokens`, `apus-generated-tokens`, `apus-queue-us` and `apus-compute-us`.
    package var usage: Usage?
    /// Which of the `n` answers this is of, from 0.
    package var index: UInt32
    /// For each of `tokens` how likely it was, if the request asks for `logprobs`.
    package var logprobs: [TokenLogprobs]

    package init(
        text: String = "",
        tokens: [UInt32] = [],
        finishReason: FinishReason = .unspecified,
        usage: Usage? = nil,
        index: UInt32 = 0,
        logprobs: [TokenLogprobs] = []
    ) {
        self.text = text
        self.tokens = tokens
        self.finishReason = finishReason
        self.usage = usage
        self.index = index
        self.logprobs = logprobs
    }
}

/// A token and how likely it is.
package struct TokenLogprob: Message {
    /// The token.
    package var token: UInt32
    /// The logarithm, to base e, of its probability.
    package var logprob: Float

    package init(token: UInt32 = 0, logprob: Float = 0) {
        self.token = token
        self.logprob = logprob
    }
}

/// How likely a token of the answer was.
package struct TokenLogprobs: Message {
    /// The token of the answer.
    package var chosen: TokenLogprob?
    /// The likeliest tokens in its place, the likeliest first.
    package var top: [TokenLogprob]

    package init(chosen: TokenLogprob? = nil, top: [TokenLogprob] = []) {
        self.chosen = chosen
        self.top = top
    }
}

/// What a call used and where its time went.
package struct Usage: Message {
    /// Tokens of the prompt, or of all texts to embed.
    package var promptTokens: UInt32
    /// Tokens generated, of all answers together.
    package var generatedTokens: UInt32
    /// Time until the model first worked on this call.
    package var queueMicroseconds: UInt64
    /// Time from then until the end.
    package var computeMicroseconds: UInt64
    /// Those of the prompt's tokens that did not have to be computed, because the cache had them.
    package var cachedTokens: UInt32

    package init(
        promptTokens: UInt32 = 0,
        generatedTokens: UInt32 = 0,
        queueMicroseconds: UInt64 = 0,
        computeMicroseconds: UInt64 = 0,
        cachedTokens: UInt32 = 0
    ) {
        self.promptTokens = promptTokens
        self.generatedTokens = generatedTokens
        self.queueMicroseconds = queueMicroseconds
        self.computeMicroseconds = computeMicroseconds
        self.cachedTokens = cachedTokens
    }
}

/// Asks for vectors that stand for texts.
package struct EmbedRequest: Message {
    /// The model.
    package var model: String
    /// Its version, a positive integer; the newest one when empty.
    package var version: String
    /// The texts, at least one.
    package var texts: [String]
    /// Whether to keep the length of each vector as the model gives it, instead of scaling it to 1.
    package var keepLength: Bool
    /// Whether to take the beginning of a text that is longer than the model reads, instead of refusing it.
    package var truncate: Bool

    package init(
        model: String = "",
        version: String = "",
        texts: [String] = [],
        keepLength: Bool = false,
        truncate: Bool = false
    ) {
        self.model = model
        self.version = version
        self.texts = texts
        self.keepLength = keepLength
        self.truncate = truncate
    }
}

/// A vector that stands for a text.
package struct Embedding: Message {
    /// As many values as the model's description says.
    package var values: [Float]

    package init(values: [Float] = []) {
        self.values = values
    }
}

/// The vectors asked for.
package struct EmbedResponse: Message {
    /// One vector for each text, in the same order.
    package var embeddings: [Embedding]
    /// What the call used.
    package var usage: Usage?

    package init(embeddings: [Embedding] = [], usage: Usage? = nil) {
        self.embeddings = embeddings
        self.usage = usage
    }
}
