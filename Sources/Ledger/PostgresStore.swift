import Tenancy
import Vocabulary

/// A ledger in PostgreSQL that several servers add to.
///
/// Whoever finds the connection broken, or cannot make one, throws; the next one tries anew.
final class PostgresStore: LedgerStore, @unchecked Sendable {
    // @unchecked: the connection is used by whoever has the turn of the `UsageLedger`, which is one thread at a time.
    let place: String
    let isShared = true
    private let location: PostgresLocation
    private var connection: PostgresConnection?

    /// Any number that nobody else takes for a lock of the database: "apus" in ASCII.
    private static let lockNumber = 0x6170_7573
    private static let version = "1"

    init(_ location: PostgresLocation) {
        self.location = location
        place = location.description
    }

    func check() throws { try connected { _ = try $0.run("SELECT 1") } }

    func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) throws {
        let ids = Self.array(rows.map { String(Int64(bitPattern: $0.id)) })
        let counts = JournalSlot.counts.map { count in
            Self.array(rows.map { String(Int64(clamping: $0.consumption[keyPath: count])) })
        }
        try connected { connection in
            // The commit is a message of its own, sent when the slots are in: a server that wakes up long after we have
            // given up finds no commit, or holds the rows of `apus_usage_moved` for whoever gives the slots again.
            try connection.run("BEGIN")
            // Whatever was moved before these slots were sealed has been freed, and its id is never used again.
            try connection.run(
                "DELETE FROM apus_usage_moved WHERE journal = $1 AND id <> ALL ($2::bigint[])",
                [journal.description, ids])
            try connection.run(
                Self.insertion,
                [
                    journal.description, ids, Self.array(rows.map { $0.key.map { String($0.hour) } }),
                    Self.array(rows.map { $0.key?.tenant.name }), Self.array(rows.map { $0.key?.model }),
                ] + counts)
            try connection.run("COMMIT")
        }
    }

    func rows(of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping) throws -> [UsageRow] {
        let keys = LedgerColumns.keys(grouping)
        let list = keys.map { $0 == "hour" ? $0 : "\($0) COLLATE \"C\"" }.joined(separator: ", ")
        let sums = LedgerColumns.names.map { "sum(\($0))::bigint" }.joined(separator: ", ")
        var arguments = [String(period.lowerBound), String(period.upperBound)]
        if let tenants { arguments.append(Self.array(tenants.map(\.name))) }
        let rows = try connected { connection in
            try connection.run(
                """
                SELECT \(keys.joined(separator: ", ")), \(sums) FROM apus_usage
                WHERE hour >= $1::bigint AND hour < $2::bigint \(tenants == nil ? "" : "AND tenant = ANY ($3::text[])")
                GROUP BY \(keys.joined(separator: ", ")) ORDER BY \(list)
                """, arguments)
        }
        return rows.compactMap { row in
            guard row.count == keys.count + LedgerColumns.names.count, let tenant = row[0].flatMap({ TenantID($0) })
            else { return nil }
            var consumption = Consumption()
            for (index, count) in JournalSlot.counts.enumerated() {
                consumption[keyPath: count] = row[keys.count + index].flatMap(UInt64.init) ?? 0
            }
            return UsageRow(
                tenant: tenant, model: keys.firstIndex(of: "model").flatMap { row[$0] },
                hour: keys.firstIndex(of: "hour").flatMap { row[$0].flatMap(Int64.init) }, consumption: consumption)
        }
    }

    /// Two slots may have the same key, and servers that took rows in different orders would wait for each other.
    private static let insertion: String = {
        let names = LedgerColumns.names
        let places = names.indices.map { "$\($0 + 6)::bigint[]" }.joined(separator: ", ")
        return """
            WITH fresh AS (
                INSERT INTO apus_usage_moved (journal, id) SELECT $1, unnest($2::bigint[])
                ON CONFLICT DO NOTHING RETURNING id
            ), slots AS (
                SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], \(places))
                AS slot (id, hour, tenant, model, \(names.joined(separator: ", ")))
            )
            INSERT INTO apus_usage (hour, tenant, model, \(names.joined(separator: ", ")))
            SELECT hour, tenant, model, \(names.map { "sum(\($0))::bigint" }.joined(separator: ", "))
            FROM slots JOIN fresh USING (id) WHERE hour IS NOT NULL
            GROUP BY hour, tenant, model ORDER BY hour, tenant, model
            ON CONFLICT (hour, tenant, model) DO UPDATE SET
            \(names.map { "\($0) = apus_usage.\($0) + excluded.\($0)" }.joined(separator: ", "))
            """
    }()

    // MARK: Connecting

    private func connected<Value>(_ body: (PostgresConnection) throws -> Value) throws -> Value {
        let connection = try connection ?? connect()
        // Until `body` has succeeded it is not known in which state the connection is.
        self.connection = nil
        let value = try body(connection)
        self.connection = connection
        return value
    }

    private func connect() throws -> PostgresConnection {
        let connection = try PostgresConnection(location.parameters)
        try connection.run("BEGIN")
        // Servers that start together make the tables once.
        try connection.run("SELECT pg_advisory_xact_lock(\(Self.lockNumber))")
        // Looked at first: who may use the tables need not be allowed to make some.
        if try connection.run("SELECT to_regclass('apus_usage_version')").first?.first.flatMap({ $0 }) == nil {
            for statement in Self.schema { try connection.run(statement) }
        }
        let version = try connection.run("SELECT version FROM apus_usage_version").first?.first.flatMap { $0 }
        guard version == Self.version else {
            throw PostgresError(
                description: "the tables are of version \(version ?? "none"), this server knows \(Self.version)")
        }
        try connection.run("COMMIT")
        return connection
    }

    private static let schema = [
        """
        CREATE TABLE apus_usage (
            hour bigint NOT NULL,
            tenant text NOT NULL,
            model text NOT NULL,
            \(LedgerColumns.names.map { "\($0) bigint NOT NULL" }.joined(separator: ",\n    ")),
            PRIMARY KEY (hour, tenant, model)
        )
        """, "CREATE INDEX apus_usage_by_tenant ON apus_usage (tenant, hour)",
        // The slots of each journal that are in `apus_usage` already and may not have been freed.
        "CREATE TABLE apus_usage_moved (journal text NOT NULL, id bigint NOT NULL, PRIMARY KEY (journal, id))",
        "CREATE TABLE apus_usage_version (version integer NOT NULL)",
        "INSERT INTO apus_usage_version VALUES (\(version))",
    ]

    /// An array in PostgreSQL's own writing.
    private static func array(_ elements: [String?]) -> String {
        let written = elements.map { element in
            guard let element else { return "NULL" }
            var text = "\""
            for scalar in element.unicodeScalars {
                // Text of PostgreSQL has no NUL.
                if scalar == "\0" {
                    text += "\u{FFFD}"
                } else {
                    text.unicodeScalars.append(contentsOf: escaped(scalar))
                }
            }
            return text + "\""
        }
        return "{" + written.joined(separator: ",") + "}"
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        scalar == "\"" || scalar == "\\" ? ["\\", scalar] : [scalar]
    }
}
