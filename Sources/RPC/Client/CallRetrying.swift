import Synchronization
import Vocabulary

/// What the calls of one channel share of their retries: the tokens of its server, and the jitter.
///
/// - Isolation: any thread.
package final class CallRetrying: Sendable {
    private let tokens: SharedRetryTokens?
    private let random: @Sendable () -> Double

    /// Retries within `tokens`, which are nil for as many as the policies want.
    ///
    /// `random` gives numbers in `0 ..< 1`, for jitter.
    package init(tokens: SharedRetryTokens?, random: @escaping @Sendable () -> Double) {
        self.tokens = tokens
        self.random = random
    }

    /// As `RetryState.attemptFailed`, with the shared tokens.
    func attemptFailed(
        _ code: StatusCode, pushback: RetryPushback, policy: RetryPolicy, isCommitted: Bool, state: inout RetryState
    ) -> UInt64? {
        let random = self.random()
        var delay: UInt64?
        func decide(_ tokens: inout RetryTokens?) {
            delay = state.attemptFailed(
                code, pushback: pushback, policy: policy, tokens: &tokens, isCommitted: isCommitted, random: random)
        }
        if let tokens {
            tokens.update(decide)
        } else {
            var unlimited: RetryTokens?
            decide(&unlimited)
        }
        return delay
    }

    func callSucceeded() { tokens?.update { $0?.callSucceeded() } }
}

/// The tokens for retries to one server, in the hands of all who call it.
///
/// - Isolation: any thread.
package final class SharedRetryTokens: Sendable {
    private let tokens: Mutex<RetryTokens?>

    package init(_ tokens: RetryTokens) { self.tokens = Mutex(tokens) }

    /// The tokens as they are now.
    package var current: RetryTokens? { tokens.withLock { $0 } }

    fileprivate func update(_ body: (inout RetryTokens?) -> Void) { tokens.withLock { body(&$0) } }
}
