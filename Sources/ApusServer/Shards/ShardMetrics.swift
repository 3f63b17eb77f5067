import InferenceService
import Routing
import Synchronization
import Telemetry

/// Which shards take calls, as metrics.
///
/// - Isolation: any thread.
final class ShardMetrics: Sendable {
    /// Shards that have series of their own; those that come later are counted together.
    static let shardCountMax = 200

    private let directory: ShardDirectory
    private let states: MetricFamily<Gauge>
    private let ready: MetricFamily<Gauge>
    private let calls: MetricFamily<Gauge>
    private let shown = Mutex<Set<ReplicaID>>([])

    init(directory: ShardDirectory, metrics: MetricsRegistry) {
        self.directory = directory
        states = metrics.gauges("apus_shards", help: "Shards by what they are at.", labels: ["state"])
        ready = metrics.gauges(
            "apus_shard_ready", help: "1 for a shard that takes calls, 0 for one that does not.",
            labels: ["shard"], seriesCountMax: Self.shardCountMax)
        calls = metrics.gauges(
            "apus_shard_calls_in_progress", help: "Calls that were sent to a shard and have not ended.",
            labels: ["shard"], seriesCountMax: Self.shardCountMax)
    }

    /// Shows what holds now.
    func update() {
        let statuses = directory.statuses
        for state in ReplicaTable.ReplicaState.allCases {
            states.series(state.rawValue).set(statuses.count { $0.state == state })
        }
        let present = Set(statuses.map(\.replica))
        let gone = shown.withLock { shown in
            defer { shown = present }
            return shown.subtracting(present)
        }
        // A platform whose shards move for years would otherwise show those that moved, and not those that are there.
        show(statuses.map { ($0.replica, $0.state == .ready ? 1 : 0) }, without: gone, in: ready)
        show(statuses.map { ($0.replica, $0.callCount) }, without: gone, in: calls)
    }

    private func show(
        _ values: [(shard: ReplicaID, value: Int)], without gone: Set<ReplicaID>, in family: MetricFamily<Gauge>
    ) {
        for shard in gone { family.remove(shard.address) }
        // Made anew for whoever is still over the limit.
        family.remove(MetricFamily<Gauge>.other)
        var sums: [ObjectIdentifier: (gauge: Gauge, sum: Int)] = [:]
        for (shard, value) in values {
            let gauge = family.series(shard.address)
            sums[ObjectIdentifier(gauge), default: (gauge, 0)].sum += value
        }
        for (gauge, sum) in sums.values { gauge.set(sum) }
    }
}
