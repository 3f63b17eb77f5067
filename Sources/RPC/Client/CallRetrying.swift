import Synchronization
import Vocabulary

/// How the calls to one server are tried again: the policy, and the tokens that all of them share.
///
/// - Isolation: any thread.
package final class CallRetrying: Sendable {
    private let policy: RetryPolicy
    private let tokens: Mutex<RetryTokens?>
    private let random: @Sendable () -> Double

    /// Retries by a policy, within `tokens`, which are nil for as many as it wants.
    ///
    /// `random` gives numbers in `0 ..< 1`.
    package init(_ policy: RetryPolicy, tokens: RetryTokens?, random: @escaping @Sendable () -> Double) {
        self.policy = policy
        self.tokens = Mutex(tokens)
        self.random = random
    }

    /// As `RetryState.attemptFailed`, with the shared tokens.
    func attemptFailed(
        _ code: StatusCode, pushback: RetryPushback, isCommitted: Bool, state: inout RetryState
    ) -> UInt64? {
        let random = self.random()
        return tokens.withLock {
            state.attemptFailed(
                code, pushback: pushback, policy: policy, tokens: &$0, isCommitted: isCommitted, random: random)
        }
    }

    func callSucceeded() { tokens.withLock { $0?.callSucceeded() } }
}
