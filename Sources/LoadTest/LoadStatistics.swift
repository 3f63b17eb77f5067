package import Vocabulary

/// How one call ended.
package enum LoadOutcome: Equatable, Sendable {
    case answered
    case failed(StatusCode, message: String)
}

/// What was measured, in constant memory.
///
/// Two questions are kept apart. *How long did calls take* is asked of the calls meant to be sent in the measured part,
/// each followed to its end. *How many did the server answer* is asked of the answers that came in the measured part,
/// whenever they were asked for: long calls that hang over one edge make up for those that hang over the other.
package struct LoadStatistics: Sendable {
    /// Measured calls that were answered: time from when they were meant to be sent to the end of the answer.
    package private(set) var latency = LatencyHistogram()
    /// Text only: time from when the call was meant to be sent to the first token.
    package private(set) var firstToken = LatencyHistogram()
    /// Text only: time from one token to the next.
    package private(set) var betweenTokens = LatencyHistogram()

    /// Measured calls that have ended.
    package private(set) var endedCount: UInt64 = 0
    package private(set) var answeredCount: UInt64 = 0
    /// Measured calls that could not be sent before their deadline; among the failures too.
    package private(set) var givenUpCount: UInt64 = 0
    package private(set) var failures: [StatusCode: Failure] = [:]
    /// Answers that came in the measured part.
    package private(set) var answersInWindowCount: UInt64 = 0
    package private(set) var tokensInWindowCount: UInt64 = 0
    package private(set) var responseBytesInWindowCount: UInt64 = 0

    /// Measured calls that failed with the same code.
    package struct Failure: Equatable, Sendable {
        package var count: UInt64
        /// What the first of them said.
        package let firstMessage: String
    }

    static let givenUpMessage =
        "the deadline passed before the call could be sent: too many were under way, or the server asked to wait"

    package init() {}

    /// A call ended at `time`.
    package mutating func callEnded(
        _ call: LoadCall, _ outcome: LoadOutcome, at time: MonotonicTime, isInWindow: Bool
    ) {
        if isInWindow, outcome == .answered { answersInWindowCount += 1 }
        guard call.isMeasured else { return }
        endedCount += 1
        switch outcome {
        case .answered:
            answeredCount += 1
            latency.record(time.nanoseconds(since: call.intendedTime))
        case .failed(let code, let message):
            failures[code, default: Failure(count: 0, firstMessage: message)].count += 1
        }
    }

    /// A call was given up before it was sent.
    package mutating func callGivenUp(_ call: LoadCall) {
        guard call.isMeasured else { return }
        givenUpCount += 1
        endedCount += 1
        failures[.deadlineExceeded, default: Failure(count: 0, firstMessage: Self.givenUpMessage)].count += 1
    }

    /// A response message of `byteCount` bytes arrived.
    package mutating func messageArrived(byteCount: Int, isInWindow: Bool) {
        if isInWindow { responseBytesInWindowCount += UInt64(byteCount) }
    }

    /// `count` tokens arrived at `time`, the first of the call or after those at `previous`.
    ///
    /// Tokens that come in one message share the time since the message before.
    package mutating func tokensArrived(
        _ call: LoadCall, count: Int, previous: MonotonicTime?, at time: MonotonicTime, isInWindow: Bool
    ) {
        guard count > 0 else { return }
        if isInWindow { tokensInWindowCount += UInt64(count) }
        guard call.isMeasured else { return }
        if let previous {
            betweenTokens.record(time.nanoseconds(since: previous) / UInt64(count), count: UInt64(count))
        } else {
            firstToken.record(time.nanoseconds(since: call.intendedTime))
        }
    }

    /// Measured calls that failed, with any code.
    package var failedCount: UInt64 { failures.values.reduce(0) { $0 + $1.count } }
}
