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
        /// Calls that arrive whatever the server does, at a mean rate; at the same times for the same seed.
        case open(callsPerSecond: Double, seed: UInt64, arrivals: ArrivalPattern = .poisson)

        /// Whether calls arrive whatever the server does.
        package var isOpen: Bool {
            if case .open = self { true } else { false }
        }
    }

    package let load: Load
    package let warmupNanoseconds: UInt64
    package let durationNanoseconds: UInt64
    /// From the moment when a call is meant to be sent until nobody waits for it any more.
    package let timeoutNanoseconds: UInt64
    package let connectionCount: Int
    /// Calls under way at once, at most; arrivals of an open loop beyond that wait, and their waiting counts.
    package let callCountMax: Int
    /// What is measured beside latency and throughput; nil where every microsecond of the generator counts.
    package var detail: LoadDetail?

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
        case .open(let callsPerSecond, _, _):
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

/// What is measured of a load that is one of several, to be compared with others.
package struct LoadDetail: Equatable, Sendable {
    /// What a call has to keep to, to count as good.
    package var objective: ServiceObjective
    /// The measured time is cut into windows of this length, each with counts of its own.
    package var windowNanoseconds: UInt64
    /// Whether callers wait as long as a refusal asks them to (`grpc-retry-pushback-ms`).
    package var heedsPushback: Bool

    /// - Precondition: windows have a length.
    package init(objective: ServiceObjective, windowNanoseconds: UInt64, heedsPushback: Bool) {
        precondition(windowNanoseconds > 0, "windows of 0 ns")
        self.objective = objective
        self.windowNanoseconds = windowNanoseconds
        self.heedsPushback = heedsPushback
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
