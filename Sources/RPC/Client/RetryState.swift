package import Vocabulary

/// The attempts of one call, as a value: how one ended in, when to make the next out.
///
/// - Source: gRFC A6.
package struct RetryState: Equatable, Sendable {
    /// Attempts before the present one that reached a server and failed.
    package private(set) var retryCount = 0
    /// Retries since the server last said when to come.
    private var backoffCount = 0

    package init() {}

    /// An attempt has failed; the tokens pay for it.
    ///
    /// It is committed when the caller has seen something of it, or the request is not kept any more; the random number
    /// is in `0 ..< 1`.
    ///
    /// - Returns: nanoseconds to wait before the next attempt; nil when the status is the call's.
    package mutating func attemptFailed(
        _ code: StatusCode, pushback: RetryPushback, policy: RetryPolicy, tokens: inout RetryTokens?,
        isCommitted: Bool, random: Double
    ) -> UInt64? {
        guard policy.codes.contains(code) || pushback == .never else { return nil }
        tokens?.callFailed()
        guard !isCommitted, tokens?.allowsRetry ?? true, retryCount + 1 < policy.attemptCountMax else { return nil }
        let delay: UInt64
        switch pushback {
        case .never: return nil
        case .after(let nanoseconds):
            delay = nanoseconds
            backoffCount = 0
        case .none:
            backoffCount += 1
            delay = policy.delayNanoseconds(retry: backoffCount, random: random)
        }
        retryCount += 1
        return delay
    }
}
