import Testing
import Vocabulary

@testable import RPCTransport

@Suite("How many connections a turn accepts")
struct AcceptPaceTests {
    private static func time(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    @Test("as long as turns are short, as many as there may be")
    func short() {
        var pace = AcceptPace()
        for turn in 1...100 {
            #expect(pace.allowance(turn: UInt64(turn), now: Self.time(UInt64(turn) * 5)) == AcceptPace.countMax)
        }
    }

    @Test("half as many after every long turn, down to one; twice as many after every short one")
    func long() {
        var pace = AcceptPace()
        let longTurns = (1...7).map { pace.allowance(turn: $0, now: Self.time($0 * 6)) }
        #expect(longTurns == [16, 8, 4, 2, 1, 1, 1])
        let shortTurns = (8...13).map { pace.allowance(turn: $0, now: Self.time(42 + ($0 - 7) * 5)) }
        #expect(shortTurns == [2, 4, 8, 16, 16, 16])
    }

    @Test("time between turns that accept nothing is not counted: the loop may have slept")
    func gaps() {
        var pace = AcceptPace()
        #expect(pace.allowance(turn: 1, now: Self.time(0)) == 16)
        #expect(pace.allowance(turn: 3, now: Self.time(900)) == 16)
    }
}
