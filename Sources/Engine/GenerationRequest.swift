package import Vocabulary

/// A text to be continued, and how.
package struct GenerationRequest: Sendable {
    package var prompt: Prompt
    /// Most tokens to generate, at least 1; the context length may end it earlier.
    package var tokenCountMax: Int
    package var sampling: Sampling
    /// The text ends before the first of these, which is not part of it.
    package var stopStrings: [String]
    /// Goes on when the model says that the text ends, to `tokenCountMax`; for measurements.
    package var ignoresEndOfSequence: Bool
    package var deadline: Deadline

    /// What is to be continued.
    package enum Prompt: Sendable, Equatable {
        /// Text, which the model's tokenizer cuts up; what it puts in front of a text is added.
        case text(String)
        /// Token ids of the model's vocabulary, taken as they are.
        case tokens([Int32])
    }

    /// How a token is chosen.
    package struct Sampling: Sendable, Equatable {
        /// 0 takes the likeliest token each time; at most 10.
        package var temperature: Float
        /// Only the likeliest `topK` tokens; 0 for all.
        package var topK: Int
        /// Only the likeliest tokens that together have this probability, in `0 < topP <= 1`.
        package var topP: Float
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

    package init(
        prompt: Prompt, tokenCountMax: Int, sampling: Sampling = .greedy, stopStrings: [String] = [],
        ignoresEndOfSequence: Bool = false, deadline: Deadline = .never
    ) {
        self.prompt = prompt
        self.tokenCountMax = tokenCountMax
        self.sampling = sampling
        self.stopStrings = stopStrings
        self.ignoresEndOfSequence = ignoresEndOfSequence
        self.deadline = deadline
    }
}
