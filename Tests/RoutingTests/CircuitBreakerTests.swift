import Testing
import Vocabulary

@testable import Routing

@Suite("A circuit breaker")
struct CircuitBreakerTests {
    /// When the breaker of `opened` opened.
    private let start = MonotonicTime(nanoseconds: 5 * CircuitBreaker.momentNanoseconds)

    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for count in 1...CircuitBreaker.failureCountMax { breaker.fail(at: moment(count)) }
        return breaker
    }

    private func moment(_ count: Int) -> MonotonicTime {
        MonotonicTime(nanoseconds: UInt64(count) * CircuitBreaker.momentNanoseconds)
    }

    @Test("opens after failures in a row, not after failures among successes")
    func failures() {
        var breaker = CircuitBreaker()
        for _ in 0..<10 {
            for count in 1..<CircuitBreaker.failureCountMax { breaker.fail(at: moment(count)) }
            breaker.succeed()
        }
        #expect(!breaker.isOpen)
        #expect(opened().isOpen)
    }

    @Test("calls that lose their connection at one moment fail once, but losses without end are more than a moment")
    func moments() {
        var breaker = CircuitBreaker()
        for _ in 0..<50 { breaker.fail(isShared: true, at: start) }
        for offset in 0..<CircuitBreaker.momentNanoseconds / 1_000_000 {
            breaker.fail(isShared: true, at: start.advanced(byNanoseconds: offset * 1_000_000))
        }
        #expect(!breaker.isOpen)
        var count: UInt64 = 0
        while !breaker.isOpen {
            count += 1
            breaker.fail(isShared: true, at: start.advanced(byNanoseconds: count * 1_000_000))
        }
        #expect(count * 1_000_000 == 4 * CircuitBreaker.momentNanoseconds)
    }

    @Test("a try of which nothing is heard is followed by another after as long a time; one that is answered closes it")
    func longTry() {
        var breaker = opened()
        let length = CircuitBreaker.openNanosecondsMin
        let time = start.advanced(byNanoseconds: length)
        breaker.begin(at: time)
        #expect(!breaker.allows(at: time.advanced(byNanoseconds: length - 1)))
        let next = time.advanced(byNanoseconds: length)
        #expect(breaker.allows(at: next))
        breaker.begin(at: next)
        #expect(!breaker.allows(at: next) && breaker.isOpen)
        breaker.succeed()
        #expect(!breaker.isOpen)
    }

    @Test("stays open twice as long after each try that fails, up to its limit")
    func backoff() {
        var breaker = opened()
        var (time, length) = (start, CircuitBreaker.openNanosecondsMin)
        for _ in 0..<8 {
            #expect(!breaker.allows(at: time.advanced(byNanoseconds: length - 1)))
            time = time.advanced(byNanoseconds: length)
            #expect(breaker.allows(at: time))
            breaker.begin(at: time)
            breaker.fail(at: time)
            length = min(length * 2, CircuitBreaker.openNanosecondsMax)
        }
    }

    @Test("a try that nobody waits for is followed by another at once")
    func abandonedTry() {
        var breaker = opened()
        let time = start.advanced(byNanoseconds: CircuitBreaker.openNanosecondsMin)
        breaker.begin(at: time)
        #expect(!breaker.allows(at: time))
        breaker.forget(at: time)
        #expect(breaker.allows(at: time))
    }
}
