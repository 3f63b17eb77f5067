import GRDB
import Synchronization
package import Tenancy
package import Vocabulary

/// What every tenant has used of every model, hour by hour, for as long as the file is kept.
///
/// Calls are recorded in a journal beside the database (see `UsageJournal`), from which `write` moves them, a second's
/// worth at a time. Whatever ends the process, the ledger afterwards has every call whose trailers were sent, once.
///
/// - Isolation: any thread. `record` takes a short lock; everything else waits for the disk.
package final class UsageLedger: Sendable {
    /// The file of the database.
    package let path: String
    private let journal: UsageJournal
    private let database: DatabaseQueue
    private let unixSeconds: @Sendable () -> Int64
    private let dropped = Atomic<UInt64>(0)

    /// Opens the ledger at `path`, or makes it, and takes over what an earlier process left in the journal.
    ///
    /// - Throws: `LedgerError` when a file cannot be had or is another process's.
    package init(path: String, unixSeconds: @escaping @Sendable () -> Int64) throws(LedgerError) {
        self.path = path
        self.unixSeconds = unixSeconds
        // First the journal: its lock keeps a second process away from both.
        journal = try UsageJournal(path: "\(path).journal")
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            configuration.prepareDatabase { database in
                // Readers beside us see a whole ledger at any time, and a commit outlives the machine's end.
                try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            }
            database = try DatabaseQueue(path: path, configuration: configuration)
            try LedgerSchema.migrator.migrate(database)
        } catch {
            throw LedgerError(path: path, problem: "\(error)")
        }
        try write()
    }

    /// Calls whose usage could not be recorded: every slot of the journal was in use and the database could not be
    /// written.
    package var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    /// Records what a call has used, for the present hour; `model` is empty when it named none there is.
    package func record(_ consumption: Consumption, of tenant: TenantID, model: String) {
        let key = LedgerKey(hour: LedgerKey.hour(around: unixSeconds()), tenant: tenant, model: model)
        if journal.add(consumption, to: key) { return }
        // As many keys in a second as there are slots: then the disk is waited for here.
        try? write()
        if !journal.add(consumption, to: key) { dropped.add(1, ordering: .relaxed) }
    }

    /// Moves everything that is recorded to the database.
    ///
    /// - Throws: `LedgerError`; everything stays in the journal then.
    package func write() throws(LedgerError) {
        try access { database in
            let rows = self.journal.seal()
            guard !rows.isEmpty else { return }
            try LedgerSchema.insert(rows, into: database)
            // In the queue, right after the commit: nobody can read both the database and the slots.
            database.afterNextTransaction { _ in self.journal.release(rows) }
        }
    }

    /// What a tenant has used in a period of whole hours, in seconds since 1970, what is not written yet included.
    ///
    /// - Throws: `LedgerError` when the database cannot be read.
    package func consumption(of tenant: TenantID, in period: Range<Int64>) throws(LedgerError) -> Consumption {
        try access { database in
            var sum = Consumption()
            for row in try LedgerSchema.rows(of: tenant, in: period, by: [], from: database) {
                sum.add(row.consumption)
            }
            for row in self.journal.rows() where row.key?.tenant == tenant {
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
        try write()
        return try access { try LedgerSchema.rows(of: tenant, in: period, by: grouping, from: $0) }
    }

    private func access<Value>(_ body: (Database) throws -> Value) throws(LedgerError) -> Value {
        do {
            return try database.write(body)
        } catch {
            throw LedgerError(path: path, problem: "\(error)")
        }
    }
}
