/// How often each token came before, for the penalties.
struct TokenHistory: Sendable {
    /// Where a token was.
    struct Occurrence {
        var isInPrompt = false
        var answerCount: Int32 = 0
    }

    private(set) var occurrences: [Int32: Occurrence] = [:]

    /// Makes room for everything that a sequence of `tokenCountMax` tokens can count, so that counting allocates
    /// nothing.
    init(prompt: some Collection<Int32>, tokenCountMax: Int) {
        occurrences.reserveCapacity(max(prompt.count, tokenCountMax))
        for token in prompt { occurrences[token, default: Occurrence()].isInPrompt = true }
    }

    /// Counts a token of the answer.
    mutating func add(_ token: Int32) { occurrences[token, default: Occurrence()].answerCount += 1 }
}
