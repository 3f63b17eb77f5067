package import Constraints
package import Vocabulary

/// A text to be continued, and how.
package struct GenerationRequest: Sendable {
    package var prompt: Prompt
    /// Most tokens to generate for an answer, at least 1; the context length may end it earlier.
    package var tokenCountMax: Int
    package var sampling: Sampling
    /// The text ends before the first of these, which is not part of it.
    package var stopStrings: [String]
    /// Tokens that end the text like the model's own end; they are not part of it.
    package var stopTokens: [Int32] = []
    /// Goes on when the model says that the text ends, to `tokenCountMax`; for measurements.
    package var ignoresEndOfSequence: Bool
    /// How many of the likeliest tokens come along with each token and its probability; nil for none of it.
    package var logprobCount: Int?
    /// Different answers to the prompt.
    package var answerCount = 1
    /// What the text has to look like; nil for whatever the model likes.
    package var constraint: ConstraintSpecification?
    package var deadline: Deadline
    /// Who asks, as the server knows, so that the prompt finds the cached pages of the same tenant's earlier prompts;
    /// nil finds and leaves none.
    package var tenant: TenantID?
    /// The tenant's share of the engine where tenants compete, see `TenantShare`.
    package var weight = 1
    /// How urgent it is, see `TenantShare.priority`.
    package var priority = TenantShare.priorityDefault
    /// Of the tenant's earlier prompts, only those that came with the same salt count; at most
    /// `cacheSaltByteCountMax` bytes.
    package var cacheSalt: String

    /// The longest salt.
    package static let cacheSaltByteCountMax = 256

    /// What is to be continued.
    package enum Prompt: Sendable, Equatable {
        /// Text, which the model's tokenizer cuts up; what it puts in front of a text is added.
        case text(String)
        /// Token ids of the model's vocabulary, taken as they are.
        case tokens([Int32])
        /// A conversation, which the model's chat template writes out.
        case chat(ChatPrompt)
    }

    /// How a token is chosen; `SamplingParameters` says what each of these does, and in which order.
    package struct Sampling: Sendable, Equatable {
        /// 0 takes the likeliest token each time; at most 10.
        package var temperature: Float
        /// Only the likeliest `topK` tokens; 0 for all.
        package var topK: Int
        /// Only the likeliest tokens that together have this probability, in `0 < topP <= 1`.
        package var topP: Float
        /// Only tokens with this share of the likeliest one's probability, in `0 ... 1`.
        package var minP: Float = 0
        /// Against tokens of prompt and answer, in `0 < penalty <= 10`; 1 for none.
        package var repetitionPenalty: Float = 1
        /// Against tokens of the answer, in `-2 ... 2`.
        package var presencePenalty: Float = 0
        /// Against tokens of the answer for each time they are there, in `-2 ... 2`.
        package var frequencyPenalty: Float = 0
        /// Added to the logits of tokens, in `-100 ... 100`.
        package var biases: [Int32: Float] = [:]
        /// The same seed gives the same text; nil for another text each time.
        package var seed: UInt64?

        package init(temperature: Float, topK: Int = 0, topP: Float = 1, seed: UInt64? = nil) {
            self.temperature = temperature
            self.topK = topK
            self.topP = topP
            self.seed = seed
        }

        package static let greedy = Sampling(temperature: 0)
    }

    /// Most answers to one prompt.
    package static let answerCountMax = 16
    /// Most tokens that end a text.
    package static let stopTokenCountMax = 64

    package init(
        prompt: Prompt, tokenCountMax: Int, sampling: Sampling = .greedy, stopStrings: [String] = [],
        ignoresEndOfSequence: Bool = false, deadline: Deadline = .never, tenant: TenantID? = nil,
        weight: Int = 1, cacheSalt: String = ""
    ) {
        self.prompt = prompt
        self.tokenCountMax = tokenCountMax
        self.sampling = sampling
        self.stopStrings = stopStrings
        self.ignoresEndOfSequence = ignoresEndOfSequence
        self.deadline = deadline
        self.tenant = tenant
        self.weight = weight
        self.cacheSalt = cacheSalt
    }

    /// Its claim on the engine.
    var share: TenantShare { TenantShare(tenant: tenant, weight: weight, priority: priority) }
}
