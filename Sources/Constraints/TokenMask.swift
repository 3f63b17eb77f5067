/// A set of token ids of one vocabulary, one bit each: those that may come next.
package struct TokenMask: Sendable, Equatable {
    /// Ids are in `0 ..< tokenCount`.
    package let tokenCount: Int
    /// `[ceil(tokenCount / 64)]`; bit `i % 64` of word `i / 64` is token `i`.
    package private(set) var words: [UInt64]

    /// An empty set.
    package init(tokenCount: Int) {
        precondition(tokenCount >= 0, "\(tokenCount) tokens")
        self.tokenCount = tokenCount
        words = Array(repeating: 0, count: (tokenCount + 63) / 64)
    }

    /// Whether a token is in the set; no token outside the vocabulary is.
    package func contains(_ token: Int32) -> Bool {
        guard token >= 0, Int(token) < tokenCount else { return false }
        return words[Int(token) / 64] >> (UInt64(token) % 64) & 1 == 1
    }

    /// - Precondition: the token is in the vocabulary.
    package mutating func insert(_ token: Int32) {
        precondition(token >= 0 && Int(token) < tokenCount, "token \(token) of \(tokenCount)")
        words[Int(token) / 64] |= 1 << (UInt64(token) % 64)
    }

    /// Takes a token out, if it is there.
    package mutating func remove(_ token: Int32) {
        guard contains(token) else { return }
        words[Int(token) / 64] &= ~(1 << (UInt64(token) % 64))
    }

    /// The lowest id in the set.
    package var first: Int32? {
        guard let index = words.firstIndex(where: { $0 != 0 }) else { return nil }
        return Int32(index * 64 + words[index].trailingZeroBitCount)
    }

    /// How many tokens are in the set.
    package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
