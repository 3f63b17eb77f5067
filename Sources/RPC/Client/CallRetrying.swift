import Synchronization
import Vocabulary

/// What the calls to one server share of their retries: the tokens, and the jitter.
///
/// - Isolation: any thread.
package final class CallRetrying: Sendable {
    private let tokens: Mutex<RetryTokens?>
    /// Whether there are tokens, so that calls that succeed need no lock without them.
    private let countsTokens: Bool
    private let random: @Sendable () -> Double

    /// Retries within `tokens`, which are nil for as many as the policies want.
    ///
    /// `random` gives numbers in `0 ..< 1`, for jitter.
    package init(tokens: RetryTokens?, random: @escaping @Sendable () -> Double) {
        self.tokens = Mutex(tokens)
        countsTokens = tokens != nil
        self.random = random
    }

    /// As `RetryState.attemptFailed`, with the shared tokens.
    func attemptFailed(
        _ code: StatusCode, pushback: RetryPushback, policy: RetryPolicy, isCommitted: Bool, state: inout RetryState
    ) -> UInt64? {
        let random = self.random()
        return tokens.withLock {
            state.attemptFailed(
                code, pushback: pushback, policy: policy, tokens: &$0, isCommitted: isCommitted, random: random)
        }
    }

    func callSucceeded() {
        guard countsTokens else { return }
        tokens.withLock { $0?.callSucceeded() }
    }
}
