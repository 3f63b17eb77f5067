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
        return migrator
    }

    private static let columns = LedgerColumns.names

    /// Adds slots to the table, each of them once however often it is given.
    static func insert(_ rows: [UsageJournal.Row], into database: Database) throws {
        // Whatever was moved before these slots were sealed has been freed, and its id is never used again.
        let ids = rows.map { String($0.id) }.joined(separator: ", ")
        try database.execute(sql: "DELETE FROM moved WHERE id NOT IN (\(ids))")
        let note = try database.makeStatement(sql: "INSERT OR IGNORE INTO moved (id) VALUES (?)")
        let names = columns.joined(separator: ", ")
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        let sums = columns.map { "\($0) = \($0) + excluded.\($0)" }.joined(separator: ", ")
        let add = try database.makeStatement(
            sql: """
                INSERT INTO usage (hour, tenant, model, \(names)) VALUES (?, ?, ?, \(places))
                ON CONFLICT DO UPDATE SET \(sums)
                """)
        for row in rows {
            try note.execute(arguments: [Int64(bitPattern: row.id)])
            guard database.changesCount == 1, let key = row.key else { continue }
            var arguments: StatementArguments = [key.hour, key.tenant.name, key.model]
            arguments += StatementArguments(
                JournalSlot.counts.map { Int64(clamping: row.consumption[keyPath: $0]) })
            try add.execute(arguments: arguments)
        }
    }

    static func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, from database: Database
    ) throws -> [UsageRow] {
        let keys = LedgerColumns.keys(grouping)
        let list = keys.joined(separator: ", ")
        let sums = columns.map { "sum(\($0))" }.joined(separator: ", ")
        let places = (tenants ?? []).map { _ in "?" }.joined(separator: ", ")
        var arguments: StatementArguments = [period.lowerBound, period.upperBound]
        arguments += StatementArguments((tenants ?? []).map(\.name))
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT \(list), \(sums) FROM usage
                WHERE hour >= ? AND hour < ? \(tenants == nil ? "" : "AND tenant IN (\(places))")
                GROUP BY \(list) ORDER BY \(list)
                """, arguments: arguments)
        return rows.compactMap { row in
            guard let name: String = row["tenant"], let tenant = TenantID(name) else { return nil }
            var consumption = Consumption()
            for (index, count) in JournalSlot.counts.enumerated() {
                consumption[keyPath: count] = UInt64(clamping: row[keys.count + index] as Int64)
            }
            return UsageRow(
                tenant: tenant, model: grouping.contains(.models) ? row["model"] : nil,
                hour: grouping.contains(.hours) ? row["hour"] : nil, consumption: consumption)
        }
    }
}
