import RPCTransport
import TestSupport
import Testing
import Vocabulary

@Suite("Connections in their handshake")
struct HalfOpenQueueTests {
    private static func time(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    @Test("as many as allowed may take as long as they like")
    func withinTheLimit() {
        var queue = HalfOpenQueue<Int>(countMax: 3)
        for index in 0..<3 { _ = queue.add(index, at: Self.time(0)) }
        #expect(queue.excessTime == nil && queue.popExcess(at: Self.time(1_000_000)) == nil)
    }

    @Test("beyond that the oldest go, two seconds after they came and not before")
    func oldestFirst() {
        var queue = HalfOpenQueue<Int>(countMax: 3)
        for index in 0..<5 { _ = queue.add(index, at: Self.time(UInt64(index) * 100)) }
        #expect(queue.excessTime == Self.time(2_000) && queue.popExcess(at: Self.time(1_999)) == nil)
        #expect(queue.popExcess(at: Self.time(2_000)) == 0)
        #expect(queue.excessTime == Self.time(2_100) && queue.popExcess(at: Self.time(2_099)) == nil)
        #expect(queue.popExcess(at: Self.time(2_100)) == 1)
        #expect(queue.excessTime == nil && queue.popExcess(at: Self.time(9_000)) == nil && queue.count == 3)
    }

    @Test("those that finish make room, in any order, and removing them again does nothing")
    func finished() {
        var queue = HalfOpenQueue<Int>(countMax: 2)
        let tickets = (0..<5).map { queue.add($0, at: Self.time(0)) }
        for index in [3, 0, 3, 0] { queue.remove(tickets[index]) }
        #expect(queue.count == 3)
        #expect(queue.popExcess(at: Self.time(5_000)) == 1)
        queue.remove(tickets[1])
        #expect(queue.count == 2 && queue.popExcess(at: Self.time(5_000)) == nil)
    }

    @Test(
        "whatever comes and goes, it is a queue of the limit's length and of the last two seconds",
        arguments: 0..<20 as Range<UInt64>)
    func randomWalk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = HalfOpenQueue<Int>(countMax: 4)
        var model: [(ticket: HalfOpenQueue<Int>.Ticket, number: Int, time: UInt64)] = []
        var now: UInt64 = 0
        for number in 0..<2_000 {
            now += UInt64.random(in: 0...300, using: &random)
            model.append((queue.add(number, at: Self.time(now)), number, now))
            if Bool.random(using: &random), let index = model.indices.randomElement(using: &random) {
                queue.remove(model.remove(at: index).ticket)
            }
            while model.count > 4, model[0].time + 2_000 <= now {
                #expect(queue.popExcess(at: Self.time(now)) == model.removeFirst().number)
            }
            #expect(queue.popExcess(at: Self.time(now)) == nil && queue.count == model.count)
        }
    }
}
