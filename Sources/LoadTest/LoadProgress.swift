/// How a load goes on, said once a second.
package struct LoadProgress: Equatable, Sendable {
    package var isWarmingUp: Bool
    /// Since the start.
    package var elapsedSeconds: Double
    /// Answers a second since the progress before.
    package var callsPerSecond: Double
    /// Text only: tokens a second since the progress before.
    package var tokensPerSecond: Double
    /// Calls under way.
    package var callCount: Int
    /// Calls that failed since the start, warm-up included.
    package var failedCount: UInt64
    /// Of the answers since the progress before; nil without any.
    package var latency: LatencySummary?

    /// One line for people.
    package var line: String {
        var parts = [
            "\(isWarmingUp ? "warm-up " : "")\(LoadReport.number(elapsedSeconds)) s",
            "\(LoadReport.number(callsPerSecond)) calls/s",
        ]
        if tokensPerSecond > 0 { parts.append("\(LoadReport.number(tokensPerSecond)) tokens/s") }
        if let latency {
            parts.append("p50 \(LoadReport.time(latency.p50Microseconds))")
            parts.append("p99 \(LoadReport.time(latency.p99Microseconds))")
        }
        parts.append("\(callCount) under way")
        if failedCount > 0 { parts.append("\(failedCount) failed") }
        return parts.joined(separator: "  ")
    }
}

/// What happened since the progress before; warm-up counts too.
struct ProgressCounters {
    private var answers: UInt64 = 0
    private var tokens: UInt64 = 0
    private var failedCount: UInt64 = 0
    private var latency = LatencyHistogram()

    mutating func callEnded(nanoseconds: UInt64, isAnswered: Bool) {
        guard isAnswered else { return failedCount += 1 }
        answers += 1
        latency.record(nanoseconds)
    }

    mutating func tokensArrived(_ count: Int) { tokens += UInt64(count) }

    /// Sums up, and starts the next interval.
    mutating func take(
        isWarmingUp: Bool, elapsedNanoseconds: UInt64, intervalNanoseconds: UInt64, callCount: Int
    ) -> LoadProgress {
        defer {
            answers = 0
            tokens = 0
            latency.removeAll()
        }
        let seconds = Double(max(1, intervalNanoseconds)) / 1e9
        return LoadProgress(
            isWarmingUp: isWarmingUp, elapsedSeconds: Double(elapsedNanoseconds) / 1e9,
            callsPerSecond: Double(answers) / seconds, tokensPerSecond: Double(tokens) / seconds,
            callCount: callCount, failedCount: failedCount, latency: latency.summary)
    }
}
