import Testing
import Vocabulary

@Suite("moments and deadlines")
struct TimeTests {
    @Test("time stays at its end instead of overflowing")
    func saturation() {
        let late = MonotonicTime(nanoseconds: .max - 1)
        #expect(late.advanced(byNanoseconds: 1).nanoseconds == .max)
        #expect(late.advanced(byNanoseconds: 2).nanoseconds == .max)
        #expect(MonotonicTime(nanoseconds: 5).advanced(byNanoseconds: 2) == MonotonicTime(nanoseconds: 7))
    }

    @Test("the time since a later moment is nothing, not less")
    func since() {
        let early = MonotonicTime(nanoseconds: 3)
        let late = MonotonicTime(nanoseconds: 10)
        #expect(late.nanoseconds(since: early) == 7)
        #expect(early.nanoseconds(since: late) == 0)
    }

    @Test("a deadline is missed from its own moment on")
    func expiry() {
        let deadline = Deadline(MonotonicTime(nanoseconds: 10))
        #expect(!deadline.isExpired(at: MonotonicTime(nanoseconds: 9)))
        #expect(deadline.isExpired(at: MonotonicTime(nanoseconds: 10)))
        #expect(deadline < .never)
        #expect(deadline.isFinite && !Deadline.never.isFinite)
        #expect(!Deadline.never.isExpired(at: MonotonicTime(nanoseconds: .max - 1)))
    }

    @Test("the system's clock does not go back")
    func systemClock() {
        let clock = SystemClock()
        var last = clock.now()
        for _ in 0..<1000 {
            let now = clock.now()
            #expect(now >= last)
            last = now
        }
    }
}
