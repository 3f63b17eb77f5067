import EventLoops
import InferenceService
import RPCTransport
import Routing
import Telemetry
import TestSupport
import Testing
import Vocabulary

@testable import ApusServer

@Suite("Metrics of shards")
struct ShardMetricsTests {
    @Test("shards that are gone have no series, and those over the limit are added up")
    func series() throws {
        let loops = try EventLoopGroup(name: "front", loopCount: 1)
        defer { loops.stop() }
        let directory = ShardDirectory(clock: ManualClock())
        let registry = MetricsRegistry()
        let metrics = ShardMetrics(directory: directory, metrics: registry)
        let count = ShardMetrics.shardCountMax + 5
        let shards = (0..<count).map { ReplicaID("10.0.\($0 / 100).\($0 % 100):1") }
        let model = ReplicaReport.Model(
            name: ModelName("digits")!, version: ModelVersion(1)!, waitNanoseconds: 0, serviceNanoseconds: 1)
        for shard in shards {
            directory.add(
                shard, RPCChannel(configuration: RPCChannelConfiguration(host: "127.0.0.1", port: 1), loops: loops))
            directory.update(shard, ReplicaReport(models: [model]))
        }
        func ready() -> [String: Int] {
            metrics.update()
            let lines = registry.exposition().split(separator: "\n").filter { $0.hasPrefix("apus_shard_ready{") }
            return Dictionary(
                uniqueKeysWithValues: lines.map { line in
                    (String(line.split(separator: "\"")[1]), Int(line.split(separator: " ").last!)!)
                })
        }
        // The limit is a limit with `other` among the series.
        #expect(ready().values.reduce(0, +) == count && ready().count <= ShardMetrics.shardCountMax + 1)
        #expect(ready()["other"].map { $0 >= 5 } ?? false)
        directory.disconnect(shards[0])
        #expect(ready().values.reduce(0, +) == count - 1)
        for shard in shards.prefix(10) { directory.remove(shard) }
        let left = ready()
        #expect(left.count == count - 10 && left["other"] == nil && left.values.allSatisfy { $0 == 1 })
        #expect(Set(left.keys) == Set(shards.dropFirst(10).map(\.address)))
    }
}
