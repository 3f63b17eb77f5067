import EventLoops
import RPCTransport
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import InferenceService

@Suite("The directory of shards")
struct ShardDirectoryTests {
    private let loops: EventLoopGroup
    private let clock = ManualClock()
    private let directory: ShardDirectory
    private let shard = ReplicaID("127.0.0.1:1")
    private let digits = ModelSelector(name: ModelName("digits")!)
    private let report = ReplicaReport(models: [
        .init(
            name: ModelName("digits")!, version: ModelVersion(1)!, waitNanoseconds: 0, serviceNanoseconds: 1,
            modality: "vision")
    ])

    init() throws {
        loops = try EventLoopGroup(name: "front", loopCount: 1)
        directory = ShardDirectory(clock: clock)
    }

    private func channel() -> RPCChannel {
        RPCChannel(configuration: RPCChannelConfiguration(host: "127.0.0.1", port: 1), loops: loops)
    }

    @Test("calls go to the channel that took another one's place, and to no other")
    func replace() throws {
        let (first, second, third) = (channel(), channel(), channel())
        #expect(!directory.replace(first, with: second, of: shard))
        directory.add(shard, first)
        directory.update(shard, report)
        #expect(try directory.begin(digits, affinity: nil).channel === first)
        #expect(directory.replace(first, with: second, of: shard))
        #expect(try directory.begin(digits, affinity: nil).channel === second)
        #expect(!directory.replace(first, with: third, of: shard), "that one is not its channel any more")
        #expect(try directory.begin(digits, affinity: nil).channel === second)
        // Places are taken again, and who comes finds nothing of who was there.
        let other = ReplicaID("127.0.0.1:2")
        directory.remove(shard)
        directory.add(other, third)
        #expect(!directory.replace(second, with: first, of: shard))
        #expect(throws: ServingError.self) { try directory.begin(digits, affinity: nil) }
        directory.update(other, report)
        #expect(try directory.begin(digits, affinity: nil).channel === third)
        loops.stop()
    }

    @Test("what comes of calls on the channel before says nothing about the new one; the first answer does")
    func oldChannel() throws {
        let (first, second) = (channel(), channel())
        directory.add(shard, first)
        directory.update(shard, report)
        let old = try (0..<20).map { _ in try directory.begin(digits, affinity: nil) }
        #expect(directory.replace(first, with: second, of: shard))
        for lease in old {
            clock.advance(byNanoseconds: 10_000_000)
            directory.finish(lease, .unreachable)
        }
        #expect(directory.isReady(digits))
        let new = try (0..<CircuitBreaker.failureCountMax).map { _ in try directory.begin(digits, affinity: nil) }
        for lease in new {
            clock.advance(byNanoseconds: 10_000_000)
            directory.finish(lease, .unreachable)
        }
        #expect(!directory.isReady(digits))
        clock.advance(byNanoseconds: CircuitBreaker.openNanosecondsMin)
        directory.update(shard, report)
        let attempt = try directory.begin(digits, affinity: nil)
        #expect(!directory.isReady(digits))
        directory.heard(attempt)
        #expect(directory.isReady(digits))
        loops.stop()
    }

    @Test("the catalog has what shards say, also of those that are away")
    func catalog() {
        directory.add(shard, channel())
        #expect(directory.catalog == [] && directory.awaitsReports)
        directory.update(shard, report)
        directory.disconnect(shard)
        #expect(directory.catalog.map(\.name.name) == ["digits"] && directory.catalog[0].modality == "vision")
        directory.update(shard, ReplicaReport(models: []))
        #expect(directory.catalog == [] && !directory.awaitsReports)
        loops.stop()
    }
}
