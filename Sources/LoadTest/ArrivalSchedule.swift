import Glibc

/// How the calls of an open loop follow each other.
package enum ArrivalPattern: String, CaseIterable, Codable, Sendable {
    /// As a Poisson process has it.
    ///
    /// Callers who know nothing of each other arrive so, in clusters and gaps, and a server that copes with an even
    /// beat may still queue under them.
    case poisson
    /// Evenly, from a random moment within the first gap on, so that several schedules do not beat as one.
    case constant
}

/// When the calls of an open loop are to be sent.
///
/// - Complexity: constant memory; the next arrival is computed from the one before.
package struct ArrivalSchedule: Sendable {
    private var generator: SplitMix64
    private let meanGapNanoseconds: Double
    private let pattern: ArrivalPattern
    /// Not rounded, so that rounding does not add up.
    private var timeNanoseconds = 0.0

    /// - Precondition: `callsPerSecond` is positive and finite.
    package init(callsPerSecond: Double, seed: UInt64, pattern: ArrivalPattern = .poisson) {
        precondition(callsPerSecond > 0 && callsPerSecond.isFinite, "rate \(callsPerSecond)")
        meanGapNanoseconds = 1e9 / callsPerSecond
        generator = SplitMix64(seed: seed)
        self.pattern = pattern
        if pattern == .constant {
            timeNanoseconds = (Double.random(in: 0..<1, using: &generator) - 1) * meanGapNanoseconds
        }
    }

    /// The next arrival, in nanoseconds since the start; never before the one that was returned last.
    package mutating func next() -> UInt64 {
        guard pattern == .poisson else {
            timeNanoseconds += meanGapNanoseconds
            return UInt64(max(0, timeNanoseconds))
        }
        // The gaps of a Poisson process are exponential: -ln(u) times their mean, for u uniform in (0, 1].
        let uniform = 1 - Double.random(in: 0..<1, using: &generator)
        timeNanoseconds += -log(uniform) * meanGapNanoseconds
        return UInt64(timeNanoseconds)
    }
}
