import Tenancy
import Vocabulary

/// What PostgreSQL sets aside of budgets for each server, in one of its transactions.
///
/// The row of a server shrinks by what it has spent in the transaction that adds that to `apus_usage`, so that both
/// together say at any time what is gone; one statement reads both.
struct PostgresAdvances {
    let connection: PostgresConnection
    /// Of the server that asks.
    let journal: JournalIdentity

    static let table = """
        CREATE TABLE apus_budget_advance (
            tenant text NOT NULL,
            begins bigint NOT NULL,
            ends bigint NOT NULL,
            journal text NOT NULL,
            renewed timestamptz NOT NULL,
            \(names.map { "\($0) bigint NOT NULL" }.joined(separator: ",\n    ")),
            PRIMARY KEY (tenant, begins, ends, journal)
        )
        """

    private static let names = MeteredUnit.allCases.map(\.rawValue)
    /// Each unit, of the columns of `apus_usage`.
    private static let sums = MeteredUnit.allCases.map { unit in
        let sum = unit == .tokens ? "sum(prompt_tokens::numeric + generated_tokens)" : "sum(\(unit.rawValue))"
        return "coalesce(\(sum), 0) AS \(unit.rawValue)"
    }.joined(separator: ", ")

    private static let isAlive = "renewed > now() - interval '\(BudgetAdvance.lifeSeconds) seconds'"

    func answer(_ requests: [AdvanceRequest]) throws(PostgresError) -> [AdvanceGrant] {
        let budgets = [
            PostgresStore.array(requests.map(\.budget.tenant.name)),
            PostgresStore.array(requests.map { String($0.budget.period.lowerBound) }),
            PostgresStore.array(requests.map { String($0.budget.period.upperBound) }),
        ]
        // By itself: the next statement sees what those have committed who had the locks before. In one order, so that
        // no two servers wait for each other.
        try connection.run(
            """
            SELECT pg_advisory_xact_lock(key) FROM (
                SELECT DISTINCT hashtextextended(tenant || ' ' || begins || ' ' || ends, 0) AS key
                FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS budget (tenant, begins, ends) ORDER BY key
            ) AS keys
            """, budgets)
        let rows = try connection.run(Self.standings, budgets + [journal.description])
        guard rows.count == requests.count else {
            throw PostgresError(description: "\(rows.count) of \(requests.count) budgets were found")
        }
        let grants = zip(requests, rows).map { request, row in request.answer(Self.standing(row)) }
        let amounts = MeteredUnit.allCases.map { unit in
            PostgresStore.array(grants.map { String(Int64(clamping: $0.advance[unit])) })
        }
        try connection.run(Self.setting, budgets + [journal.description] + amounts)
        return grants
    }

    private static func standing(_ row: [String?]) -> BudgetStanding {
        func amounts(_ place: Int) -> MeteredAmounts? {
            var amounts = MeteredAmounts()
            for (index, unit) in MeteredUnit.allCases.enumerated() {
                guard let count = row[place * names.count + index].flatMap(UInt64.init) else { return nil }
                amounts[unit] = count
            }
            return amounts
        }
        return BudgetStanding(
            spent: amounts(0) ?? MeteredAmounts(), advancedElsewhere: amounts(1) ?? MeteredAmounts(),
            advanced: amounts(2))
    }

    private static func inRange(_ table: String) -> String {
        names.map { "least(\(table).\($0), \(Int64.max))::bigint" }.joined(separator: ", ")
    }

    private static let standings = """
        SELECT \(inRange("used")), \(inRange("others")), \(names.map { "own.\($0)" }.joined(separator: ", "))
        FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS budget (tenant, begins, ends, place)
        CROSS JOIN LATERAL (
            SELECT \(sums) FROM apus_usage
            WHERE tenant = budget.tenant AND hour >= budget.begins AND hour < budget.ends
        ) AS used
        CROSS JOIN LATERAL (
            SELECT \(names.map { "coalesce(sum(\($0)), 0) AS \($0)" }.joined(separator: ", ")) FROM apus_budget_advance
            WHERE tenant = budget.tenant AND begins = budget.begins AND ends = budget.ends
            AND journal <> $4 AND \(isAlive)
        ) AS others
        LEFT JOIN apus_budget_advance AS own ON own.tenant = budget.tenant AND own.begins = budget.begins
        AND own.ends = budget.ends AND own.journal = $4 AND own.\(isAlive)
        ORDER BY budget.place
        """

    private static let setting = """
        INSERT INTO apus_budget_advance (tenant, begins, ends, journal, renewed, \(names.joined(separator: ", ")))
        SELECT tenant, begins, ends, $4, now(), \(names.joined(separator: ", "))
        FROM unnest($1::text[], $2::bigint[], $3::bigint[], \(places(from: 5)))
        AS budget (tenant, begins, ends, \(names.joined(separator: ", ")))
        ON CONFLICT (tenant, begins, ends, journal) DO UPDATE SET renewed = excluded.renewed,
        \(names.map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
        """

    private static func places(from first: Int) -> String {
        names.indices.map { "$\(first + $0)::bigint[]" }.joined(separator: ", ")
    }

    // MARK: Spending

    /// Takes what was spent out of what was set aside for it.
    static let spending = """
        UPDATE apus_budget_advance AS advance
        SET \(names.map { "\($0) = greatest(advance.\($0) - used.\($0), 0)::bigint" }.joined(separator: ", "))
        FROM (
            SELECT budget.tenant, budget.begins, budget.ends,
            \(names.map { "sum(slot.\($0)) AS \($0)" }.joined(separator: ", "))
            FROM unnest($2::bigint[], $3::text[], \(places(from: 4)))
            AS slot (hour, tenant, \(names.joined(separator: ", ")))
            JOIN apus_budget_advance AS budget ON budget.journal = $1 AND budget.tenant = slot.tenant
            AND slot.hour >= budget.begins AND slot.hour < budget.ends
            GROUP BY budget.tenant, budget.begins, budget.ends
        ) AS used
        WHERE advance.journal = $1 AND advance.tenant = used.tenant AND advance.begins = used.begins
        AND advance.ends = used.ends
        """

    static func arguments(_ rows: [UsageJournal.Row], of journal: JournalIdentity) -> [String] {
        let amounts = rows.map(\.consumption.amounts)
        return [
            journal.description, PostgresStore.array(rows.map { String($0.key.hour) }),
            PostgresStore.array(rows.map(\.key.tenant.name)),
        ]
            + MeteredUnit.allCases.map { unit in
                PostgresStore.array(amounts.map { String(Int64(clamping: $0[unit])) })
            }
    }

    /// Forgets what servers had that are gone, and periods that are over.
    ///
    /// What somebody else is busy with is left for the next time.
    static let sweeping = """
        DELETE FROM apus_budget_advance WHERE ctid IN (
            SELECT ctid FROM apus_budget_advance WHERE NOT (\(isAlive)) LIMIT 10000 FOR UPDATE SKIP LOCKED
        )
        """
}
