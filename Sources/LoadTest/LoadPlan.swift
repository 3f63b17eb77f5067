/// How a server is loaded: with how many calls, for how long.
///
/// ```
/// start          warm-up ends                        end            everything settled
/// |-- not counted --|------------ measured -------------|-- calls end --|
/// ```
package struct LoadPlan: Equatable, Sendable {
    /// What decides when the next call is sent.
    package enum Load: Equatable, Sendable {
        /// A number of callers, each of which sends its next call when the one before has been answered.
        case closed(callerCount: Int)
        /// Calls that arrive whatever the server does, at random times around a mean rate; the same times for the same
        /// seed.
        case open(callsPerSecond: Double, seed: UInt64)
    }

    package let load: Load
    package let warmupNanoseconds: UInt64
    package let durationNanoseconds: UInt64
    /// From the moment when a call is meant to be sent until nobody waits for it any more.
    package let timeoutNanoseconds: UInt64
    package let connectionCount: Int
    /// Calls under way at once, at most; arrivals of an open loop beyond that wait, and their waiting counts.
    package let callCountMax: Int

    package static let callCountMaxOfOpenLoop = 4096
    package static let callerCountMax = 10_000
    package static let connectionCountMax = 1024
    package static let callsPerSecondMax = 1e6
    private static let timeNanosecondsMax: UInt64 = 86_400_000_000_000

    /// - Throws: `LoadPlanError` naming the setting.
    package init(
        _ load: Load, warmupNanoseconds: UInt64, durationNanoseconds: UInt64, timeoutNanoseconds: UInt64,
        connectionCount: Int
    ) throws(LoadPlanError) {
        switch load {
        case .closed(let callerCount):
            try check("concurrency", callerCount, in: 1...Self.callerCountMax)
            callCountMax = callerCount
        case .open(let callsPerSecond, _):
            guard callsPerSecond > 0, callsPerSecond <= Self.callsPerSecondMax else {
                throw .outOfRange(setting: "rate", expected: "above 0 and at most 1000000", value: "\(callsPerSecond)")
            }
            callCountMax = Self.callCountMaxOfOpenLoop
        }
        try check("connections", connectionCount, in: 1...Self.connectionCountMax)
        try check("duration in nanoseconds", durationNanoseconds, in: 1...Self.timeNanosecondsMax)
        try check("warmup in nanoseconds", warmupNanoseconds, in: 0...Self.timeNanosecondsMax)
        try check("timeout in nanoseconds", timeoutNanoseconds, in: 1...Self.timeNanosecondsMax)
        self.load = load
        self.warmupNanoseconds = warmupNanoseconds
        self.durationNanoseconds = durationNanoseconds
        self.timeoutNanoseconds = timeoutNanoseconds
        self.connectionCount = connectionCount
    }
}

/// Why a load cannot be made.
package enum LoadPlanError: Error, Equatable, CustomStringConvertible {
    case outOfRange(setting: String, expected: String, value: String)

    package var description: String {
        switch self {
        case .outOfRange(let setting, let expected, let value): "\(setting): expected \(expected), got \(value)"
        }
    }
}

private func check<Value: Comparable>(
    _ setting: String, _ value: Value, in range: ClosedRange<Value>
) throws(LoadPlanError) {
    guard range.contains(value) else {
        throw .outOfRange(
            setting: setting, expected: "\(range.lowerBound) to \(range.upperBound)", value: "\(value)")
    }
}
