import EventLoops
import TestSupport
import Testing
import Vocabulary

@Suite("The timers of a loop")
struct TimerQueueTests {
    @Test("timers fire soonest first, equal ones in the order they were set")
    func order() {
        var queue = TimerQueue<String>()
        for (time, name) in [(5, "d"), (1, "a"), (3, "b"), (3, "c")] as [(UInt64, String)] {
            _ = queue.insert(at: MonotonicTime(nanoseconds: time), name)
        }
        #expect(queue.timeNext == MonotonicTime(nanoseconds: 1))
        var fired: [String] = []
        while let name = queue.popExpired(at: MonotonicTime(nanoseconds: 4)) { fired.append(name) }
        #expect(fired == ["a", "b", "c"])
        #expect(queue.count == 1)
    }

    @Test("a timer is removed once; its name is not mistaken for its successor's")
    func removal() {
        var queue = TimerQueue<Int>()
        let first = queue.insert(at: MonotonicTime(nanoseconds: 1), 1)
        #expect(queue.remove(first) == 1)
        let second = queue.insert(at: MonotonicTime(nanoseconds: 2), 2)
        #expect(queue.remove(first) == nil)
        #expect(queue.popExpired(at: MonotonicTime(nanoseconds: 2)) == 2)
        #expect(queue.remove(second) == nil)
    }

    @Test("any mix of insertions, removals and expiries agrees with a sorted list")
    func againstReference() {
        var generator = SeededGenerator(seed: 77)
        var queue = TimerQueue<Int>()
        var reference: [(time: UInt64, number: Int, id: TimerID)] = []
        for number in 0..<5000 {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0, 1:
                let time = UInt64.random(in: 0..<1000, using: &generator)
                let id = queue.insert(at: MonotonicTime(nanoseconds: time), number)
                reference.append((time, number, id))
            case 2:
                guard let index = reference.indices.randomElement(using: &generator) else { continue }
                #expect(queue.remove(reference[index].id) == reference[index].number)
                reference.remove(at: index)
            default:
                guard let soonest = reference.min(by: { ($0.time, $0.number) < ($1.time, $1.number) }) else { continue }
                #expect(queue.popExpired(at: MonotonicTime(nanoseconds: soonest.time)) == soonest.number)
                reference.removeAll { $0.number == soonest.number }
            }
            #expect(queue.count == reference.count)
            #expect(queue.timeNext?.nanoseconds == reference.map(\.time).min())
        }
    }
}
