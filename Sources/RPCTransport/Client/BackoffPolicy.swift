/// How long to wait between attempts to connect.
///
/// - Source: grpc/grpc `doc/connection-backoff.md`.
package struct BackoffPolicy: Sendable {
    package var initialNanoseconds: UInt64 = 1_000_000_000
    package var maxNanoseconds: UInt64 = 120_000_000_000
    package var multiplier = 1.6
    /// Each delay is up to this fraction shorter or longer, so that clients that lost one server do not come back to
    /// it all at once.
    package var jitter = 0.2
    /// An attempt gets this long.
    package var attemptTimeoutNanoseconds: UInt64 = 20_000_000_000

    package init() {}

    /// The delay after `failureCount` failures in a row, for a random number in `0 ..< 1`.
    ///
    /// - Precondition: `failureCount` is at least 1.
    package func delayNanoseconds(failureCount: Int, random: Double) -> UInt64 {
        precondition(failureCount >= 1, "failureCount \(failureCount)")
        var delay = Double(initialNanoseconds)
        for _ in 1..<failureCount {
            delay *= multiplier
            if delay >= Double(maxNanoseconds) { break }
        }
        delay = min(delay, Double(maxNanoseconds))
        return UInt64(delay * (1 + jitter * (2 * random - 1)))
    }
}
