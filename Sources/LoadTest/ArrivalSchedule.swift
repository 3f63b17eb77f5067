import Glibc

/// When the calls of an open loop are to be sent: the arrivals of a Poisson process.
///
/// Why Poisson: callers who know nothing of each other arrive so, in clusters and gaps, and a server that copes with
/// an even beat may still queue under them.
///
/// - Complexity: constant memory; the next arrival is computed from the one before.
package struct ArrivalSchedule: Sendable {
    private var generator: SplitMix64
    private let meanGapNanoseconds: Double
    /// Not rounded, so that rounding does not add up.
    private var timeNanoseconds = 0.0

    /// - Precondition: `callsPerSecond` is positive and finite.
    package init(callsPerSecond: Double, seed: UInt64) {
        precondition(callsPerSecond > 0 && callsPerSecond.isFinite, "rate \(callsPerSecond)")
        meanGapNanoseconds = 1e9 / callsPerSecond
        generator = SplitMix64(seed: seed)
    }

    /// The next arrival, in nanoseconds since the start; never before the one that was returned last.
    package mutating func next() -> UInt64 {
        // The gaps of a Poisson process are exponential: -ln(u) times their mean, for u uniform in (0, 1].
        let uniform = 1 - Double.random(in: 0..<1, using: &generator)
        timeNanoseconds += -log(uniform) * meanGapNanoseconds
        return UInt64(timeNanoseconds)
    }
}
