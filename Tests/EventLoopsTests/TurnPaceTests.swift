import Testing

@testable import EventLoops

@Suite("When a loop rests between turns")
struct TurnPaceTests {
    @Test("without bursts never")
    func never() {
        var pace = TurnPace()
        for _ in 0..<100 { #expect(!pace.isResting && pace.rest(afterNanoseconds: 1_000) == 0) }
    }

    @Test("after a burst for a bounded number of turns, each filled up to its length")
    func burst() {
        var pace = TurnPace()
        pace.burstDidArrive()
        for _ in 0..<TurnPace.turnCountMax {
            #expect(pace.isResting && pace.rest(afterNanoseconds: 20_000) == TurnPace.turnNanoseconds - 20_000)
        }
        #expect(!pace.isResting && pace.rest(afterNanoseconds: 20_000) == 0)
    }

    @Test("a turn that took long enough by itself is not followed by a rest")
    func longTurns() {
        var pace = TurnPace()
        pace.burstDidArrive()
        #expect(pace.rest(afterNanoseconds: TurnPace.turnNanoseconds) == 0)
        #expect(pace.rest(afterNanoseconds: .max) == 0)
        #expect(pace.isResting)
    }
}
