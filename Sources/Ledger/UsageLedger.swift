import Dispatch
import Synchronization
package import Tenancy
package import Vocabulary

/// What every tenant has used of every model, hour by hour, for as long as the database is kept.
///
/// Calls are recorded in a journal in a file (see `UsageJournal`), from which `write` moves them to a database, a
/// second's worth at a time: to a file of SQLite, or to a PostgreSQL that several servers share. Whatever ends the
/// process, the ledger afterwards has every call whose trailers were sent, once.
///
/// - Isolation: any thread. `record` takes a short lock, as does `spent` where the database is shared; everything else
///   waits for a disk or the network.
package final class UsageLedger: Sendable {
    let journal: UsageJournal
    private let store: any LedgerStore
    private let unixSeconds: @Sendable () -> Int64
    private let dropped = Atomic<UInt64>(0)
    /// Held while the database is asked; whoever records a call has nothing to do with it.
    private let turn = Mutex(())
    private let spending = Mutex(SharedSpending())
    /// Where others wait for the database instead of a thread that tasks share.
    private let queue = DispatchQueue(label: "apus-ledger")

    /// Slots of a journal whose database may be away for hours.
    static let sharedSlotCount = 16_384

    /// Opens the ledger in the file of SQLite at `path`, or makes it, and takes over what an earlier process left in
    /// the journal beside it.
    ///
    /// - Throws: `LedgerError` when a file cannot be had or is another process's.
    package init(path: String, unixSeconds: @escaping @Sendable () -> Int64) throws(LedgerError) {
        self.unixSeconds = unixSeconds
        // First the journal: its lock keeps a second process away from both.
        journal = try UsageJournal(path: "\(path).journal")
        store = try SQLiteStore(path: path)
        try write()
    }

    /// A ledger in PostgreSQL, which need not be there yet.
    ///
    /// - Parameters:
    ///   - location: of the database.
    ///   - path: of the journal, a file of this server alone.
    ///   - unixSeconds: seconds since 1970.
    /// - Throws: `LedgerError` when the journal cannot be had or is another process's.
    package init(
        postgres location: PostgresLocation, journal path: String, unixSeconds: @escaping @Sendable () -> Int64
    ) throws(LedgerError) {
        self.unixSeconds = unixSeconds
        journal = try UsageJournal(path: path, slotCount: Self.sharedSlotCount)
        store = PostgresStore(location)
    }

    /// Where the database is, for people.
    package var place: String { store.place }

    /// Whether other servers add to it, so that budgets have to hear of what they do.
    package var isShared: Bool { store.isShared }

    /// Calls whose usage could not be recorded: every slot of the journal was in use and the database could not be
    /// written.
    package var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    /// Records what a call has used, for the present hour; `model` is empty when it named none there is.
    package func record(_ consumption: Consumption, of tenant: TenantID, model: String) {
        let key = LedgerKey(hour: LedgerKey.hour(around: unixSeconds()), tenant: tenant, model: model)
        if journal.add(consumption, to: key) { return }
        // As many keys in a second as there are slots: then the disk is waited for here, but no network.
        if !isShared { try? write() }
        if !journal.add(consumption, to: key) { dropped.add(1, ordering: .relaxed) }
    }

    /// Moves everything that is recorded to the database.
    ///
    /// - Throws: `LedgerError`; everything stays in the journal then.
    package func write() throws(LedgerError) {
        try turn.withLock { _ throws(LedgerError) in try move() }
    }

    /// What a tenant has used in a period of whole hours, in seconds since 1970, what is not written yet included.
    ///
    /// - Throws: `LedgerError` when the database cannot be read.
    package func consumption(of tenant: TenantID, in period: Range<Int64>) throws(LedgerError) -> Consumption {
        try turn.withLock { _ throws(LedgerError) in
            var sum = Consumption()
            for row in try rows(of: [tenant], in: period, by: []) { sum.add(row.consumption) }
            for row in journal.rows() where row.key?.tenant == tenant {
                if let key = row.key, period.contains(key.hour) { sum.add(row.consumption) }
            }
            return sum
        }
    }

    /// What tenants have used from one moment to another, by hours that begin in that time.
    ///
    /// - Parameters:
    ///   - tenant: nil for all.
    ///   - period: in seconds since 1970.
    ///   - grouping: what is told apart beside tenants.
    /// - Returns: ordered by tenant, model and hour.
    /// - Throws: `LedgerError` when the database cannot be written or read.
    package func report(
        of tenant: TenantID? = nil, in period: Range<Int64>, by grouping: UsageGrouping = []
    ) throws(LedgerError) -> [UsageRow] {
        try turn.withLock { _ throws(LedgerError) in
            try move()
            return try rows(of: tenant.map { [$0] }, in: period, by: grouping)
        }
    }

    // MARK: Budgets

    /// What a tenant has spent of a budget so far.
    ///
    /// Of a shared database this is what `spentElsewhere` has read last, so that no event loop waits for a network.
    ///
    /// - Throws: `LedgerError` when a database that is not shared cannot be read.
    package func spent(by tenant: TenantID, in period: Range<Int64>) throws(LedgerError) -> SpentAmounts {
        guard isShared else { return SpentAmounts(here: try consumption(of: tenant, in: period).amounts) }
        return spending.withLock { spending in
            spending.watch(tenant)
            var here = spending.moved(of: tenant, in: period)
            for row in journal.rows() where row.key?.tenant == tenant {
                if let key = row.key, period.contains(key.hour) { here.add(row.consumption.amounts) }
            }
            return SpentAmounts(here: here, elsewhere: spending.elsewhere(of: tenant, in: period))
        }
    }

    /// Reads what others have spent of budgets; to be called again and again where the database is shared.
    ///
    /// - Throws: `LedgerError` when the database cannot be read.
    package func spentElsewhere(_ budgets: [TenantPeriod]) throws(LedgerError) -> [(TenantPeriod, MeteredAmounts)] {
        var result: [(TenantPeriod, MeteredAmounts)] = []
        for (period, budgets) in Dictionary(grouping: budgets, by: \.period) {
            let tenants = budgets.map(\.tenant)
            spending.withLock { spending in for tenant in tenants { spending.watch(tenant) } }
            result += try turn.withLock { _ throws(LedgerError) in
                var totals: [TenantID: MeteredAmounts] = [:]
                for row in try rows(of: tenants, in: period, by: []) { totals[row.tenant] = row.consumption.amounts }
                return spending.withLock { spending in
                    budgets.map { budget in
                        let total = totals[budget.tenant] ?? MeteredAmounts()
                        return (budget, spending.learn(total, of: budget.tenant, in: period))
                    }
                }
            }
        }
        return result
    }

    // MARK: Asking the database

    /// Does something that waits for the database, on a thread that may wait.
    package func perform<Value: Sendable>(
        _ body: @escaping @Sendable (UsageLedger) throws(LedgerError) -> Value
    ) async throws(LedgerError) -> Value {
        let result: Result<Value, LedgerError> = await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(returning: Result { () throws(LedgerError) in try body(self) })
            }
        }
        return try result.get()
    }

    /// Under `turn`.
    ///
    /// What an attempt could not move goes first and by itself, because it may be in the database; and while that does
    /// not succeed nothing more is sealed, so that a database that is away costs each key two slots at most.
    private func move() throws(LedgerError) {
        try add(journal.sealedRows())
        let rows = journal.seal()
        if rows.isEmpty { try asking { try store.check() } } else { try add(rows) }
    }

    private func add(_ rows: [UsageJournal.Row]) throws(LedgerError) {
        guard !rows.isEmpty else { return }
        try asking { try store.add(rows, of: journal.identity) }
        // Under one lock: nobody counts a slot both as moved and as being in the journal, or as neither.
        spending.withLock { spending in
            spending.didMove(rows)
            journal.release(rows)
        }
    }

    private func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping
    ) throws(LedgerError) -> [UsageRow] {
        try asking { try store.rows(of: tenants, in: period, by: grouping) }
    }

    private func asking<Value>(_ body: () throws -> Value) throws(LedgerError) -> Value {
        do {
            return try body()
        } catch {
            throw LedgerError(place: place, problem: "\(error)")
        }
    }
}
