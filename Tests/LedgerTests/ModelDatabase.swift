import Synchronization
import Tenancy
import TestSupport
import Vocabulary

@testable import Ledger

/// What PostgreSQL does for servers that share a ledger, as plainly as it can be said.
final class ModelDatabase: Sendable {
    struct Budget: Hashable {
        let tenant: TenantID
        let period: Range<Int64>

        init(_ budget: TenantPeriod) { (tenant, period) = (budget.tenant, budget.period) }
    }

    struct Advance {
        var amounts: MeteredAmounts
        var renewedAt: Int64
    }

    struct State {
        /// By its own clock.
        var seconds: Int64 = 0
        var used: [TenantID: [Int64: Consumption]] = [:]
        var watermarks: [JournalIdentity: UInt64] = [:]
        var advances: [Budget: [JournalIdentity: Advance]] = [:]
    }

    let state = Mutex(State())
}

extension ModelDatabase.State {
    func spent(_ budget: ModelDatabase.Budget) -> MeteredAmounts {
        (used[budget.tenant] ?? [:]).reduce(into: MeteredAmounts()) {
            if budget.period.contains($1.key) { $0.add($1.value.amounts) }
        }
    }

    /// Of servers that are not gone.
    func advances(of budget: ModelDatabase.Budget) -> [JournalIdentity: MeteredAmounts] {
        (advances[budget] ?? [:]).filter { seconds - $0.value.renewedAt < Int64(BudgetAdvance.lifeSeconds) }
            .mapValues(\.amounts)
    }

    mutating func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) {
        for row in rows {
            used[row.key.tenant, default: [:]][row.key.hour, default: Consumption()].add(row.consumption)
            for budget in advances.keys
            where budget.tenant == row.key.tenant && budget.period.contains(row.key.hour) {
                advances[budget]?[journal]?.amounts.remove(row.consumption.amounts)
            }
        }
    }

    mutating func answer(_ request: AdvanceRequest, of journal: JournalIdentity) -> AdvanceGrant {
        let budget = ModelDatabase.Budget(request.budget)
        let advances = advances(of: budget)
        let others = advances.reduce(into: MeteredAmounts()) { if $1.key != journal { $0.add($1.value) } }
        let grant = request.answer(
            BudgetStanding(spent: spent(budget), advancedElsewhere: others, advanced: advances[journal]))
        self.advances[budget, default: [:]][journal] = ModelDatabase.Advance(
            amounts: grant.advance, renewedAt: seconds)
        return grant
    }
}

/// The way of one server to the database.
final class ModelStore: AdvancingStore {
    struct Away: Error {}

    enum Failure: CaseIterable {
        case none
        /// Nothing is done.
        case before
        /// All is done, and nobody hears of it.
        case after
    }

    let place = "model"
    let isShared = true
    let failure = Mutex(Failure.none)
    private let database: ModelDatabase

    init(_ database: ModelDatabase) { self.database = database }

    func check() throws { try changing { _ in } }

    private func changing<Value>(_ body: (inout ModelDatabase.State) throws -> Value) throws -> Value {
        let failure = failure.withLock { $0 }
        guard failure != .before else { throw Away() }
        // A copy: what throws is rolled back.
        let value = try database.state.withLock { state in
            var copy = state
            let value = try body(&copy)
            state = copy
            return value
        }
        guard failure != .after else { throw Away() }
        return value
    }

    private final class Transaction: LedgerTransaction {
        var state: ModelDatabase.State

        init(_ state: ModelDatabase.State) { self.state = state }

        func watermark(of journal: JournalIdentity) -> UInt64 { state.watermarks[journal] ?? 0 }

        func setWatermark(of journal: JournalIdentity, to id: UInt64) { state.watermarks[journal] = id }

        func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) { state.add(rows, of: journal) }
    }

    func transaction(_ body: (any LedgerTransaction) throws -> Void) throws {
        try changing { state in
            let transaction = Transaction(state)
            try body(transaction)
            state = transaction.state
        }
    }

    func advance(_ requests: [AdvanceRequest], of journal: JournalIdentity) throws -> [AdvanceGrant] {
        try changing { state in requests.map { state.answer($0, of: journal) } }
    }

    func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, countMax: Int
    ) throws -> [UsageRow] {
        try changing { state in
            state.used.filter { tenants?.contains($0.key) ?? true }.map { tenant, hours in
                let sum = hours.reduce(into: Consumption()) { if period.contains($1.key) { $0.add($1.value) } }
                return UsageRow(tenant: tenant, model: nil, hour: nil, consumption: sum)
            }
        }
    }

    func sum(
        of tenant: TenantID, in period: Range<Int64>, _ journal: JournalIdentity
    ) throws -> (Consumption, UInt64) {
        let row = try rows(of: [tenant], in: period, by: [], countMax: 1).first
        return (row?.consumption ?? Consumption(), try changing { $0.watermarks[journal] ?? 0 })
    }
}
