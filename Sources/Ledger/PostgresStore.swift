import Tenancy
import Vocabulary

/// A ledger in PostgreSQL that several servers add to.
///
/// Whoever finds the connection broken, or cannot make one, throws; the next one tries anew.
final class PostgresStore: AdvancingStore, @unchecked Sendable {
    // @unchecked: the connection is used by whoever has the turn of the `UsageLedger`, which is one thread at a time.
    let place: String
    let isShared = true
    private let location: PostgresLocation
    private var connection: PostgresConnection?
    private var sweptAt: MonotonicTime?

    private static let sweepNanoseconds: UInt64 = 3_600_000_000_000
    /// Any number that nobody else takes for a lock of the database: "apus" in ASCII.
    private static let lockNumber = 0x6170_7573
    private static let version = 3

    init(_ location: PostgresLocation) {
        self.location = location
        place = location.description
    }

    func check() throws { try connected { _ = try $0.run("SELECT 1") } }

    func advance(_ requests: [AdvanceRequest], of journal: JournalIdentity) throws -> [AdvanceGrant] {
        try sweep()
        return try transacted { transaction in
            // An earlier attempt whose answer was lost is over when this has the row of the journal.
            _ = try transaction.watermark(of: journal)
            return try PostgresAdvances(connection: transaction.connection, journal: journal).answer(requests)
        }
    }

    /// Now and then.
    private func sweep() throws {
        let now = SystemClock().now()
        guard sweptAt.map({ now.nanoseconds(since: $0) >= Self.sweepNanoseconds }) ?? true else { return }
        try connected { _ = try $0.run(PostgresAdvances.sweeping) }
        sweptAt = now
    }

    private struct Transaction: LedgerTransaction {
        let connection: PostgresConnection

        func watermark(of journal: JournalIdentity) throws -> UInt64 {
            // A row that is there can be locked: whoever gives the slots again, after a commit whose answer was lost,
            // waits until that is decided.
            try connection.run(
                "INSERT INTO apus_usage_moved_up_to VALUES ($1, 0) ON CONFLICT DO NOTHING", [journal.description])
            let rows = try connection.run(
                "SELECT id FROM apus_usage_moved_up_to WHERE journal = $1 FOR UPDATE", [journal.description])
            return rows.first?.first?.flatMap(UInt64.init) ?? 0
        }

        func setWatermark(of journal: JournalIdentity, to id: UInt64) throws {
            try connection.run(
                "UPDATE apus_usage_moved_up_to SET id = $2::bigint WHERE journal = $1",
                [journal.description, String(id)])
        }

        func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) throws {
            let counts = JournalSlot.counts.map { count in
                PostgresStore.array(rows.map { String(Int64(clamping: $0.consumption[keyPath: count])) })
            }
            do {
                try connection.run(
                    PostgresStore.insertion,
                    [
                        PostgresStore.array(rows.map { String($0.key.hour) }),
                        PostgresStore.array(rows.map(\.key.tenant.name)),
                        PostgresStore.array(rows.map(\.key.modelText)),
                    ] + counts)
                try connection.run(PostgresAdvances.spending, PostgresAdvances.arguments(rows, of: journal))
            } catch {
                // Data exception, integrity constraint violation: what is wrong with a row and not with the server.
                guard let state = error.state, state.hasPrefix("22") || state.hasPrefix("23") else { throw error }
                throw LedgerRefusal(description: error.description)
            }
        }
    }

    func transaction(_ body: (any LedgerTransaction) throws -> Void) throws { try transacted { try body($0) } }

    private func transacted<Value>(_ body: (Transaction) throws -> Value) throws -> Value {
        try connected { connection in
            // The commit is a message of its own, sent when the slots are in: a server that wakes up long after we have
            // given up finds no commit, or holds the row of `apus_usage_moved_up_to` for whoever gives the slots again.
            // Whatever the database's default is: who has waited for a lock sees what it was waited for.
            try connection.run("BEGIN ISOLATION LEVEL READ COMMITTED")
            let value = try body(Transaction(connection: connection))
            try connection.run("COMMIT")
            return value
        }
    }

    func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, countMax: Int
    ) throws -> [UsageRow] {
        try connected { try Self.rows(of: tenants, in: period, by: grouping, countMax: countMax, on: $0) }
    }

    func sum(of tenant: TenantID, in period: Range<Int64>, _ journal: JournalIdentity) throws -> (Consumption, UInt64) {
        try connected { connection in
            // One look at the database: sum and watermark belong together.
            try connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            let rows = try Self.rows(of: [tenant], in: period, by: [], countMax: 1, on: connection)
            let ids = try connection.run(
                "SELECT id FROM apus_usage_moved_up_to WHERE journal = $1", [journal.description])
            try connection.run("COMMIT")
            return (rows.first?.consumption ?? Consumption(), ids.first?.first?.flatMap(UInt64.init) ?? 0)
        }
    }

    private static func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, countMax: Int,
        on connection: PostgresConnection
    ) throws -> [UsageRow] {
        let keys = LedgerColumns.keys(grouping)
        let list = keys.map { $0 == "hour" ? $0 : "\($0) COLLATE \"C\"" }.joined(separator: ", ")
        let sums = LedgerColumns.names.map { inRange("sum(\($0))") }.joined(separator: ", ")
        var arguments = [String(period.lowerBound), String(period.upperBound)]
        if let tenants { arguments.append(array(tenants.map(\.name))) }
        let rows = try connection.run(
            """
            SELECT \(keys.joined(separator: ", ")), \(sums) FROM apus_usage
            WHERE hour >= $1::bigint AND hour < $2::bigint \(tenants == nil ? "" : "AND tenant = ANY ($3::text[])")
            GROUP BY \(keys.joined(separator: ", ")) ORDER BY \(list) LIMIT \(countMax)
            """, arguments)
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

    /// A sum, or the end of the range of a bigint instead of one beyond it, which would be refused.
    private static func inRange(_ sum: String) -> String { "least(\(sum), \(Int64.max))::bigint" }

    /// Two slots may have the same key, and servers that took rows in different orders would wait for each other.
    private static let insertion: String = {
        let names = LedgerColumns.names
        let places = names.indices.map { "$\($0 + 4)::bigint[]" }.joined(separator: ", ")
        let sums = names.map { "\($0) = " + inRange("apus_usage.\($0)::numeric + excluded.\($0)") }
        return """
            INSERT INTO apus_usage (hour, tenant, model, \(names.joined(separator: ", ")))
            SELECT hour, tenant, model, \(names.map { inRange("sum(\($0))") }.joined(separator: ", "))
            FROM unnest($1::bigint[], $2::text[], $3::text[], \(places))
            AS slot (hour, tenant, model, \(names.joined(separator: ", ")))
            GROUP BY hour, tenant, model ORDER BY hour, tenant, model
            ON CONFLICT (hour, tenant, model) DO UPDATE SET \(sums.joined(separator: ", "))
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
        let text = try connection.run("SELECT version FROM apus_usage_version").first?.first.flatMap { $0 }
        let migrations = ["1": Self.fromVersion1 + Self.fromVersion2, "2": Self.fromVersion2]
        for statement in text.flatMap({ migrations[$0] }) ?? [] { try connection.run(statement) }
        guard let text, migrations[text] != nil || text == String(Self.version) else {
            throw PostgresError(
                description: "the tables are of version \(text ?? "none"), this server knows \(Self.version)")
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
        watermarks, PostgresAdvances.table, "CREATE TABLE apus_usage_version (version integer NOT NULL)",
        "INSERT INTO apus_usage_version VALUES (\(version))",
    ]

    /// Up to which id the slots of each journal are in `apus_usage`.
    private static let watermarks =
        "CREATE TABLE apus_usage_moved_up_to (journal text PRIMARY KEY, id bigint NOT NULL)"

    /// What was moved last has larger ids than all before it, so the largest says as much as all of them.
    ///
    /// Servers of the version before keep their usage in their journals from then on, until they are replaced.
    private static let fromVersion1 = [
        watermarks,
        "INSERT INTO apus_usage_moved_up_to SELECT journal, max(id) FROM apus_usage_moved GROUP BY journal",
        "DROP TABLE apus_usage_moved",
    ]

    /// Servers of the version before go on, and spend budgets without advances until they are replaced.
    private static let fromVersion2 = [
        PostgresAdvances.table, "UPDATE apus_usage_version SET version = \(version)",
    ]

    /// An array in PostgreSQL's own writing.
    static func array(_ elements: [String?]) -> String {
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
