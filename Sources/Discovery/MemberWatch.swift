import Messages
import RPC
import Synchronization
package import Vocabulary

/// Follows who the members are: lists the keys, then watches from that revision on, and begins anew when the watch
/// ends.
///
/// While etcd is away everybody is who was there before.
///
/// - Isolation: any thread.
package final class MemberWatch: Sendable {
    /// What there is to tell.
    package enum Event: Sendable {
        /// The members may be others now.
        case changed
        /// etcd answers, at first or again.
        case connected
        /// It does not answer any more, or not yet, or refuses to tell.
        case lost(reason: String)
    }

    /// Between two attempts to list; longer when etcd has refused.
    private static let pauseNanoseconds: UInt64 = 200_000_000

    private let client: EtcdClient
    private let prefix: KeyPrefix
    private let clock: any MonotonicClock
    private let report: @Sendable (Event) -> Void
    private let table = Mutex(MemberTable())

    /// A watch that tells nothing before `run`; `report` is called on any thread.
    package init(
        client: EtcdClient, prefix: KeyPrefix, clock: any MonotonicClock, report: @escaping @Sendable (Event) -> Void
    ) {
        self.client = client
        self.prefix = prefix
        self.clock = clock
        self.report = report
    }

    /// The names of the members, behind the prefix of their keys.
    ///
    /// Those that an etcd came back without go by and by, which nobody reports: who wants to know asks now and then.
    package var names: Set<String> {
        let now = clock.now()
        return table.withLock { $0.names(at: now) }
    }

    /// Follows until the task is cancelled.
    package func run() async {
        var isConnected = false
        var pause = AttemptPause(shortestNanoseconds: Self.pauseNanoseconds)
        while !Task.isCancelled {
            var nanoseconds = Self.pauseNanoseconds
            do throws(RPCFailure) {
                let (keys, revision) = try await client.keys(under: prefix)
                let now = clock.now()
                let names = keys.compactMap { prefix.name(in: $0) }
                table.withLock { $0.list(names, at: now) }
                if !isConnected { report(.connected) }
                isConnected = true
                pause.succeed()
                report(.changed)
                try await client.watch(prefix, from: revision + 1) { apply($0) }
            } catch {
                let failed = pause.fail(error)
                nanoseconds = failed.nanoseconds
                if failed.isNews, !Task.isCancelled { report(.lost(reason: "\(error)")) }
                isConnected = false
            }
            try? await Task.sleep(nanoseconds: nanoseconds)
        }
    }

    private func apply(_ events: [EtcdEvent]) {
        table.withLock { table in
            for event in events {
                guard let key = event.kv?.key, let name = prefix.name(in: key) else { continue }
                if event.type == .delete { table.delete(name) } else { table.put(name) }
            }
        }
        report(.changed)
    }
}
