import Testing
import Vocabulary

@testable import Tenancy

@Suite("The period of a budget")
struct BudgetPeriodTests {
    // 2024-02-29 12:34:56 UTC, a Thursday.
    private let leapDay: Int64 = 1_709_210_096

    @Test("is that of the calendar, in UTC")
    func intervals() {
        #expect(BudgetPeriod.hour.interval(around: leapDay) == 1_709_208_000..<1_709_211_600)
        #expect(BudgetPeriod.day.interval(around: leapDay) == 1_709_164_800..<1_709_251_200)
        // Monday 26 February to Monday 4 March.
        #expect(BudgetPeriod.week.interval(around: leapDay) == 1_708_905_600..<1_709_510_400)
        // 1 February to 1 March.
        #expect(BudgetPeriod.month.interval(around: leapDay) == 1_706_745_600..<1_709_251_200)
    }

    @Test("holds its first second and not its end", arguments: BudgetPeriod.allCases)
    func ends(period: BudgetPeriod) {
        let interval = period.interval(around: leapDay)
        #expect(period.interval(around: interval.lowerBound) == interval)
        #expect(period.interval(around: interval.upperBound - 1) == interval)
        #expect(period.interval(around: interval.upperBound).lowerBound == interval.upperBound)
        #expect(period.interval(around: -1).contains(-1))
    }
}

@Suite("The state of a budget")
struct BudgetStateTests {
    private let policy = BudgetPolicy(period: .hour, limits: [.tokens: 10, .images: 2])

    private func state() -> BudgetState { BudgetState(period: policy.period.interval(around: 0)) }

    @Test("promises all units of an amount or none, and leaves units without a limit alone")
    func units() throws {
        var state = state()
        try state.reserve(MeteredAmounts(tokens: 5, images: 1, nodes: 1_000), of: policy)
        let before = state
        let refusal = #expect(throws: BudgetState.Refusal.self) {
            try state.reserve(MeteredAmounts(tokens: 1, images: 2), of: policy)
        }
        #expect(refusal?.unit == .images && refusal?.mayBecomeFree == true)
        #expect(state == before)
    }

    @Test("what others spend counts until the period ends, and is replaced, not added up")
    func elsewhere() throws {
        var state = state()
        state.learn(SpentAmounts(here: MeteredAmounts(tokens: 1), elsewhere: MeteredAmounts(tokens: 2)))
        #expect(state.spent == MeteredAmounts(tokens: 3))
        _ = state.setSpentElsewhere(MeteredAmounts(tokens: 5), in: state.period)
        state.settle(reserved: MeteredAmounts(), used: MeteredAmounts(tokens: 1))
        #expect(state.spent == MeteredAmounts(tokens: 7))
        // Of an earlier period: it came too late.
        _ = state.setSpentElsewhere(MeteredAmounts(tokens: 50), in: -3_600..<0)
        #expect(state.spent == MeteredAmounts(tokens: 7))
        let limit = try #require(policy.limits[.tokens])
        _ = state.setSpentElsewhere(MeteredAmounts(tokens: limit), in: state.period)
        #expect(throws: BudgetState.Refusal.self) { try state.reserve(MeteredAmounts(tokens: 1), of: policy) }
        _ = state.turn(policy, at: state.period.upperBound)
        #expect(state.spent == MeteredAmounts())
    }

    @Test("what others have spent of the next period begins it")
    func elsewhereLater() throws {
        var state = state()
        state.settle(reserved: MeteredAmounts(), used: MeteredAmounts(tokens: 9))
        _ = state.setSpentElsewhere(MeteredAmounts(tokens: 4), in: 3_600..<7_200)
        _ = state.turn(policy, at: 3_600)
        #expect(state.spent == MeteredAmounts(tokens: 4))
    }

    @Test("what was spent without us knowing counts once, whatever of it was counted meanwhile")
    func learning() {
        var state = state()
        state.settle(reserved: MeteredAmounts(), used: MeteredAmounts(tokens: 3))
        state.learn(SpentAmounts(here: MeteredAmounts(tokens: 8)))
        state.learn(SpentAmounts(here: MeteredAmounts(tokens: 2)))
        #expect(state.spent.tokens == 8)
    }

    @Test("begins anew when a period is over, and not when a clock is set back")
    func periods() throws {
        var state = BudgetState(period: policy.period.interval(around: 7_200))
        state.settle(reserved: MeteredAmounts(), used: MeteredAmounts(tokens: 10))
        _ = state.turn(policy, at: 3_600)
        #expect(state.spent.tokens == 10)
        _ = state.turn(policy, at: 10_799)
        #expect(state.spent.tokens == 10)
        _ = state.turn(policy, at: 10_800)
        #expect(state.spent.tokens == 0)
        // Back over the end of the period: as it was left, on both sides.
        state.settle(reserved: MeteredAmounts(), used: MeteredAmounts(tokens: 1))
        _ = state.turn(policy, at: 10_799)
        #expect(state.spent.tokens == 10)
        _ = state.turn(policy, at: 10_800)
        #expect(state.spent.tokens == 1)
    }

    @Test("comes back from a jump of the clock into the future", arguments: [1, 2, 24 * 365])
    func jump(hours: Int64) {
        var state = state()
        state.settle(reserved: MeteredAmounts(), used: MeteredAmounts(tokens: 10))
        _ = state.turn(policy, at: hours * 3_600)
        #expect(state.spent.tokens == 0)
        _ = state.turn(policy, at: 10)
        #expect(state.spent.tokens == 10)
        _ = state.turn(policy, at: 3_600)
        #expect(state.spent.tokens == 0 && state.period.contains(3_600))
    }

    @Test("what is used beyond what was reserved is spent too")
    func overrun() throws {
        var state = state()
        try state.reserve(MeteredAmounts(tokens: 4), of: policy)
        state.settle(reserved: MeteredAmounts(tokens: 4), used: MeteredAmounts(tokens: 12))
        #expect(state.spent.tokens == 12 && state.reserved == MeteredAmounts())
        let refusal = #expect(throws: BudgetState.Refusal.self) {
            try state.reserve(MeteredAmounts(tokens: 1), of: policy)
        }
        #expect(refusal?.mayBecomeFree == false)
    }

    @Test("what an earlier process spent counts")
    func earlier() {
        var state = state()
        state.learn(SpentAmounts(here: MeteredAmounts(tokens: 10)))
        #expect(throws: BudgetState.Refusal.self) { try state.reserve(MeteredAmounts(tokens: 1), of: policy) }
    }
}

@Suite("A pattern of methods")
struct MethodPatternTests {
    @Test("matches its method, or all of its service")
    func matching() throws {
        let one = try #require(MethodPattern("a.b.Service/Call"))
        #expect(one.matches(path: "/a.b.Service/Call"))
        for path in ["/a.b.Service/Cal", "/a.b.Service/Call2", "/a.b.Service2/Call", "/a.b.Service", "", "/x/Call"] {
            #expect(!one.matches(path: path), "\(path)")
        }
        let all = try #require(MethodPattern("a.b.Service/*"))
        #expect(all.matches(path: "/a.b.Service/Call") && all.matches(path: "/a.b.Service/Other"))
        #expect(!all.matches(path: "/a.b.ServiceX/Call"))
        #expect(one.description == "a.b.Service/Call" && all.description == "a.b.Service/*")
    }

    @Test("is a service and a method", arguments: ["", "/", "a", "a/", "/b", "*/b", "*/*", "a/b/c", "a b/c", "a/b*"])
    func malformed(text: String) { #expect(MethodPattern(text) == nil) }
}
