import Testing
import Vocabulary

@testable import Tenancy

@Suite("A token bucket whose rate changes")
struct RateMeterTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    private let slow = RateLimit(perSecond: 1, burst: 10)
    private let fast = RateLimit(perSecond: 1_000, burst: 10)

    @Test("what is missing is the same amount at another rate, and is earned in that rate's time")
    func change() {
        var meter = RateMeter()
        #expect(meter.take(10, of: slow, at: start) == nil)
        #expect(meter.take(1, of: slow, at: start) == 1_000_000_000)
        #expect(meter.take(1, of: fast, at: start) == 1_000_000)
        // And back again: two were earned at the fast rate.
        let later = start.advanced(byNanoseconds: 2_000_000)
        #expect(meter.take(3, of: slow, at: later) == 1_000_000_000)
        #expect(meter.take(2, of: slow, at: later) == nil)
        #expect(meter.take(1, of: slow, at: later) == 1_000_000_000)
    }

    @Test("what was taken at one rate and is given back at another leaves nothing behind")
    func giveBack() {
        for (before, after) in [(slow, fast), (fast, slow)] {
            var meter = RateMeter()
            #expect(meter.take(10, of: before, at: start) == nil)
            meter.giveBack(10, of: after)
            #expect(meter.isFull(at: start))
            #expect(meter.take(10, of: after, at: start) == nil)
        }
    }

    @Test("a bucket that became smaller is not empty for longer than it takes to fill")
    func smallerBurst() {
        var meter = RateMeter()
        #expect(meter.take(10, of: slow, at: start) == nil)
        let small = RateLimit(perSecond: 1, burst: 2)
        #expect(meter.take(1, of: small, at: start) == 9_000_000_000)
        #expect(meter.take(2, of: small, at: start.advanced(byNanoseconds: 10_000_000_000)) == nil)
    }
}
