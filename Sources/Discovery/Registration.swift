import RPC
import Synchronization
import Vocabulary

/// Keeps this server among the members: its key hangs on a lease that is renewed for as long as it runs.
///
/// ```
/// absent ──lease, key──▶ registered ──every third of the lease──▶ renewed
///    ▲                        │ the lease is gone, or the key
///    └────────────────────────┘
/// ```
///
/// A server that is killed renews nothing, so its key goes with its lease. An etcd that is away for long, or comes back
/// without its data, is told everything anew.
///
/// - Isolation: any thread.
package final class Registration: Sendable {
    /// What there is to tell.
    package enum Event: Sendable {
        case registered
        /// The lease has ended, or somebody has removed the key; what follows is another attempt.
        case forgotten
        /// etcd does not answer, or refuses; what follows are other attempts.
        case failed(reason: String)
    }

    /// After an attempt that failed; longer when etcd has refused it.
    private static let pauseNanoseconds: UInt64 = 500_000_000

    private let client: EtcdClient
    private let key: Bytes
    private let leaseSeconds: Int64
    private let random: @Sendable () -> Int64
    private let report: @Sendable (Event) -> Void
    /// The lease that was asked for last, granted or not.
    private let lease = Mutex<Int64?>(nil)

    /// - Parameters:
    ///   - client: calls etcd.
    ///   - prefix: of the keys of all members.
    ///   - name: of this one.
    ///   - leaseSeconds: how long it stays when it renews nothing; etcd makes less than two seconds longer.
    ///   - random: a number above 0 for each lease.
    ///   - report: is told what happens, on any thread.
    package init(
        client: EtcdClient, prefix: KeyPrefix, name: String, leaseSeconds: Int64,
        random: @escaping @Sendable () -> Int64 = { Int64.random(in: 1 ... .max) },
        report: @escaping @Sendable (Event) -> Void
    ) {
        precondition(leaseSeconds >= 1, "a lease of \(leaseSeconds) s")
        self.client = client
        self.key = prefix.key(of: name)
        self.leaseSeconds = leaseSeconds
        self.random = random
        self.report = report
    }

    /// Registers, and renews until the task is cancelled; `leave` is to follow.
    package func run() async {
        var isRegistered = false
        var pause = AttemptPause(shortestNanoseconds: Self.pauseNanoseconds)
        while !Task.isCancelled {
            do throws(RPCFailure) {
                if !isRegistered {
                    try await register()
                    isRegistered = true
                    report(.registered)
                } else if try await !renew() {
                    isRegistered = false
                    report(.forgotten)
                    continue
                }
                pause.succeed()
                try? await Task.sleep(nanoseconds: UInt64(leaseSeconds) * 1_000_000_000 / 3)
            } catch {
                let (nanoseconds, isNews) = pause.fail(error)
                if isNews, !Task.isCancelled { report(.failed(reason: "\(error)")) }
                try? await Task.sleep(nanoseconds: nanoseconds)
            }
        }
    }

    /// Removes the key, if etcd answers; otherwise it goes with its lease.
    package func leave() async {
        guard let lease = lease.withLock({ $0.take() }) else { return }
        try? await client.revoke(lease)
    }

    /// The number is ours, so that a lease can be ended whose granting nobody has heard of.
    private func register() async throws(RPCFailure) {
        let number = random()
        lease.withLock { $0 = number }
        try await client.grant(number, seconds: leaseSeconds)
        try await client.put(key, Bytes(), lease: number)
    }

    /// False when etcd does not know this member any more.
    private func renew() async throws(RPCFailure) -> Bool {
        guard let number = lease.withLock({ $0 }) else { return false }
        guard try await client.keepAlive(number) else { return false }
        return try await client.hasKey(key)
    }
}
