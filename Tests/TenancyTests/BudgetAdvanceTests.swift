import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Tenancy

@Suite("An advance of a budget") struct BudgetAdvanceTests {
    private let period: Range<Int64> = 0..<3_600
    private let start = MonotonicTime(nanoseconds: 1)
    private let limits: [MeteredUnit: UInt64] = [.tokens: 100_000]

    private var budget: TenantPeriod { TenantPeriod(tenant: TenantID("acme")!, period: period) }

    private func use(spent: UInt64 = 0, reserved: UInt64 = 0) -> BudgetAdvances.Use {
        BudgetAdvances.Use(
            period: period, spentHere: MeteredAmounts(tokens: spent), spent: MeteredAmounts(tokens: spent),
            reserved: MeteredAmounts(tokens: reserved))
    }

    private func request(
        _ advances: inout BudgetAdvances, _ use: BudgetAdvances.Use, moved: UInt64 = 0, isLast: Bool = false,
        at now: MonotonicTime? = nil
    ) -> AdvanceRequest {
        advances.request(
            budget, use, limits, RecordedAmounts(moved: MeteredAmounts(tokens: moved)), pace: MeteredAmounts(),
            isLast: isLast,
            at: now ?? start)
    }

    private func standing(spent: UInt64 = 0, elsewhere: UInt64 = 0, own: UInt64? = nil) -> BudgetStanding {
        BudgetStanding(
            spent: MeteredAmounts(tokens: spent), advancedElsewhere: MeteredAmounts(tokens: elsewhere),
            advanced: own.map { MeteredAmounts(tokens: $0) })
    }

    @Test("is what a minute costs, within a small part of what is left")
    func cushion() {
        #expect(BudgetAdvance.cushion(left: 102_400, pace: 0) == 100)
        #expect(BudgetAdvance.cushion(left: 102_400, pace: 500) == 500)
        #expect(BudgetAdvance.cushion(left: 102_400, pace: 50_000) == 6_400)
        #expect(BudgetAdvance.cushion(left: 15, pace: 50_000) == 0)
        var pace = SpendingPace()
        pace.add(MeteredAmounts(tokens: 30), at: start.advanced(byNanoseconds: 5_000_000_000))
        #expect(pace.perMinute(at: start.advanced(byNanoseconds: 5_000_000_000)).tokens == 1_800)
        #expect(pace.perMinute(at: start.advanced(byNanoseconds: 7_000_000_000)).tokens == 900)
        #expect(pace.perMinute(at: start.advanced(byNanoseconds: 9_000_000_000)).tokens == 0)
    }

    @Test("is what was promised and wanted, as far as others have left it")
    func answers() {
        var advances = BudgetAdvances()
        advances.want(MeteredAmounts(tokens: 300, images: 5), of: limits)
        advances.want(MeteredAmounts(tokens: 200), of: limits)
        let request = request(&advances, use(spent: 40, reserved: 60), moved: 10)
        #expect(request.need.tokens == 90 && request.keep.tokens == 0)
        #expect(request.demand.sum == MeteredAmounts(tokens: 500) && request.demand.least.tokens == 200)
        // 100,000 − 10 − 90 are left, of which a part is the cushion.
        #expect(request.answer(standing(spent: 10)).advance.tokens == 90 + 500 + 99_900 / 1024)
        #expect(request.answer(standing(spent: 10, elsewhere: 99_600)).advance.tokens == 90 + 300)
        // Not enough for any of the calls that wait: others may do with it.
        #expect(request.answer(standing(spent: 10, elsewhere: 99_701)).advance.tokens == 90)
        #expect(request.answer(standing(spent: 10, elsewhere: 99_950)).advance.tokens == 40)
        #expect(request.answer(standing(spent: 200_000)).advance.tokens == 0)
    }

    @Test("is not taken away while it is spent from, and given back when it is too much")
    func givingBack() {
        var advances = BudgetAdvances()
        advances.set(
            AdvanceGrant(
                budget: budget, advance: MeteredAmounts(tokens: 1_000), pool: MeteredAmounts(tokens: 100_000),
                moved: MeteredAmounts(tokens: 50), askedAt: start), present: period)
        func shortage(_ amount: UInt64) -> BudgetAdvances.Shortage? {
            advances.shortage(of: MeteredAmounts(tokens: amount), limits, use(spent: 50, reserved: 100), at: start)
        }
        #expect(shortage(900) == nil && shortage(901) == .usedUp(.tokens))
        #expect(advances.isDue(use(spent: 50, reserved: 100), limits, pace: MeteredAmounts(), at: start))
        let request = request(&advances, use(spent: 50, reserved: 100), moved: 50)
        // What is left is 99,900.
        #expect(request.need.tokens == 100 && request.keep.tokens == 100 + 97)
        // Not spent from any more, whether or not the database ever hears of it.
        #expect(shortage(97) == nil && shortage(98) == .usedUp(.tokens))
        #expect(request.answer(standing(spent: 99_990, own: 1_000)).advance.tokens == 197)
        let last = self.request(&advances, use(spent: 50, reserved: 100), moved: 50, isLast: true)
        #expect(last.answer(standing(spent: 50, own: 1_000)).advance.tokens == 100)
        #expect(shortage(1) == .usedUp(.tokens))
    }

    @Test("holds for an hour, and for its period")
    func validity() {
        var advances = BudgetAdvances()
        let amount = MeteredAmounts(tokens: 1)
        #expect(advances.shortage(of: amount, limits, use(), at: start) == .unknown)
        #expect(advances.shortage(of: MeteredAmounts(images: 1), limits, use(), at: start) == nil)
        let request = request(&advances, use())
        advances.set(request.answer(standing()), present: period)
        #expect(!advances.isDue(use(), limits, pace: MeteredAmounts(), at: start))
        let last = start.advanced(byNanoseconds: BudgetAdvance.validNanoseconds - 1)
        #expect(advances.isDue(use(), limits, pace: MeteredAmounts(), at: last))
        #expect(advances.shortage(of: amount, limits, use(), at: last) == nil)
        let end = start.advanced(byNanoseconds: BudgetAdvance.validNanoseconds)
        #expect(advances.shortage(of: amount, limits, use(), at: end) == .unknown)
        // What it was is of no meaning any more.
        #expect(self.request(&advances, use(), at: end).keep == MeteredAmounts())
        #expect(advances.period(after: -3_600..<0) == period && advances.period(after: period) == nil)
    }
}

@Suite("A tenant whose budget other servers spend too") struct SharedBudgetTests {
    private let acme = TenantID("acme")!
    private let clock = ManualClock()
    private let desk = AdvanceDesk(retryNanoseconds: 50_000_000)

    private func gate(_ seconds: Int64 = 1_700_000_000) -> TenantGate {
        var policy = TenantPolicy()
        policy.budget = BudgetPolicy(period: .hour, limits: [.tokens: 1_000])
        return TenantGate(
            TenantTable(policies: [acme: policy]), clocks: .init(monotonic: clock, unixSeconds: { seconds }),
            desk: desk)
    }

    private func enter(_ gate: TenantGate) throws -> TenantPass {
        try gate.enter(
            PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme"),
            method: "/inference.GRPCInferenceService/ModelInfer", audience: .tenants)
    }

    /// As the database does for the only server.
    private func renew(_ gate: TenantGate, elsewhere: UInt64 = 0) {
        let requests = gate.advanceRequests(gate.advancesDue(), isLast: false) { _ in RecordedAmounts() }
        gate.setAdvances(
            requests.map {
                $0.answer(
                    BudgetStanding(
                        spent: MeteredAmounts(), advancedElsewhere: MeteredAmounts(tokens: elsewhere), advanced: nil))
            })
        desk.didAsk(isAnswering: true)
    }

    @Test("spends what is set aside, has more asked for, and tells the one from the other")
    func refusals() throws {
        let gate = gate()
        let pass = try enter(gate)
        let unknown = #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 10), for: pass) }
        #expect(unknown?.label == "budget_unknown" && unknown?.isWantOfAdvance == true)
        renew(gate)
        try gate.reserve(MeteredAmounts(tokens: 10), for: pass)
        let lacking = #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 300), for: pass) }
        #expect(lacking?.code == .resourceExhausted && lacking?.label == "budget_advance")
        #expect(lacking?.retryAdvice == .after(nanoseconds: 50_000_000) && lacking?.isWantOfAdvance == true)
        renew(gate)
        try gate.reserve(MeteredAmounts(tokens: 300), for: pass)
        gate.settle(pass, reserved: MeteredAmounts(tokens: 310), used: MeteredAmounts(tokens: 310))
        let refusal = #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 691), for: pass) }
        #expect(refusal?.label == "budget_exhausted" && refusal?.retryAdvice == .never)
        #expect(refusal?.isWantOfAdvance == false)
    }

    /// Goal: a call that goes on beyond the end of a period is charged in the next, and was promised there too.
    @Test("promises only what is set aside of the next period too")
    func nextPeriod() throws {
        let gate = gate()
        let pass = try enter(gate)
        let periods = gate.advancesDue().map(\.period)
        #expect(periods.count == 3, "the one after next begins in less than an hour and a period")
        #expect(zip(periods, periods.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 100), for: pass) }
        let requests = gate.advanceRequests(gate.advancesDue(), isLast: false) { _ in RecordedAmounts() }
        // Others have nearly all of the next period.
        gate.setAdvances(
            requests.map { request in
                let isNext = request.budget.period == periods[1]
                return request.answer(
                    BudgetStanding(
                        spent: MeteredAmounts(), advancedElsewhere: MeteredAmounts(tokens: isNext ? 950 : 0),
                        advanced: nil))
            })
        let refusal = #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 100), for: pass) }
        #expect(refusal?.label == "budget_advance")
        renew(gate)
        try gate.reserve(MeteredAmounts(tokens: 100), for: pass)
    }

    @Test("waits for an advance that comes, and not while the database does not answer", .timeLimit(.minutes(1)))
    func waiting() async throws {
        let gate = gate()
        let pass = try enter(gate)
        #expect(await !desk.wait(for: desk.roundCount), "nobody has answered yet")
        renew(gate)
        // Whoever asks the database hears of the call that waits.
        async let round: Void = {
            for await _ in desk.wishes { return renew(gate) }
        }()
        await gate.awaitAdvance(of: MeteredAmounts(tokens: 500), for: pass)
        try gate.reserve(MeteredAmounts(tokens: 500), for: pass)
        await round
        let before = desk.roundCount
        renew(gate)
        #expect(await desk.wait(for: before), "it has come already")
        #expect(await !desk.wait(for: desk.roundCount), "in vain, but not long")
        desk.didAsk(isAnswering: false)
        #expect(await !desk.wait(for: 0))
        // Of a budget that has it all there is nothing to wait for.
        await gate.awaitAdvance(of: MeteredAmounts(tokens: 501), for: pass)
    }
}
