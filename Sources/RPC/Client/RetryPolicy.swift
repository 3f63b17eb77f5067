package import Vocabulary

/// Which failed attempts of a call are followed by another, and when.
///
/// - Source: gRFC A6, "Retry Policy".
package struct RetryPolicy: Equatable, Sendable {
    /// Attempts a policy may ask for, the first one included; more are taken as this many.
    package static let attemptCountLimit = 5

    package let attemptCountMax: Int
    package let initialBackoffNanoseconds: UInt64
    package let maxBackoffNanoseconds: UInt64
    package let multiplier: Double
    /// The statuses that are worth another attempt.
    package let codes: Set<StatusCode>

    /// Nil for a policy that the specification calls invalid.
    ///
    /// - Parameters:
    ///   - attemptCountMax: the first one included; at least 2.
    ///   - initialBackoffNanoseconds: above 0.
    ///   - maxBackoffNanoseconds: above 0.
    ///   - multiplier: above 0.
    ///   - codes: at least one, and not OK.
    package init?(
        attemptCountMax: Int, initialBackoffNanoseconds: UInt64, maxBackoffNanoseconds: UInt64, multiplier: Double,
        codes: Set<StatusCode>
    ) {
        guard attemptCountMax >= 2, initialBackoffNanoseconds > 0, maxBackoffNanoseconds > 0, multiplier > 0,
            multiplier.isFinite, !codes.isEmpty, !codes.contains(.ok)
        else { return nil }
        self.attemptCountMax = min(attemptCountMax, Self.attemptCountLimit)
        self.initialBackoffNanoseconds = initialBackoffNanoseconds
        self.maxBackoffNanoseconds = maxBackoffNanoseconds
        self.multiplier = multiplier
        self.codes = codes
    }

    /// How long to wait before a retry, for a random number in `0 ..< 1`: up to a fifth less or more than
    /// `initialBackoff × multiplier ^ (number - 1)`, of which no more than `maxBackoff` counts.
    ///
    /// - Precondition: `number` is at least 1.
    package func delayNanoseconds(retry number: Int, random: Double) -> UInt64 {
        precondition(number >= 1, "retry \(number)")
        var delay = Double(initialBackoffNanoseconds)
        for _ in 1..<number { delay *= multiplier }
        delay = min(delay, Double(maxBackoffNanoseconds)) * (0.8 + 0.4 * random)
        return UInt64(min(delay, Double(Self.delayNanosecondsMax)))
    }

    /// What a server can make a client wait at most: a year, which timers can count.
    static let delayNanosecondsMax: UInt64 = 365 * 86_400 * 1_000_000_000
}

/// What a server says about another attempt, in the trailer `grpc-retry-pushback-ms`.
///
/// - Source: gRFC A6, "Pushback".
package enum RetryPushback: Equatable, Sendable {
    /// Nothing: the policy decides.
    case none
    /// Not before, and not after.
    case after(nanoseconds: UInt64)
    /// No more attempts.
    case never

    /// Reads the value of the trailer; whatever is not a number of milliseconds asks for no more attempts.
    package init(_ text: String?) {
        guard let text else {
            self = .none
            return
        }
        guard let milliseconds = Int32(text), milliseconds >= 0, text.first != "+" else {
            self = .never
            return
        }
        self = .after(nanoseconds: UInt64(milliseconds) * 1_000_000)
    }
}
