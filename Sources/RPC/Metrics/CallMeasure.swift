import Vocabulary

/// What is measured of one call of a client, from its begin to its status.
///
/// ```
/// begin ─▶ attempt … failed ─▶ delay ─▶ attempt … failed ─▶ attempt … ─▶ end
/// ```
///
/// An attempt begins when the call looks for a connection, so waiting for one is a part of it.
///
/// - Source: gRFC A66, A96.
struct CallMeasure {
    private let meter: ClientCallMeter
    private let method: Int
    private let startTime: MonotonicTime
    /// Nil between attempts.
    private var attemptStartTime: MonotonicTime?
    private var lastAttemptEndTime: MonotonicTime?
    /// What the next attempt is, if there is one.
    private var sequel = Sequel.none
    private var sentByteCount = 0
    private var receivedByteCount = 0
    private var retries = CallRetries()

    init(meter: ClientCallMeter, path: Bytes, at now: MonotonicTime) {
        self.meter = meter
        method = meter.method(at: path)
        startTime = now
    }

    mutating func attemptDidBegin(at now: MonotonicTime) {
        if let lastAttemptEndTime { retries.delayNanoseconds += now.nanoseconds(since: lastAttemptEndTime) }
        switch sequel {
        case .none: break
        case .retry: retries.retryCount += 1
        case .transparentRetry: retries.transparentRetryCount += 1
        }
        attemptStartTime = now
        sentByteCount = 0
        receivedByteCount = 0
        meter.attemptDidBegin(method: method)
    }

    mutating func messageDidLeave(byteCount: Int) { sentByteCount += byteCount }

    mutating func messageDidArrive(byteCount: Int) { receivedByteCount += byteCount }

    /// What is to come after a failed attempt, unless the call ends before.
    enum Sequel {
        /// The call's end.
        case none
        case retry
        /// The server has not seen the attempt, so it counts as none.
        case transparentRetry
    }

    /// Does nothing between attempts.
    mutating func attemptDidEnd(_ status: StatusCode, then sequel: Sequel, at now: MonotonicTime) {
        guard let attemptStartTime else { return }
        self.attemptStartTime = nil
        lastAttemptEndTime = now
        self.sequel = sequel
        meter.attemptDidEnd(
            method: method, status,
            CallExtent(
                durationNanoseconds: now.nanoseconds(since: attemptStartTime), sentByteCount: sentByteCount,
                receivedByteCount: receivedByteCount))
    }

    mutating func callDidEnd(_ status: StatusCode, at now: MonotonicTime) {
        attemptDidEnd(status, then: .none, at: now)
        meter.callDidEnd(method: method, status, durationNanoseconds: now.nanoseconds(since: startTime), retries)
    }
}
