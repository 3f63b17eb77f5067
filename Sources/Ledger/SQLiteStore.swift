import GRDB
import Tenancy
import Vocabulary

/// A ledger in a file of SQLite, beside its journal.
final class SQLiteStore: LedgerStore {
    /// The file.
    let place: String
    let isShared = false
    private let database: DatabaseQueue

    /// - Throws: `LedgerError` when the file cannot be had or is no database.
    init(path: String) throws(LedgerError) {
        place = path
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
            throw LedgerError(place: path, problem: "\(error)")
        }
    }

    /// A file that was opened is there.
    func check() {}

    func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) throws {
        try database.write { try LedgerSchema.insert(rows, into: $0) }
    }

    func rows(of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping) throws -> [UsageRow] {
        try database.read { try LedgerSchema.rows(of: tenants, in: period, by: grouping, from: $0) }
    }
}
