import Synchronization
import Vocabulary

/// How the connections of one channel keep themselves alive; what one of them learns, the next ones heed.
///
/// - Isolation: any thread.
final class ChannelKeepalive: Sendable {
    private let configured: KeepalivePolicy
    private let timeNanoseconds: Atomic<UInt64>
    private let warn: (@Sendable (String) -> Void)?

    init(_ policy: KeepalivePolicy, warn: (@Sendable (String) -> Void)?) {
        configured = policy.forClient
        timeNanoseconds = Atomic(configured.timeNanoseconds ?? 0)
        self.warn = warn
    }

    /// For a new connection.
    var policy: KeepalivePolicy {
        var policy = configured
        if policy.timeNanoseconds != nil { policy.timeNanoseconds = timeNanoseconds.load(ordering: .relaxed) }
        return policy
    }

    /// A server has closed a connection because of its PINGs: new connections wait twice as long.
    ///
    /// - Source: gRFC A8.
    func serverSaidTooManyPings(_ target: String) {
        guard configured.timeNanoseconds != nil else { return }
        let (old, new) = timeNanoseconds.update()
        let change = "from \(old / 1_000_000_000) s to \(new / 1_000_000_000) s"
        warn?("\(target) got too many PINGs: keepalive time raised \(change)")
    }
}

extension Atomic<UInt64> {
    /// Doubles the value, which stays at the largest there is instead of overflowing.
    fileprivate borrowing func update() -> (old: UInt64, new: UInt64) {
        while true {
            let old = load(ordering: .relaxed)
            let new = old > .max / 2 ? .max : old * 2
            if compareExchange(expected: old, desired: new, ordering: .relaxed).exchanged { return (old, new) }
        }
    }
}
