import InferenceService
import Routing
import Telemetry

/// Which shards take calls, as metrics.
///
/// - Isolation: any thread.
final class ShardMetrics: Sendable {
    /// Shards that have series of their own; those that come later are counted together.
    static let shardCountMax = 200

    private let directory: ShardDirectory
    private let states: MetricFamily<Gauge>
    private let ready: PresentGauges
    private let calls: PresentGauges

    init(directory: ShardDirectory, metrics: MetricsRegistry) {
        self.directory = directory
        states = metrics.gauges("apus_shards", help: "Shards by what they are at.", labels: ["state"])
        ready = PresentGauges(
            metrics.gauges(
                "apus_shard_ready", help: "1 for a shard that takes calls, 0 for one that does not.",
                labels: ["shard"], seriesCountMax: Self.shardCountMax))
        calls = PresentGauges(
            metrics.gauges(
                "apus_shard_calls_in_progress", help: "Calls that were sent to a shard and have not ended.",
                labels: ["shard"], seriesCountMax: Self.shardCountMax))
    }

    /// Shows what holds now.
    func update() {
        let statuses = directory.statuses
        for state in ReplicaTable.ReplicaState.allCases {
            states.series(state.rawValue).set(statuses.count { $0.state == state })
        }
        ready.update(statuses.map { ($0.replica.address, $0.state == .ready ? 1 : 0) })
        calls.update(statuses.map { ($0.replica.address, $0.callCount) })
    }
}
