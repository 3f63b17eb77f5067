/// What a reader of generated text gets.
package enum GenerationEvent: Sendable, Equatable {
    /// The tokens since the last piece, usually one, and the whole characters they completed.
    case piece(text: String, tokens: [Int32])
    /// The last event.
    case finished(FinishReason, Usage)
}

/// Why a text ended.
package enum FinishReason: String, Sendable, Equatable {
    /// The next text would have been one of the stop strings.
    case stop
    /// `tokenCountMax` tokens were generated, or the context is full.
    case length
    /// The model said that the text ends here.
    case endOfSequence = "end_of_sequence"
    /// The reader cancelled it, or stopped reading.
    case cancelled
}
