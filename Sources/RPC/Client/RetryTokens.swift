/// Stops the retries to a server that fails most calls: failures take tokens, successes give them back slowly, and with
/// half of them or fewer nothing is tried again.
///
/// - Source: gRFC A6, "Throttling Retry Attempts and Hedged RPCs".
package struct RetryTokens: Equatable, Sendable {
    // In thousandths of a token, as the specification counts three decimals.
    private var count: Int
    private let countMax: Int
    private let ratio: Int

    /// As many tokens as there can be; nil for numbers that the specification calls invalid.
    ///
    /// - Parameters:
    ///   - max: in `1 ... 1000`.
    ///   - ratio: of a token for each success; above 0, digits after the third are dropped.
    package init?(max: Int, ratio: Double) {
        guard (1...1000).contains(max), ratio.isFinite, ratio <= 1_000_000 else { return nil }
        let thousandths = Int(ratio * 1000 + 1e-6)
        guard thousandths > 0 else { return nil }
        countMax = max * 1000
        count = countMax
        self.ratio = thousandths
    }

    /// A call has failed with a status that is worth a retry.
    package mutating func callFailed() { count = max(count - 1000, 0) }

    package mutating func callSucceeded() { count = min(count + ratio, countMax) }

    package var allowsRetry: Bool { count > countMax / 2 }

    /// Whether both count alike, however many tokens either has.
    package func hasSameRules(as other: RetryTokens) -> Bool { countMax == other.countMax && ratio == other.ratio }

    /// As many of these tokens as `other` has of its own: a new rule forgives no failures.
    package func filled(as other: RetryTokens) -> RetryTokens {
        var tokens = self
        tokens.count = countMax * other.count / other.countMax
        return tokens
    }
}
