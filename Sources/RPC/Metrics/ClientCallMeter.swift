import Vocabulary

/// Counts the calls of one lane of a channel, and the attempts they took.
///
/// - Isolation: the lane's loop.
/// - Source: gRFC A66, A96.
package final class ClientCallMeter: @unchecked Sendable {
    // @unchecked: touched on the lane's loop only.

    /// Every stream, and every wait for one: a call that is retried has several.
    private var attempts: CallTally
    /// As the caller sees them.
    private var calls: CallTally
    private let methods: [Bytes: Int]
    private let whenRetried: (_ method: String, _ retries: CallRetries) -> Void

    /// - Parameters:
    ///   - paths: the methods that are counted by name.
    ///   - whenRetried: is told about a call that ended after more than one attempt.
    package init(paths: [String], whenRetried: @escaping (_ method: String, _ retries: CallRetries) -> Void) {
        attempts = CallTally(paths: paths)
        calls = attempts
        methods = Dictionary(zip(paths.map { Bytes(utf8: $0) }, paths.indices)) { first, _ in first }
        self.whenRetried = whenRetried
    }

    /// Where calls of `path` are counted.
    func method(at path: Bytes) -> Int { methods[path] ?? calls.otherIndex }

    func attemptDidBegin(method: Int) { attempts.callDidBegin(method: method) }

    func attemptDidEnd(method: Int, _ status: StatusCode, _ extent: CallExtent) {
        attempts.callDidEnd(method: method, status: status, extent)
    }

    func callDidEnd(method: Int, _ status: StatusCode, durationNanoseconds: UInt64, _ retries: CallRetries) {
        calls.callDidEnd(
            method: method, status: status,
            CallExtent(durationNanoseconds: durationNanoseconds, sentByteCount: 0, receivedByteCount: 0))
        if retries.retryCount + retries.transparentRetryCount > 0 { whenRetried(calls.methods[method], retries) }
    }

    /// What has been counted since the last time.
    package func take() -> (attempts: CallTally, calls: CallTally) { (attempts.take(), calls.take()) }
}

/// The attempts of a call after its first.
package struct CallRetries: Hashable, Sendable {
    /// Those that a retry policy asked for.
    package var retryCount = 0
    /// Those that were made because the server had not seen the call.
    package var transparentRetryCount = 0
    /// While there was no attempt.
    package var delayNanoseconds: UInt64 = 0
}
