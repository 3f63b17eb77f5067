import GRDB
import Tenancy
import Vocabulary

/// A ledger in a file of SQLite, beside its journal.
///
/// - Isolation: any thread; reading waits for nobody, because the file has a log beside it (WAL).
final class SQLiteStore: LedgerStore {
    /// The file.
    let place: String
    let isShared = false
    private let database: DatabasePool

    /// - Throws: `LedgerError` when the file cannot be had or is no database.
    init(path: String) throws(LedgerError) {
        place = path
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            database = try DatabasePool(path: path, configuration: configuration)
            // A commit outlives the machine's end.
            try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try LedgerSchema.migrator.migrate(database)
        } catch {
            throw LedgerError(place: path, problem: "\(error)")
        }
    }

    /// A file that was opened is there.
    func check() {}

    private struct Transaction: LedgerTransaction {
        let database: Database

        func watermark(of journal: JournalIdentity) throws -> UInt64 {
            try LedgerSchema.watermark(of: journal, in: database)
        }

        func setWatermark(of journal: JournalIdentity, to id: UInt64) throws {
            try LedgerSchema.setWatermark(of: journal, to: id, in: database)
        }

        func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) throws {
            do {
                try LedgerSchema.add(rows, to: database)
            } catch let error as DatabaseError where Self.refusals.contains(error.resultCode) {
                throw LedgerRefusal(description: "\(error)")
            }
        }

        /// What is wrong with a row and not with the file.
        private static let refusals: [ResultCode] = [.SQLITE_CONSTRAINT, .SQLITE_MISMATCH, .SQLITE_TOOBIG]
    }

    func transaction(_ body: (any LedgerTransaction) throws -> Void) throws {
        try database.write { try body(Transaction(database: $0)) }
    }

    func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, countMax: Int
    ) throws -> [UsageRow] {
        try database.read {
            try LedgerSchema.rows(of: tenants, in: period, by: grouping, countMax: countMax, from: $0)
        }
    }

    func sum(
        of tenant: TenantID, in period: Range<Int64>, _ journal: JournalIdentity
    ) throws -> (Consumption, UInt64) {
        // One look at the file: sum and watermark belong together.
        try database.read { database in
            let rows = try LedgerSchema.rows(of: [tenant], in: period, by: [], countMax: 1, from: database)
            return (rows.first?.consumption ?? Consumption(), try LedgerSchema.watermark(of: journal, in: database))
        }
    }

    /// The id up to which the file has the slots of a journal.
    func watermark(of journal: JournalIdentity) throws(LedgerError) -> UInt64 {
        do {
            return try database.read { try LedgerSchema.watermark(of: journal, in: $0) }
        } catch {
            throw LedgerError(place: place, problem: "\(error)")
        }
    }
}
