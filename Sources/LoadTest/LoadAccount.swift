import RPC
package import Vocabulary

/// What is written down of one call while it is under way, for a `LoadAccount`.
struct LoadCallRecord {
    let call: LoadCall
    /// When it was sent.
    let sent: MonotonicTime
    private(set) var firstToken: MonotonicTime?
    private(set) var lastToken: MonotonicTime?
    private(set) var laterTokenCount: UInt64 = 0
    var trailers = Metadata()

    init(_ call: LoadCall, sent: MonotonicTime) {
        self.call = call
        self.sent = sent
    }

    mutating func tokensArrived(_ count: Int, at time: MonotonicTime) {
        if firstToken == nil { firstToken = time } else { laterTokenCount += UInt64(count) }
        lastToken = time
    }

    func times(at end: MonotonicTime) -> CallTimes {
        var times = CallTimes(latencyNanoseconds: end.nanoseconds(since: call.intendedTime))
        guard let firstToken, let lastToken else { return times }
        times.firstTokenNanoseconds = firstToken.nanoseconds(since: call.intendedTime)
        if laterTokenCount > 0 {
            times.betweenTokensNanoseconds = lastToken.nanoseconds(since: firstToken) / laterTokenCount
        }
        return times
    }
}

/// Counts of one window of the measured time.
///
/// What is asked of calls (`ended`, `good`, `failed`, the times) is counted in the window that a call was meant to be
/// sent in; what the server did (`answered`, `tokens`) in the window it did it in.
package struct LoadWindow: Equatable, Sendable {
    package var ended: UInt64 = 0
    package var good: UInt64 = 0
    package var failed: UInt64 = 0
    package var answered: UInt64 = 0
    package var tokens: UInt64 = 0
    package var latency = BucketCounts()
    package var firstToken = BucketCounts()
    /// One value a call: the average between its tokens.
    package var betweenTokens = BucketCounts()

    package init() {}

    package mutating func add(_ other: LoadWindow) {
        ended += other.ended
        good += other.good
        failed += other.failed
        answered += other.answered
        tokens += other.tokens
        latency.add(other.latency)
        firstToken.add(other.firstToken)
        betweenTokens.add(other.betweenTokens)
    }
}

/// What a load gave beside its latencies: window by window, errors by reason, usage, and how punctual it was itself.
package struct LoadAccount: Sendable {
    /// An error as it is counted: its code, and the reason the server gave.
    package struct Failure: Hashable, Sendable {
        package let code: StatusCode
        package let reason: String?
    }

    /// More kinds of errors than this share one place, so that no server can fill the memory.
    package static let failureKindCountMax = 64
    /// A call that is sent later than this after its time is a late one.
    package static let latenessNanosecondsMax: UInt64 = 1_000_000

    private let detail: LoadDetail
    private let windowsStart: MonotonicTime

    package private(set) var windows: [LoadWindow]
    /// Measured calls.
    package private(set) var failures: [Failure: LoadStatistics.Failure] = [:]
    package private(set) var goodCount: UInt64 = 0
    /// All calls, warm-up included: what the server's ledger has.
    package private(set) var sentCount: UInt64 = 0
    package private(set) var usage = CallUsage()
    /// Of the calls that ended in the measured time.
    package private(set) var measuredUsage = CallUsage()

    /// Open loop: how long after its time each measured call was sent that nothing held back.
    package private(set) var lateness = LatencyHistogram()
    package private(set) var lateCount: UInt64 = 0
    /// Open loop: measured calls that had to wait for others to end, or for the server's leave.
    package private(set) var heldBackCount: UInt64 = 0

    package init(_ plan: LoadPlan, _ detail: LoadDetail, start: MonotonicTime) {
        self.detail = detail
        windowsStart = start.advanced(byNanoseconds: plan.warmupNanoseconds)
        let count = (plan.durationNanoseconds + detail.windowNanoseconds - 1) / detail.windowNanoseconds
        windows = Array(repeating: LoadWindow(), count: Int(count))
    }

    /// The window of a time of the measured part.
    private func window(of time: MonotonicTime) -> Int {
        let index = Int(time.nanoseconds(since: windowsStart) / detail.windowNanoseconds)
        return min(index, windows.count - 1)
    }

    mutating func callSent(_ call: LoadCall, at time: MonotonicTime, isOpen: Bool) {
        sentCount += 1
        guard call.isMeasured, isOpen else { return }
        guard !call.isHeldBack else { return heldBackCount += 1 }
        let nanoseconds = time.nanoseconds(since: call.intendedTime)
        lateness.record(nanoseconds)
        if nanoseconds > Self.latenessNanosecondsMax { lateCount += 1 }
    }

    mutating func tokensArrived(_ count: Int, at time: MonotonicTime, isInWindow: Bool) {
        if isInWindow { windows[window(of: time)].tokens += UInt64(count) }
    }

    mutating func callEnded(
        _ record: LoadCallRecord, _ outcome: LoadOutcome, reason: String?, at time: MonotonicTime, isInWindow: Bool
    ) {
        let usage = CallUsage(record.trailers)
        self.usage += usage
        if isInWindow {
            measuredUsage += usage
            if outcome == .answered { windows[window(of: time)].answered += 1 }
        }
        guard record.call.isMeasured else { return }
        let index = window(of: record.call.intendedTime)
        windows[index].ended += 1
        switch outcome {
        case .failed(let code, let message):
            windows[index].failed += 1
            count(Failure(code: code, reason: reason), message)
        case .answered: answered(record.times(at: time), window: index)
        }
    }

    private mutating func answered(_ times: CallTimes, window index: Int) {
        windows[index].latency.record(times.latencyNanoseconds)
        if let first = times.firstTokenNanoseconds { windows[index].firstToken.record(first) }
        if let between = times.betweenTokensNanoseconds { windows[index].betweenTokens.record(between) }
        guard detail.objective.isMet(by: times) else { return }
        goodCount += 1
        windows[index].good += 1
    }

    mutating func callGivenUp(_ call: LoadCall) {
        guard call.isMeasured else { return }
        let index = window(of: call.intendedTime)
        windows[index].ended += 1
        windows[index].failed += 1
        count(Failure(code: .deadlineExceeded, reason: nil), LoadStatistics.givenUpMessage)
    }

    private mutating func count(_ failure: Failure, _ message: String) {
        var failure = failure
        if failures[failure] == nil, failures.count >= Self.failureKindCountMax {
            failure = Failure(code: .unknown, reason: "OTHER")
        }
        failures[failure, default: LoadStatistics.Failure(count: 0, firstMessage: message)].count += 1
    }
}
