import Foundation
import Synchronization
import Tenancy
import TestSupport
import Testing
import Vocabulary

@testable import Ledger

private let acme = TenantID("acme")!

/// The clocks of all servers and the database, in one.
private final class Clocks: Sendable {
    let monotonic = ManualClock()
    let seconds = Mutex<Int64>(1_700_000_000)

    func advance(bySeconds count: Int64) {
        monotonic.advance(byNanoseconds: UInt64(count) * 1_000_000_000)
        seconds.withLock { $0 += count }
    }
}

/// A server as far as budgets go: what its gate and its ledger do for a call, and what its writer does.
private final class ModelServer {
    struct Call {
        let pass: TenantPass
        let reserved: UInt64
    }

    let store: ModelStore
    private let path: String
    private let table: TenantTable
    private let clocks: Clocks
    private(set) var gate: TenantGate
    private var ledger: UsageLedger?
    var calls: [Call] = []

    init(_ database: ModelDatabase, path: String, _ table: TenantTable, _ clocks: Clocks) throws {
        store = ModelStore(database)
        (self.path, self.table, self.clocks) = (path, table, clocks)
        gate = TenantGate(table, clocks: .init(monotonic: clocks.monotonic, unixSeconds: { 0 }))
        try start()
    }

    private func start() throws {
        let ledger = UsageLedger(
            try UsageJournal(path: path, slotCount: 64), store, refusedPath: "\(path).refused",
            unixSeconds: { [clocks] in clocks.seconds.withLock { $0 } })
        self.ledger = ledger
        gate = TenantGate(
            table,
            clocks: .init(
                monotonic: clocks.monotonic, unixSeconds: { [clocks] in clocks.seconds.withLock { $0 } }),
            desk: AdvanceDesk(retryNanoseconds: 1_000_000_000)
        ) { try? ledger.spent(by: $0, in: $1) }
    }

    /// Ends without another word, and comes back with its journal.
    func kill() throws {
        calls = []
        ledger = nil
        gate = TenantGate(table, clocks: .init(monotonic: clocks.monotonic, unixSeconds: { 0 }))
        try start()
    }

    /// - Returns: nil when it was let in.
    func begin(_ tokens: UInt64) -> ServingError? {
        do throws(ServingError) {
            let pass = try gate.enter(
                PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme"),
                method: "/inference.GRPCInferenceService/ModelInfer", audience: .tenants)
            do throws(ServingError) {
                try gate.reserve(MeteredAmounts(tokens: tokens), for: pass)
                calls.append(Call(pass: pass, reserved: tokens))
                return nil
            } catch {
                record(0)
                gate.leave(pass, .tenants)
                return error
            }
        } catch {
            return error
        }
    }

    func end(_ index: Int, used: UInt64) {
        let call = calls.remove(at: index)
        record(used)
        gate.leave(
            call.pass, .tenants, reserved: MeteredAmounts(tokens: call.reserved), used: MeteredAmounts(tokens: used))
    }

    /// In the journal, before the gate hears of it.
    private func record(_ tokens: UInt64) {
        var used = Consumption()
        (used.requestCount, used.generatedTokenCount) = (1, tokens)
        ledger?.record(used, of: acme, model: nil)
    }

    func write(isLast: Bool = false) {
        guard let ledger else { return }
        do {
            try ledger.write()
            for (budget, amounts) in try ledger.spentElsewhere(gate.budgetPeriods) {
                gate.setSpentElsewhere(amounts, of: budget)
            }
            try ledger.renewAdvances(of: gate, isLast: isLast)
        } catch {}
    }

    /// As its writer does when a call was refused.
    func renew() { try? ledger?.renewAdvances(of: gate) }

    /// Begins a call that asks for more as often as it takes, within reason.
    func beginWaiting(_ tokens: UInt64) -> ServingError? {
        for _ in 0..<5 {
            if begin(tokens) == nil { return nil }
            renew()
        }
        return begin(tokens)
    }

    var promised: UInt64 { calls.reduce(0) { $0 + $1.reserved } }
}

@Suite("Advances of a budget that servers share") struct BudgetAdvanceWalkTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "apus-advance-\(UUID().uuidString)")
        .path()
    private let database = ModelDatabase()
    private let clocks = Clocks()

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func servers(_ count: Int, _ limits: [MeteredUnit: UInt64]) throws -> [ModelServer] {
        var policy = TenantPolicy()
        policy.budget = BudgetPolicy(period: .hour, limits: limits)
        let table = TenantTable(policies: [acme: policy])
        return try (0..<count).map { try ModelServer(database, path: "\(folder)/\($0).journal", table, clocks) }
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private var hour: TenantPeriod {
        TenantPeriod(tenant: acme, period: BudgetPeriod.hour.interval(around: clocks.seconds.withLock { $0 }))
    }

    /// What the database has given away of the present hour.
    private func given(_ unit: MeteredUnit) -> UInt64 {
        database.state.withLock { state in
            let budget = ModelDatabase.Budget(hour)
            return state.advances(of: budget).values.reduce(state.spent(budget)[unit]) { $0 + $1[unit] }
        }
    }

    private func advance(bySeconds count: Int64) {
        clocks.advance(bySeconds: count)
        database.state.withLock { $0.seconds += count }
    }

    /// Goal: what all callers together were told, and may still be told, is never more than the budget.
    ///
    /// Method: calls begin and end on servers that write, find no database, do not hear of a commit,
    /// are killed and come back, over the ends of periods.
    @Test(
        "a random walk of servers never spends more than the budget", .timeLimit(.minutes(2)),
        arguments: [
            (1, [MeteredUnit.tokens: 6_000]), (2, [MeteredUnit.tokens: 6_000]),
            (3, [MeteredUnit.tokens: 6_000, .requests: 400]),
        ] as [(UInt64, [MeteredUnit: UInt64])])
    func walk(seed: UInt64, limits: [MeteredUnit: UInt64]) throws {
        defer { remove() }
        var random = SeededGenerator(seed: 20_261_128 + seed)
        let limit = try #require(limits[.tokens])
        let servers = try servers(3, limits)
        var (told, labels): (UInt64, Set<String>) = (0, [])
        var period = hour.period
        for step in 0..<4_500 {
            let server = servers[Int.random(in: 0..<3, using: &random)]
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<45:
                if let error = server.begin(UInt64.random(in: 1...200, using: &random)) {
                    labels.insert(error.label)
                    server.renew()
                }
            case 45..<75:
                guard !server.calls.isEmpty else { break }
                let index = Int.random(in: server.calls.indices, using: &random)
                let used = UInt64.random(in: 0...server.calls[index].reserved, using: &random)
                server.end(index, used: used)
                told += used
            case 75..<92: server.write()
            case 92..<98:
                let isAway = Int.random(in: 0..<4, using: &random) == 0
                let failure = ModelStore.Failure.allCases.randomElement(using: &random)
                server.store.failure.withLock { $0 = isAway ? failure ?? .none : .none }
            case 98: if Int.random(in: 0..<10, using: &random) == 0 { try server.kill() }
            default: advance(bySeconds: Int64.random(in: 0...20, using: &random))
            }
            if step % 1_500 == 1_499 { advance(bySeconds: period.upperBound - clocks.seconds.withLock { $0 }) }
            if hour.period != period { (period, told) = (hour.period, 0) }
            try #require(told + servers.reduce(0) { $0 + $1.promised } <= limit, "step \(step)")
            for (unit, limit) in limits {
                try #require(given(unit) <= limit, "step \(step), \(unit)")
            }
        }
        #expect(labels.isSuperset(of: ["budget_advance", "budget_exhausted"]))
        // Calls that are refused are requests too, and so it does not end with the tokens there.
        if limits[.requests] == nil { try spendTheRest(servers, told, limit) }
    }

    /// Calls until each server says that there is nothing to wait for.
    private func spendTheRest(_ servers: [ModelServer], _ told: UInt64, _ limit: UInt64) throws {
        var told = told
        for server in servers {
            server.store.failure.withLock { $0 = .none }
            while let call = server.calls.last {
                told += call.reserved
                server.end(server.calls.count - 1, used: call.reserved)
            }
        }
        var open = servers
        var roundCount = 0
        while !open.isEmpty {
            roundCount += 1
            try #require(roundCount < 10_000, "\(told) of \(limit)")
            for server in open {
                if server.begin(20) == nil {
                    server.end(0, used: 20)
                    told += 20
                } else {
                    server.renew()
                }
            }
            for server in servers where roundCount % 3 == 0 { server.write() }
            open = open.filter { server in
                let error = server.begin(20)
                if error == nil {
                    server.end(0, used: 20)
                    told += 20
                }
                return error?.retryAdvice != .never
            }
        }
        #expect(told <= limit && told > limit - 40, "\(told)")
    }

    @Test("a budget with much left is spent by whoever calls, and idle servers hold little of it")
    func idle() throws {
        defer { remove() }
        let limit: UInt64 = 100_000
        let servers = try servers(8, [.tokens: limit])
        for server in servers { server.write() }
        #expect(given(.tokens) < limit / 64)
        var told: UInt64 = 0
        for _ in 0..<20_000 {
            guard let error = servers[0].begin(100) else {
                servers[0].end(0, used: 100)
                told += 100
                continue
            }
            if error.retryAdvice == .never { break }
            for server in servers { server.write() }
        }
        #expect(told == limit)
    }

    @Test("a server that is cut off spends what it has for an hour, and others get it after a day")
    func partition() throws {
        defer { remove() }
        var policy = TenantPolicy()
        policy.budget = BudgetPolicy(period: .month, limits: [.tokens: 1_000_000])
        let table = TenantTable(policies: [acme: policy])
        let servers = try (0..<2).map { try ModelServer(database, path: "\(folder)/\($0).journal", table, clocks) }
        for server in servers { server.write() }
        let month = TenantPeriod(
            tenant: acme, period: BudgetPeriod.month.interval(around: clocks.seconds.withLock { $0 }))
        #expect(database.state.withLock { $0.advances(of: ModelDatabase.Budget(month)).count } == 2)
        servers[1].store.failure.withLock { $0 = .before }
        advance(bySeconds: 3_599)
        servers[1].write()
        #expect(servers[1].begin(100) == nil)
        advance(bySeconds: 1)
        let error = try #require(servers[1].begin(1))
        #expect(error.label == "budget_unknown" && error.code == .resourceExhausted)
        #expect(error.retryAdvice == .after(nanoseconds: 1_000_000_000))
        for _ in 0..<24 {
            advance(bySeconds: 3_600)
            servers[0].write()
        }
        #expect(database.state.withLock { $0.advances(of: ModelDatabase.Budget(month)).count } == 1)
        // Back again: it asks anew.
        servers[1].store.failure.withLock { $0 = .none }
        servers[1].write()
        #expect(servers[1].begin(1) == nil)
    }

    /// Goal: what a server has recorded before it was killed stays set aside.
    ///
    /// The process that comes back has not counted it yet.
    @Test("a server that is killed keeps what its journal has not moved")
    func killed() throws {
        defer { remove() }
        let servers = try servers(2, [.tokens: 1_000])
        for server in servers { server.write() }
        #expect(servers[0].beginWaiting(600) == nil)
        try #require(servers[0].calls.count == 1)
        servers[0].end(0, used: 600)
        try servers[0].kill()
        servers[0].renew()
        #expect(given(.tokens) >= 600)
        #expect(servers[1].beginWaiting(401) != nil)
        #expect(servers[1].beginWaiting(400) == nil)
        servers[0].write()
        #expect(given(.tokens) == 1_000)
        let refusal = servers[0].begin(1)
        #expect(refusal?.label == "budget_advance", "the other has it, but has not spent it")
    }

    @Test("a server that ends gives back what it has not promised")
    func end() throws {
        defer { remove() }
        let servers = try servers(1, [.tokens: 10_000])
        servers[0].write()
        #expect(servers[0].begin(5) == nil)
        #expect(given(.tokens) > 5)
        servers[0].write(isLast: true)
        #expect(given(.tokens) == 5)
        servers[0].end(0, used: 3)
        servers[0].write(isLast: true)
        #expect(given(.tokens) == 3)
    }
}
