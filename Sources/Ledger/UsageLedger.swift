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
/// - Isolation: any thread. `record` takes a short lock and waits for nothing else, as does `spent` where the database
///   is shared; otherwise that reads a file beside whoever writes it. Everything else waits for a disk or the network.
package final class UsageLedger: Sendable {
    let journal: UsageJournal
    private let store: any LedgerStore
    private let unixSeconds: @Sendable () -> Int64
    private let refusals: RefusedUsage
    private let dropped = Atomic<UInt64>(0)
    /// Whether somebody is about to write because the journal is filling.
    private let isWoken = Atomic<Bool>(false)
    /// Held by whoever moves slots, and by whoever asks a database that is asked by one at a time; whoever records a
    /// call has nothing to do with it.
    private let turn = Mutex(())
    private let spending = Mutex(SharedSpending())
    /// Where the database is written to, and where others wait for reports.
    private let writer = DispatchQueue(label: "apus-ledger")
    private let reader = DispatchQueue(label: "apus-ledger-reports")

    /// The most rows of a report: about as many as an answer of gRPC's usual 4 MiB holds.
    package static let rowCountMax = 20_000

    /// Opens the ledger in the file of SQLite at `path`, or makes it, and takes over what an earlier process left in
    /// the journal beside it.
    ///
    /// - Throws: `LedgerError` when a file cannot be had or is another process's.
    package convenience init(path: String, unixSeconds: @escaping @Sendable () -> Int64) throws(LedgerError) {
        // First the journal: its lock keeps a second process away from both.
        let journal = try UsageJournal(path: "\(path).journal")
        let store = try SQLiteStore(path: path)
        // After the end of the machine, or with an old copy of the journal, the file may have taken larger ids.
        journal.raiseLastID(to: try store.watermark(of: journal.identity))
        self.init(journal, store, refusedPath: "\(path).refused", unixSeconds: unixSeconds)
        try write()
    }

    /// A ledger in PostgreSQL, which need not be there yet.
    ///
    /// - Parameters:
    ///   - location: of the database.
    ///   - path: of the journal, a file of this server alone.
    ///   - unixSeconds: seconds since 1970.
    /// - Throws: `LedgerError` when the journal cannot be had or is another process's.
    package convenience init(
        postgres location: PostgresLocation, journal path: String, unixSeconds: @escaping @Sendable () -> Int64
    ) throws(LedgerError) {
        let journal = try UsageJournal(path: path)
        self.init(journal, PostgresStore(location), refusedPath: "\(path).refused", unixSeconds: unixSeconds)
    }

    init(
        _ journal: UsageJournal, _ store: any LedgerStore, refusedPath: String,
        unixSeconds: @escaping @Sendable () -> Int64
    ) {
        self.journal = journal
        self.store = store
        self.unixSeconds = unixSeconds
        refusals = RefusedUsage(path: refusedPath)
    }

    /// Where the database is, for people.
    package var place: String { store.place }

    /// Whether other servers add to it, so that budgets have to hear of what they do.
    package var isShared: Bool { store.isShared }

    /// Calls whose usage could not be recorded: every slot of the journal was in use and the database could not be
    /// written, or not fast enough.
    package var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    /// Slots that an earlier process left in the journal and the disk has spoiled.
    package var damagedCount: Int { journal.damagedCount }

    /// What the database would not have, since this was asked last; it stands in the file that each names.
    package func takeRefusals() -> [LedgerError] { refusals.take() }

    /// Records what a call has used, for the present hour; `model` is nil when it named none there is.
    package func record(_ consumption: Consumption, of tenant: TenantID, model: ModelName?) {
        let key = LedgerKey(hour: LedgerKey.hour(around: unixSeconds()), tenant: tenant, model: model)
        switch journal.add(consumption.clamped, to: key) {
        case .added: break
        case .addedToLast: wake()
        case .full:
            dropped.add(1, ordering: .relaxed)
            wake()
        }
    }

    /// Has the journal moved before its time, by a thread that may wait.
    private func wake() {
        guard !isWoken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        writer.async { [self] in
            // Stays woken when it fails: who writes again and again will say so, and end it.
            do { try write() } catch {}
        }
    }

    /// Moves everything that is recorded to the database.
    ///
    /// - Throws: `LedgerError`; everything stays in the journal then.
    package func write() throws(LedgerError) {
        try turn.withLock { _ throws(LedgerError) in try move() }
        isWoken.store(false, ordering: .releasing)
    }

    /// What a tenant has used in a period of whole hours, in seconds since 1970, what is not written yet included.
    ///
    /// Nobody who moves slots meanwhile is waited for: what the database says, and up to which id it has them, tells
    /// which of the journal's slots are not in it.
    ///
    /// - Throws: `LedgerError` when the database cannot be read.
    package func consumption(of tenant: TenantID, in period: Range<Int64>) throws(LedgerError) -> Consumption {
        let rows = journal.rows(of: tenant, in: period)
        var (sum, watermark) = try asking { try reading { try store.sum(of: tenant, in: period, journal.identity) } }
        for row in rows where row.id > watermark { sum.add(row.consumption) }
        return sum
    }

    /// What tenants have used from one moment to another, by hours that begin in that time.
    ///
    /// - Parameters:
    ///   - tenant: nil for all.
    ///   - period: in seconds since 1970.
    ///   - grouping: what is told apart beside tenants.
    /// - Returns: ordered by tenant, model and hour; one row more than `rowCountMax` where there are more.
    /// - Throws: `LedgerError` when the database cannot be written or read.
    package func report(
        of tenant: TenantID? = nil, in period: Range<Int64>, by grouping: UsageGrouping = []
    ) throws(LedgerError) -> [UsageRow] {
        try write()
        return try rows(of: tenant.map { [$0] }, in: period, by: grouping, countMax: Self.rowCountMax + 1)
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
            for row in journal.rows(of: tenant, in: period) { here.add(row.consumption.amounts) }
            return SpentAmounts(here: here, elsewhere: spending.elsewhere(of: tenant, in: period))
        }
    }

    /// Asks for what this server may spend of budgets, of those that `gate` finds due; to be called again and again
    /// where the database is shared.
    ///
    /// - Parameters:
    ///   - gate: says what it needs, and spends what it is given.
    ///   - isLast: whether the server ends and gives back what it can.
    /// - Throws: `LedgerError` when the database does not answer; what `gate` wanted to give back stays set aside then.
    package func renewAdvances(of gate: TenantGate, isLast: Bool = false) throws(LedgerError) {
        guard let store = store as? any AdvancingStore else { return }
        let budgets = gate.advancesDue(isLast: isLast)
        guard !budgets.isEmpty else { return }
        spending.withLock { spending in for budget in budgets { spending.watch(budget.tenant) } }
        // Nothing is moved meanwhile: what was moved before is in the ceiling of what is given.
        try turn.withLock { _ throws(LedgerError) in
            let requests = gate.advanceRequests(budgets, isLast: isLast) { budget in
                let moved = spending.withLock { $0.moved(of: budget.tenant, in: budget.period) }
                let unmoved = journal.rows(of: budget.tenant, in: budget.period).reduce(into: MeteredAmounts()) {
                    $0.add($1.consumption.amounts)
                }
                return RecordedAmounts(moved: moved, unmoved: unmoved)
            }
            gate.setAdvances(try asking { try store.advance(requests, of: journal.identity) })
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
                let rows = try asking {
                    try store.rows(of: tenants, in: period, by: [], countMax: tenants.count)
                }
                for row in rows { totals[row.tenant] = row.consumption.amounts }
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

    /// Does something that waits for the database, on a thread that may wait, and that no report keeps busy.
    package func perform<Value: Sendable>(
        _ body: @escaping @Sendable (UsageLedger) throws(LedgerError) -> Value
    ) async throws(LedgerError) -> Value {
        try await perform(on: writer, body)
    }

    /// As `perform`, for reports: one after the other, and none of them in the way of the writer.
    package func performReading<Value: Sendable>(
        _ body: @escaping @Sendable (UsageLedger) throws(LedgerError) -> Value
    ) async throws(LedgerError) -> Value {
        try await perform(on: reader, body)
    }

    private func perform<Value: Sendable>(
        on queue: DispatchQueue, _ body: @escaping @Sendable (UsageLedger) throws(LedgerError) -> Value
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

    /// Adds slots to the database, in the order of their ids.
    private func add(_ rows: [UsageJournal.Row]) throws(LedgerError) {
        guard !rows.isEmpty else { return }
        // Before the database remembers that it has them.
        try journal.synchronize()
        do {
            try asking { try store.add(rows, of: journal.identity) }
        } catch let error where error.isRefusal {
            // One of them is at fault, and must not keep the others out.
            for row in rows { try addAlone(row) }
            return
        }
        didMove(rows)
    }

    private func addAlone(_ row: UsageJournal.Row) throws(LedgerError) {
        do {
            try asking { try store.add([row], of: journal.identity) }
            didMove([row])
        } catch let error where error.isRefusal {
            try refusals.keep(row, of: journal.identity, error)
            journal.release([row])
        }
    }

    private func didMove(_ rows: [UsageJournal.Row]) {
        // Under one lock: nobody counts a slot both as moved and as being in the journal, or as neither.
        spending.withLock { spending in
            spending.didMove(rows)
            journal.release(rows)
        }
    }

    private func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, countMax: Int
    ) throws(LedgerError) -> [UsageRow] {
        try asking { try reading { try store.rows(of: tenants, in: period, by: grouping, countMax: countMax) } }
    }

    /// Under `turn` where the store is used by one thread at a time.
    private func reading<Value>(_ body: () throws -> Value) throws -> Value {
        guard isShared else { return try body() }
        return try turn.withLock { _ in try body() }
    }

    private func asking<Value>(_ body: () throws -> Value) throws(LedgerError) -> Value {
        do {
            return try body()
        } catch let error as LedgerRefusal {
            throw LedgerError(place: place, problem: error.description, isRefusal: true)
        } catch {
            throw LedgerError(place: place, problem: "\(error)")
        }
    }
}
