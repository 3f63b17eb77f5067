import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Tenancy

extension TenantGate {
    /// A gate whose time stands still.
    fileprivate convenience init(_ table: TenantTable) {
        self.init(table, clocks: Clocks(monotonic: ManualClock(), unixSeconds: { 1_700_000_000 }))
    }
}

@Suite("A tenant gate")
struct TenantGateTests {
    private let acme = TenantID("acme")!

    private func enter(
        _ gate: TenantGate, _ path: String, audience: MethodAudience = .tenants, actingFor: String? = nil,
        pass: TenantPass? = nil
    ) throws(ServingError) -> TenantPass {
        try gate.enter(
            PeerIdentity(spiffeURI: "spiffe://apus.local/\(path)"), method: inferMethod, audience: audience,
            actingFor: actingFor, pass: pass)
    }

    @Test("admits a tenant up to its limit, again after a call has left, and others meanwhile")
    func limit() throws {
        let gate = TenantGate(TenantTable(policies: [acme: TenantPolicy(concurrencyMax: 2)]))
        let first = try enter(gate, "tenant/acme")
        _ = try enter(gate, "tenant/acme", pass: first)
        for pass in [nil, first] {
            let refusal = #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", pass: pass) }
            #expect(refusal?.code == .resourceExhausted && refusal?.label == "tenant_concurrency")
        }
        #expect(gate.inProgressCount(of: acme) == 2)
        _ = try enter(gate, "tenant/other")
        gate.leave(first, .tenants)
        _ = try enter(gate, "tenant/acme")
        #expect(gate.inProgressCount(of: acme) == 2)
    }

    @Test("a pass holds for the tenant's own methods while the table is the same, and for nothing else")
    func pass() throws {
        let gate = TenantGate(TenantTable())
        let pass = try enter(gate, "tenant/acme")
        #expect(try enter(gate, "tenant/acme", audience: .everybody, pass: pass) === pass)
        #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", audience: .admins, pass: pass) }
        let other = try enter(gate, "tenant/acme", actingFor: "other", pass: pass)
        #expect(other.caller.tenant == acme)
        let router = try enter(gate, "role/router", actingFor: "acme")
        #expect(throws: ServingError.self) { try enter(gate, "role/router", pass: router) }
        gate.replace(TenantTable())
        #expect(try enter(gate, "tenant/acme", pass: pass) !== pass)
    }

    @Test("a tenant's name from anybody but a router is counted")
    func tenantHeaders() {
        let gate = TenantGate(TenantTable())
        for (index, path) in ["tenant/acme", "role/admin", nil].enumerated() {
            gate.countTenantHeader(of: path.map { PeerIdentity(spiffeURI: "spiffe://apus.local/\($0)")! })
            #expect(gate.ignoredHeaderCount == UInt64(index + 1))
        }
        gate.countTenantHeader(of: PeerIdentity(spiffeURI: "spiffe://apus.local/role/router"))
        #expect(gate.ignoredHeaderCount == 3)
    }

    @Test("keeps counting calls across a new table")
    func replace() throws {
        let gate = TenantGate(TenantTable(unlistedPolicy: TenantPolicy(concurrencyMax: 1)))
        let before = try enter(gate, "tenant/acme")
        gate.replace(TenantTable(unlistedPolicy: nil))
        for pass in [nil, before] {
            #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", pass: pass) }
        }
        #expect(gate.inProgressCount(of: acme) == 1)
        gate.leave(before, .tenants)
        #expect(gate.inProgressCount(of: acme) == 0)
    }

    @Test("a stream that settles what its requests used holds no more than the present one has reserved")
    func settlingStream() throws {
        var policy = TenantPolicy()
        policy.budget = BudgetPolicy(period: .day, limits: [.tokens: 100])
        let gate = TenantGate(TenantTable(policies: [acme: policy]))
        let pass = try enter(gate, "tenant/acme")
        for _ in 0..<10 {
            try gate.reserve(MeteredAmounts(tokens: 50), for: pass)
            gate.settle(pass, reserved: MeteredAmounts(tokens: 50), used: MeteredAmounts(tokens: 5))
        }
        #expect(gate.statuses.first?.budget?.spent.tokens == 50 && gate.statuses.first?.budget?.reserved.tokens == 0)
        #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 51), for: pass) }
        gate.leave(pass, .tenants)
        #expect(gate.inProgressCount(of: acme) == 0)
    }

    @Test("forgets tenants without calls when there are many, and never one with a call")
    func accounts() throws {
        let gate = TenantGate(TenantTable())
        let pass = try enter(gate, "tenant/acme")
        for number in 0..<5_000 { gate.leave(try enter(gate, "tenant/t\(number)"), .tenants) }
        #expect(gate.accountCount <= 1_024)
        #expect(gate.inProgressCount(of: acme) == 1)
        gate.leave(pass, .tenants)
    }

    @Test("a connection whose tenant was forgotten meanwhile counts with the tenant's other connections")
    func forgottenPass() throws {
        let gate = TenantGate(TenantTable(unlistedPolicy: TenantPolicy(concurrencyMax: 1)))
        let first = try enter(gate, "tenant/acme")
        gate.leave(first, .tenants)
        for number in 0..<1_024 { gate.leave(try enter(gate, "tenant/t\(number)"), .tenants) }
        let other = try enter(gate, "tenant/acme")
        #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", pass: first) }
        gate.leave(other, .tenants)
        gate.leave(try enter(gate, "tenant/acme", pass: first), .tenants)
        #expect(gate.inProgressCount(of: acme) == 0)
    }

    @Test("treats a call that leaves twice as our bug")
    func leaveTwice() async {
        await #expect(processExitsWith: .failure) {
            let gate = TenantGate(TenantTable())
            let pass = try gate.enter(
                PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme"), method: "/s/m", audience: .tenants)
            gate.leave(pass, .tenants)
            gate.leave(pass, .tenants)
        }
    }

    @Test("keeps a tenant to its methods, and leaves it health and reflection")
    func methods() throws {
        var policy = TenantPolicy()
        policy.grants = [Grant(methods: [MethodPattern("apus.text.v1.Text/*")!])]
        let gate = TenantGate(TenantTable(policies: [acme: policy]))
        let identity = PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme")
        let pass = try gate.enter(identity, method: "/apus.text.v1.Text/Embed", audience: .tenants)
        for known in [nil, pass] {
            let refusal = #expect(throws: ServingError.self) {
                try gate.enter(identity, method: inferMethod, audience: .tenants, pass: known)
            }
            #expect(refusal?.code == .permissionDenied && refusal?.label == "method_not_allowed")
        }
        _ = try gate.enter(identity, method: "/grpc.health.v1.Health/Check", audience: .everybody, pass: pass)
        #expect(gate.inProgressCount(of: acme) == 2)
    }
}

/// A wall clock that a test turns.
private final class WallClock: Sendable {
    let seconds = Mutex<Int64>(1_700_000_000)
}

@Suite("A tenant's limits")
struct TenantLimitsTests {
    private let clock = ManualClock()
    private let wall = WallClock()
    private let acme = TenantID("acme")!

    private func gate(_ change: (inout TenantPolicy) -> Void) -> TenantGate {
        var policy = TenantPolicy()
        change(&policy)
        return TenantGate(
            TenantTable(policies: [acme: policy]),
            clocks: .init(monotonic: clock, unixSeconds: { [wall] in wall.seconds.withLock { $0 } }))
    }

    private func enter(_ gate: TenantGate) throws(ServingError) -> TenantPass {
        try gate.enter(
            PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme"), method: inferMethod, audience: .tenants)
    }

    @Test("lets a burst of calls through, then the rate, and says when to come again")
    func requestRate() throws {
        let gate = gate { $0.requestRate = RateLimit(perSecond: 10, burst: 3) }
        for _ in 0..<3 { gate.leave(try enter(gate), .tenants) }
        let refusal = #expect(throws: ServingError.self) { try enter(gate) }
        #expect(refusal?.code == .resourceExhausted && refusal?.label == "request_rate")
        #expect(refusal?.retryAdvice == .after(nanoseconds: 100_000_000))
        #expect(gate.inProgressCount(of: acme) == 0)
        clock.advance(byNanoseconds: 99_999_999)
        #expect(throws: ServingError.self) { try enter(gate) }
        clock.advance(byNanoseconds: 1)
        gate.leave(try enter(gate), .tenants)
        #expect(throws: ServingError.self) { try enter(gate) }
    }

    @Test("a call that withdraws to enter again is counted once")
    func withdrawal() throws {
        let gate = gate {
            $0.requestRate = RateLimit(perSecond: 1, burst: 2)
            $0.budget = BudgetPolicy(period: .day, limits: [.requests: 2])
        }
        for _ in 0..<2 {
            gate.withdraw(try enter(gate), .tenants)
            gate.leave(try enter(gate), .tenants)
        }
        #expect(throws: ServingError.self) { try enter(gate) }
    }

    @Test("a look takes of the rate of requests, and nothing of their budget")
    func looks() throws {
        let gate = gate {
            $0.requestRate = RateLimit(perSecond: 1, burst: 5)
            $0.budget = BudgetPolicy(period: .day, limits: [.requests: 1])
        }
        let identity = PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme")
        let look = "/inference.GRPCInferenceService/ModelMetadata"
        func enterToLook() throws {
            let audience = MethodAudience(path: look)
            gate.leave(try gate.enter(identity, method: look, audience: audience), audience)
        }
        try enterToLook()
        gate.leave(try enter(gate), .tenants)
        let refusal = #expect(throws: ServingError.self) { try enter(gate) }
        #expect(refusal?.label == "budget_exhausted")
        for _ in 0..<3 { try enterToLook() }
        let slower = #expect(throws: ServingError.self) { try enterToLook() }
        #expect(slower?.label == "request_rate")
    }

    @Test(
        "work is what models do for a call",
        arguments: [
            ("/inference.GRPCInferenceService/ModelInfer", true),
            ("/inference.GRPCInferenceService/ModelStreamInfer", true),
            ("/inference.GRPCInferenceService/ModelReady", false),
            ("/inference.GRPCInferenceService/RepositoryModelLoad", false), ("/apus.text.v1.Text/Embed", true),
            ("/tei.v1.Embed/Embed", true), ("/tei.v1.Tokenize/Tokenize", true), ("/tei.v1.Info/Info", false),
            ("/grpc.health.v1.Health/Check", false), ("/apus.graph.v1.Graph/UpdateNodes", true),
        ])
    func work(path: String, isWork: Bool) { #expect(MethodAudience(path: path).isWork == isWork) }

    @Test("gives back the tokens that a call reserved and did not use")
    func tokenRate() throws {
        let gate = gate { $0.tokenRate = RateLimit(perSecond: 100, burst: 1_000) }
        let pass = try enter(gate)
        try gate.reserve(MeteredAmounts(tokens: 900), for: pass)
        let refusal = #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 200), for: pass) }
        #expect(refusal?.label == "token_rate" && refusal?.retryAdvice == .after(nanoseconds: 1_000_000_000))
        gate.leave(pass, .tenants, reserved: MeteredAmounts(tokens: 900), used: MeteredAmounts(tokens: 100))
        let next = try enter(gate)
        try gate.reserve(MeteredAmounts(tokens: 900), for: next)
        #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 1), for: next) }
        gate.leave(next, .tenants, reserved: MeteredAmounts(tokens: 900), used: MeteredAmounts(tokens: 900))
    }

    @Test("a call for more tokens than ever fit at once is let in when nothing else was, and leaves a debt")
    func largeCall() throws {
        let gate = gate { $0.tokenRate = RateLimit(perSecond: 100, burst: 100) }
        let pass = try enter(gate)
        try gate.reserve(MeteredAmounts(tokens: 300), for: pass)
        gate.leave(pass, .tenants, reserved: MeteredAmounts(tokens: 300), used: MeteredAmounts(tokens: 300))
        let next = try enter(gate)
        let refusal = #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 1), for: next) }
        #expect(refusal?.retryAdvice == .after(nanoseconds: 2_010_000_000))
        clock.advance(byNanoseconds: 2_010_000_000)
        try gate.reserve(MeteredAmounts(tokens: 1), for: next)
    }

    @Test("calls in progress at the same time never promise more than the budget, and a new day brings a new one")
    func budget() throws {
        let gate = gate { $0.budget = BudgetPolicy(period: .day, limits: [.tokens: 1_000]) }
        let passes = try (0..<5).map { _ in try enter(gate) }
        var reservedCount = 0
        for pass in passes {
            do {
                try gate.reserve(MeteredAmounts(tokens: 300), for: pass)
                reservedCount += 1
            } catch {
                #expect(error.label == "budget_exhausted" && error.code == .resourceExhausted)
                #expect(error.retryAdvice == .after(nanoseconds: 100_000_000), "others may give back what they have")
            }
        }
        #expect(reservedCount == 3)
        for pass in passes.prefix(3) {
            gate.leave(pass, .tenants, reserved: MeteredAmounts(tokens: 300), used: MeteredAmounts(tokens: 250))
        }
        let refusal = #expect(throws: ServingError.self) {
            try gate.reserve(MeteredAmounts(tokens: 251), for: passes[3])
        }
        #expect(refusal?.retryAdvice == .never, "nothing is left to be given back")
        try gate.reserve(MeteredAmounts(tokens: 250), for: passes[3])
        gate.leave(passes[3], .tenants, reserved: MeteredAmounts(tokens: 250), used: MeteredAmounts(tokens: 250))
        #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 1), for: passes[4]) }
        wall.seconds.withLock { $0 += 86_400 }
        try gate.reserve(MeteredAmounts(tokens: 1_000), for: passes[4])
    }

    /// What a ledger says, and how often it was asked; nil while it cannot be read.
    private final class Memory: Sendable {
        let spent = Mutex<SpentAmounts?>(nil)
        let asked = Mutex<[Range<Int64>]>([])
    }

    private func gate(_ memory: Memory, _ policy: TenantPolicy) -> TenantGate {
        TenantGate(
            TenantTable(policies: [acme: policy]),
            clocks: .init(monotonic: clock, unixSeconds: { [wall] in wall.seconds.withLock { $0 } })
        ) { _, period in
            memory.asked.withLock { $0.append(period) }
            return memory.spent.withLock { $0 }
        }
    }

    @Test("nothing is spent of a budget whose history cannot be read, and that is asked for again")
    func unreadableHistory() throws {
        var policy = TenantPolicy()
        policy.budget = BudgetPolicy(period: .day, limits: [.tokens: 100])
        let memory = Memory()
        let gate = gate(memory, policy)
        // What no unit of the budget counts goes on.
        let pass = try enter(gate)
        try gate.reserve(MeteredAmounts(images: 1), for: pass)
        for _ in 0..<3 {
            let unknown = #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 1), for: pass) }
            #expect(unknown?.code == .resourceExhausted && unknown?.label == "budget_unknown")
            #expect(unknown?.retryAdvice == .after(nanoseconds: TenantMeters.historyRetryNanoseconds))
        }
        #expect(memory.asked.withLock(\.count) == 1, "not for every call")
        #expect(gate.statuses.first?.budget?.reserved.tokens == 0)
        memory.spent.withLock { $0 = SpentAmounts(here: MeteredAmounts(tokens: 95)) }
        clock.advance(byNanoseconds: TenantMeters.historyRetryNanoseconds)
        let refusal = #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 10), for: pass) }
        #expect(refusal?.label == "budget_exhausted" && gate.statuses.first?.budget?.spent.tokens == 95)
        clock.advance(byNanoseconds: TenantMeters.historyRetryNanoseconds)
        try gate.reserve(MeteredAmounts(tokens: 5), for: pass)
        #expect(memory.asked.withLock(\.count) == 2, "no more once it is known")
    }

    @Test("a new period begins with what is known of it")
    func historyOfNextPeriod() throws {
        var policy = TenantPolicy()
        policy.budget = BudgetPolicy(period: .hour, limits: [.tokens: 100])
        let memory = Memory()
        memory.spent.withLock { $0 = SpentAmounts() }
        let gate = gate(memory, policy)
        let pass = try enter(gate)
        try gate.reserve(MeteredAmounts(tokens: 100), for: pass)
        memory.spent.withLock { $0 = SpentAmounts(elsewhere: MeteredAmounts(tokens: 60)) }
        wall.seconds.withLock { $0 += 3_600 }
        // What is used now is the new hour's, and so was not spent twice when the ledger is asked.
        gate.settle(pass, reserved: MeteredAmounts(tokens: 100), used: MeteredAmounts(tokens: 30))
        #expect(gate.statuses.first?.budget?.spent.tokens == 30)
        try gate.reserve(MeteredAmounts(tokens: 10), for: pass)
        #expect(gate.statuses.first?.budget?.spent.tokens == 90)
        #expect(throws: ServingError.self) { try gate.reserve(MeteredAmounts(tokens: 1), for: pass) }
        #expect(memory.asked.withLock { $0 }.map(\.lowerBound) == [1_699_999_200, 1_700_002_800])
    }

    @Test(
        "a random walk of calls never spends more than the budget, and gives back everything it reserved",
        .timeLimit(.minutes(1)))
    func walk() throws {
        var random = SeededGenerator(seed: 20_261_127)
        let limit: UInt64 = 5_000
        let gate = gate { $0.budget = BudgetPolicy(period: .hour, limits: [.tokens: limit]) }
        var calls: [(pass: TenantPass, reserved: UInt64)] = []
        var (spent, refusals) = (UInt64(0), 0)
        for _ in 0..<20_000 {
            if calls.isEmpty || Bool.random(using: &random) {
                let pass = try enter(gate)
                let tokens = UInt64.random(in: 1...400, using: &random)
                do {
                    try gate.reserve(MeteredAmounts(tokens: tokens), for: pass)
                    calls.append((pass, tokens))
                } catch {
                    refusals += 1
                    gate.leave(pass, .tenants)
                }
            } else {
                let call = calls.remove(at: Int.random(in: calls.indices, using: &random))
                let used = UInt64.random(in: 0...call.reserved, using: &random)
                gate.leave(
                    call.pass, .tenants, reserved: MeteredAmounts(tokens: call.reserved),
                    used: MeteredAmounts(tokens: used))
                spent += used
            }
            let promised = calls.reduce(0) { $0 + $1.reserved }
            try #require(spent + promised <= limit)
            if Int.random(in: 0..<2_000, using: &random) == 0, calls.isEmpty {
                wall.seconds.withLock { $0 += 3_600 }
                spent = 0
            }
        }
        #expect(refusals > 0)
    }
}
