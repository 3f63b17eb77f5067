import GRDB
import Tenancy
import Vocabulary

/// The tables of the ledger, and what is read from and written to them.
///
/// `usage` may be read by anybody with the tools of SQLite, also while the server runs.
enum LedgerSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: usage by hour, tenant and model") { database in
            try database.execute(
                sql: """
                    CREATE TABLE usage (
                        hour INTEGER NOT NULL,
                        tenant TEXT NOT NULL,
                        model TEXT NOT NULL,
                        \(columns.map { "\($0) INTEGER NOT NULL" }.joined(separator: ",\n    ")),
                        PRIMARY KEY (hour, tenant, model)
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX usage_by_tenant ON usage (tenant, hour);
                    -- The slots of the journal that are in `usage` already and may not have been freed.
                    CREATE TABLE moved (id INTEGER PRIMARY KEY) STRICT;
                    """)
        }
        migrator.registerMigration("2: one watermark for each journal") { database in
            // What was moved last has larger ids than all before it, so the largest says as much as all of them. Which
            // journal it was of was not kept: that of the file beside the database, until another comes.
            try database.execute(
                sql: """
                    CREATE TABLE moved_up_to (journal TEXT PRIMARY KEY, id INTEGER NOT NULL) STRICT;
                    INSERT INTO moved_up_to SELECT '', max(id) FROM moved HAVING count(*) > 0;
                    DROP TABLE moved;
                    """)
        }
        return migrator
    }

    private static let columns = LedgerColumns.names

    /// The id up to which the slots of a journal are in `usage`.
    static func watermark(of journal: JournalIdentity, in database: Database) throws -> UInt64 {
        let id = try Int64.fetchOne(
            database, sql: "SELECT max(id) FROM moved_up_to WHERE journal IN (?, '')", arguments: [journal.description])
        return UInt64(clamping: id ?? 0)
    }

    static func setWatermark(of journal: JournalIdentity, to id: UInt64, in database: Database) throws {
        try database.execute(
            sql: """
                DELETE FROM moved_up_to WHERE journal = '';
                INSERT INTO moved_up_to VALUES (?, ?) ON CONFLICT DO UPDATE SET id = excluded.id
                """, arguments: [journal.description, Int64(clamping: id)])
    }

    /// Adds slots to the table; a sum stays at the end of its range, because one that went beyond it would be refused.
    static func add(_ rows: [UsageJournal.Row], to database: Database) throws {
        let names = columns.joined(separator: ", ")
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        let sums = columns.map {
            "\($0) = CASE WHEN \($0) > \(Int64.max) - excluded.\($0) THEN \(Int64.max) ELSE \($0) + excluded.\($0) END"
        }
        let add = try database.makeStatement(
            sql: """
                INSERT INTO usage (hour, tenant, model, \(names)) VALUES (?, ?, ?, \(places))
                ON CONFLICT DO UPDATE SET \(sums.joined(separator: ", "))
                """)
        for row in rows {
            var arguments: StatementArguments = [row.key.hour, row.key.tenant.name, row.key.modelText]
            arguments += StatementArguments(
                JournalSlot.counts.map { Int64(clamping: row.consumption[keyPath: $0]) })
            try add.execute(arguments: arguments)
        }
    }

    /// A sum in two halves, because SQLite refuses to give one that is beyond its range.
    private static func halves(_ column: String) -> String { "sum(\(column) >> 32), sum(\(column) & 4294967295)" }

    private static func sum(_ high: Int64, _ low: Int64) -> UInt64 {
        let carried = max(0, high) + max(0, low) >> 32
        return carried >= 1 << 31 ? UInt64(Int64.max) : UInt64(carried) << 32 | UInt64(low & 0xffff_ffff)
    }

    static func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, countMax: Int,
        from database: Database
    ) throws -> [UsageRow] {
        let keys = LedgerColumns.keys(grouping)
        let list = keys.joined(separator: ", ")
        let sums = columns.map(halves).joined(separator: ", ")
        let places = (tenants ?? []).map { _ in "?" }.joined(separator: ", ")
        var arguments: StatementArguments = [period.lowerBound, period.upperBound]
        arguments += StatementArguments((tenants ?? []).map(\.name))
        arguments += [countMax]
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT \(list), \(sums) FROM usage
                WHERE hour >= ? AND hour < ? \(tenants == nil ? "" : "AND tenant IN (\(places))")
                GROUP BY \(list) ORDER BY \(list) LIMIT ?
                """, arguments: arguments)
        return rows.compactMap { row in
            guard let name: String = row["tenant"], let tenant = TenantID(name) else { return nil }
            var consumption = Consumption()
            for (index, count) in JournalSlot.counts.enumerated() {
                consumption[keyPath: count] = sum(row[keys.count + 2 * index], row[keys.count + 2 * index + 1])
            }
            return UsageRow(
                tenant: tenant, model: grouping.contains(.models) ? row["model"] : nil,
                hour: grouping.contains(.hours) ? row["hour"] : nil, consumption: consumption)
        }
    }
}
