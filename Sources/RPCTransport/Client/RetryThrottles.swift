package import RPC
import Synchronization

/// The tokens for retries to each server: channels to one target share them, as their failures have one cause.
///
/// Tokens live as long as a channel that spends them, so that the table holds no more than there are channels.
///
/// - Isolation: any thread.
/// - Source: gRFC A6, "Throttling Retry Attempts and Hedged RPCs": a count for each server name.
package final class RetryThrottles: Sendable {
    /// That of the process.
    package static let shared = RetryThrottles()

    private struct Entry {
        weak var tokens: SharedRetryTokens?
    }

    private let entries = Mutex<[ChannelTarget: Entry]>([:])

    package init() {}

    /// What calls to `target` spend on retries.
    ///
    /// `rules`, with all its tokens, is what a first channel begins with. Where channels to one target have different
    /// rules, those that follow the newest share one count, which began as full as the one before it.
    package func tokens(for target: ChannelTarget, _ rules: RetryTokens) -> SharedRetryTokens {
        entries.withLock { entries in
            entries = entries.filter { $0.value.tokens != nil }
            let old = entries[target]?.tokens
            let oldTokens = old?.current
            if let old, let oldTokens, oldTokens.hasSameRules(as: rules) { return old }
            let tokens = SharedRetryTokens(oldTokens.map { rules.filled(as: $0) } ?? rules)
            entries[target] = Entry(tokens: tokens)
            return tokens
        }
    }
}
