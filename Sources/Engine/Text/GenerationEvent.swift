package import TextModels

/// What a reader of generated text gets.
package enum GenerationEvent: Sendable, Equatable {
    case piece(GenerationPiece)
    /// The last event of an answer, with the usage of all answers so far; the last one of all has the whole.
    case finished(FinishReason, Usage, answer: Int)
}

/// What came of one answer since the piece before.
package struct GenerationPiece: Sendable, Equatable {
    /// Which of the answers to the prompt, from 0.
    package var answer = 0
    /// The whole characters that the tokens completed; may lag behind them.
    package var text = ""
    /// Usually one.
    package var tokens: [Int32] = []
    /// One for each token, if they were asked for.
    package var logprobs: [TokenLogprobs] = []

    package init(answer: Int = 0) { self.answer = answer }

    var isEmpty: Bool { text.isEmpty && tokens.isEmpty }
}

/// Why a text ended.
package enum FinishReason: String, Sendable, Equatable {
    /// The next text would have been one of the stop strings, or the next token one of the stop tokens.
    case stop
    /// `tokenCountMax` tokens were generated, or the context is full.
    case length
    /// The model said that the text ends here.
    case endOfSequence = "end_of_sequence"
    /// The reader cancelled it, or stopped reading.
    case cancelled
}
