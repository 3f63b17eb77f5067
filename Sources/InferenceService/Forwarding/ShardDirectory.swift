package import RPCTransport
package import Routing
import Synchronization
package import Vocabulary

/// The shards that a server knows, and a channel to each.
///
/// - Isolation: any thread; one short lock.
package final class ShardDirectory: Sendable {
    private struct State {
        var table: ReplicaTable
        /// By the shards' places in the table; nil for places that nobody has.
        var channels: [RPCChannel?] = []
    }

    private let state: Mutex<State>
    private let clock: any MonotonicClock

    /// - Parameters:
    ///   - affinityLead: how many requests busier than the least busy shard the one that a call prefers may be.
    ///   - clock: of the server.
    package init(affinityLead: Double = ReplicaTable.affinityLeadDefault, clock: any MonotonicClock) {
        state = Mutex(State(table: ReplicaTable(affinityLead: affinityLead)))
        self.clock = clock
    }

    /// A call on its way to a shard.
    ///
    /// Why an object: it is handed on a dozen times, and its parts are counted references.
    final class Lease {
        let channel: RPCChannel
        fileprivate let dispatch: ReplicaTable.Dispatch

        fileprivate init(channel: RPCChannel, dispatch: ReplicaTable.Dispatch) {
            self.channel = channel
            self.dispatch = dispatch
        }

        var replica: ReplicaID { dispatch.replica }
    }

    /// Adds a shard, which gets calls once it has said what it serves.
    package func add(_ replica: ReplicaID, _ channel: RPCChannel) {
        let now = clock.now()
        state.withLock { state in
            state.table.add(replica, at: now)
            guard let slot = state.table.slot(of: replica) else { preconditionFailure("no place for \(replica)") }
            while state.channels.count <= slot { state.channels.append(nil) }
            state.channels[slot] = channel
        }
    }

    /// Makes calls to a shard on another channel from now on.
    ///
    /// - Returns: false, and nothing is changed, when the shard was forgotten or has another channel than `old`.
    package func replace(_ old: RPCChannel, with new: RPCChannel, of replica: ReplicaID) -> Bool {
        state.withLock { state in
            guard let slot = state.table.slot(of: replica), state.channels[slot] === old else { return false }
            state.channels[slot] = new
            state.table.changeConnection(of: replica)
            return true
        }
    }

    /// Forgets a shard; its calls go on.
    package func remove(_ replica: ReplicaID) {
        state.withLock { state in
            guard let slot = state.table.slot(of: replica) else { return }
            state.table.remove(replica)
            state.channels[slot] = nil
        }
    }

    /// Takes what a shard says about itself.
    package func update(_ replica: ReplicaID, _ report: ReplicaReport) {
        let now = clock.now()
        state.withLock { $0.table.update(replica, report, at: now) }
    }

    /// A shard speaks no more.
    package func disconnect(_ replica: ReplicaID) { state.withLock { $0.table.disconnect(replica) } }

    /// A shard's connection was lost and is back, so soon that nobody has called it away.
    package func reconnect(_ replica: ReplicaID) { state.withLock { $0.table.reconnect(replica) } }

    /// Whether a shard goes on saying that it is there and takes calls, be it that others are preferred.
    package func hears(_ replica: ReplicaID) -> Bool {
        let now = clock.now()
        return switch state.withLock({ $0.table.state(of: replica, at: now) }) {
        case .ready, .broken, .outlier: true
        case .away, .draining, nil: false
        }
    }

    /// What there is to know about a shard.
    package struct Status: Sendable {
        package let replica: ReplicaID
        package let state: ReplicaTable.ReplicaState
        package let callCount: Int
    }

    /// Every shard, by address.
    package var statuses: [Status] {
        let now = clock.now()
        return state.withLock { state in
            state.table.replicas.map {
                Status(
                    replica: $0, state: state.table.state(of: $0, at: now) ?? .away,
                    callCount: state.table.callCount(of: $0))
            }
        }
    }

    /// The models of all shards, by name and version, whether or not anybody takes calls for them now.
    ///
    /// - Complexity: O(1) until a shard says something else.
    var catalog: [ReplicaTable.KnownModel] { state.withLock { $0.table.catalog() } }

    /// The models of all shards, by name and version, and who takes calls for them.
    var models: [ReplicaTable.ServedModel] {
        let now = clock.now()
        return state.withLock { $0.table.models(at: now) }
    }

    /// Whether a shard takes calls for the model now.
    func isReady(_ selector: ModelSelector) -> Bool {
        let now = clock.now()
        return state.withLock { $0.table.isReady(selector, at: now) }
    }

    /// Whether a shard serves the model, or did when it was last heard of.
    func knows(_ selector: ModelSelector) -> Bool { state.withLock { $0.table.knows(selector) } }

    /// How many shards serve the model, or did when they were last heard of.
    func replicaCount(of selector: ModelSelector) -> Int { state.withLock { $0.table.replicaCount(of: selector) } }

    /// As `ReplicaTable.knowledge`.
    func knowledge(of selector: ModelSelector) -> ReplicaTable.Knowledge? {
        let now = clock.now()
        return state.withLock { $0.table.knowledge(of: selector, at: now) }
    }

    /// Whether shards may have models that nobody knows of yet.
    var awaitsReports: Bool {
        let now = clock.now()
        return state.withLock { $0.table.awaitsReports(at: now) }
    }

    /// Chooses a shard for a call; `finish` is to follow.
    ///
    /// - Throws: UNAVAILABLE when none takes it now.
    func begin(
        _ selector: ModelSelector, affinity: AffinityKey?, excluding: Set<ReplicaID> = []
    ) throws(ServingError) -> Lease {
        let now = clock.now()
        let lease: Lease? = state.withLock { state in
            guard let dispatch = state.table.begin(selector, affinity: affinity, excluding: excluding, at: now)
            else { return nil }
            guard let channel = state.channels[dispatch.slot] else {
                preconditionFailure("no channel to \(dispatch.replica)")
            }
            return Lease(channel: channel, dispatch: dispatch)
        }
        guard let lease else {
            throw ServingError(
                .unavailable, "no shard that serves model \(selector) can be reached", label: "no_replica",
                retryAdvice: .after(nanoseconds: CircuitBreaker.openNanosecondsMin))
        }
        return lease
    }

    /// What a call says about its shard that was cancelled just now, before anything of an answer came.
    func outcomeOfCancellation(arrival: MonotonicTime, deadline: Deadline) -> ReplicaTable.Outcome {
        ReplicaTable.Outcome(cancelledAt: clock.now(), arrival: arrival, deadline: deadline)
    }

    /// Something of the answer has come, be it that its end is hours away; not needed when `finish` follows at once.
    func heard(_ lease: Lease) { state.withLock { $0.table.heard(lease.dispatch) } }

    /// A call to a shard has ended.
    func finish(_ lease: Lease, _ outcome: ReplicaTable.Outcome) {
        let now = clock.now()
        state.withLock { $0.table.finish(lease.dispatch, outcome, at: now) }
    }

    func takeRetry() -> Bool { state.withLock { $0.table.takeRetry() } }
}
