import TestSupport
import Testing
import Vocabulary

@testable import RPC

@Suite("CallTally")
struct CallTallyTests {
    private static func extent(
        nanoseconds: UInt64 = 0, sent: Int = 0, received: Int = 0
    ) -> CallExtent {
        CallExtent(durationNanoseconds: nanoseconds, sentByteCount: sent, receivedByteCount: received)
    }

    @Test("B172: the buckets are those of gRFC A66")
    func bounds() {
        #expect(CallBuckets.durationBounds.count == 41)
        #expect(CallBuckets.durationBounds.prefix(5) == [0, 0.00001, 0.00005, 0.0001, 0.0003])
        #expect(CallBuckets.durationBounds.suffix(4) == [10, 20, 50, 100])
        #expect(CallBuckets.byteCountBounds.count == 14)
        #expect(CallBuckets.byteCountBounds.prefix(4) == [0, 1_024, 2_048, 4_096])
        #expect(CallBuckets.byteCountBounds.suffix(2) == [1 << 30, 1 << 32])
        #expect(zip(CallBuckets.durationBounds, CallBuckets.durationBounds.dropFirst()).allSatisfy(<))
        #expect(zip(CallBuckets.byteCountBounds, CallBuckets.byteCountBounds.dropFirst()).allSatisfy(<))
    }

    @Test(
        "B172: a duration falls into the first bucket whose bound it does not exceed",
        arguments: [
            (0, 0), (1, 1), (10_000, 1), (10_001, 2), (50_000, 2), (300_000, 4), (300_001, 5), (1_000_000, 7),
            (2_000_000_000, 35), (100_000_000_000, 40), (100_000_000_001, 41), (UInt64.max, 41),
        ] as [(UInt64, Int)])
    func durationBuckets(nanoseconds: UInt64, bucket: Int) {
        #expect(CallBuckets.ofDuration(nanoseconds) == bucket)
    }

    @Test(
        "B172: a size falls into the first bucket whose bound it does not exceed",
        arguments: [
            (0, 0), (1, 1), (1_024, 1), (1_025, 2), (4_096, 3), (1 << 20, 7), (1 << 32, 13), ((1 << 32) + 1, 14),
            (Int.max, 14),
        ])
    func sizeBuckets(byteCount: Int, bucket: Int) {
        #expect(CallBuckets.ofByteCount(byteCount) == bucket)
    }

    @Test("B172: calls are told apart by method and status, and methods that are not registered are one")
    func counted() throws {
        var tally = CallTally(paths: ["/a.B/C", "/a.B/D"])
        for method in [0, 1, 1, tally.otherIndex] { tally.callDidBegin(method: method) }
        tally.callDidEnd(method: 1, status: .ok, Self.extent(nanoseconds: 20_000, sent: 3_000, received: 5))
        tally.callDidEnd(method: 1, status: .ok, Self.extent(nanoseconds: 30_000, sent: 0, received: 6))
        tally.callDidEnd(method: 1, status: .unauthenticated, Self.extent())
        tally.callDidEnd(method: tally.otherIndex, status: .unimplemented, Self.extent())
        #expect(tally.started.map(\.method) == ["a.B/C", "a.B/D", "other"])
        #expect(tally.started.map(\.count) == [1, 2, 1])
        let ended = tally.ended
        #expect(ended.map(\.method) == ["a.B/D", "a.B/D", "other"])
        #expect(ended.map(\.status) == [.ok, .unauthenticated, .unimplemented])
        #expect(ended[0].durations.sum == 50_000 && ended[0].durations.bucketCounts[2] == 2)
        #expect(ended[0].sentByteCounts.sum == 3_000)
        #expect(ended[0].sentByteCounts.bucketCounts == [1, 0, 0, 1] + Array(repeating: 0, count: 11))
        #expect(ended[0].receivedByteCounts.sum == 11 && ended[0].receivedByteCounts.bucketCounts[1] == 2)
        #expect(ended.map(\.durations.count) == [2, 1, 1])
    }

    @Test("what was taken is counted no more, and nothing is lost between two times")
    func taken() {
        var random = SeededGenerator(seed: 172)
        var tally = CallTally(paths: ["/a/b", "/a/c"])
        var expected: [String: UInt64] = [:]
        var sum: UInt64 = 0
        var collected: [String: UInt64] = [:]
        var collectedSum: UInt64 = 0
        for step in 0..<2_000 {
            let method = Int.random(in: 0...tally.otherIndex, using: &random)
            let status = StatusCode.allCases.randomElement(using: &random)!
            let nanoseconds = UInt64.random(in: 0...1_000_000_000, using: &random)
            tally.callDidBegin(method: method)
            tally.callDidEnd(method: method, status: status, Self.extent(nanoseconds: nanoseconds))
            expected["\(tally.methods[method]) \(status)", default: 0] += 1
            sum += nanoseconds
            guard step % 97 == 0 || step == 1_999 else { continue }
            let taken = tally.take()
            #expect(tally.started.isEmpty && tally.ended.isEmpty)
            for ended in taken.ended {
                collected["\(ended.method) \(ended.status)", default: 0] += ended.durations.count
                collectedSum += ended.durations.sum
            }
        }
        #expect(collected == expected && collectedSum == sum)
    }
}
