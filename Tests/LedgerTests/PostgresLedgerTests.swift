import Foundation
import Tenancy
import Testing
import Vocabulary

@testable import Ledger

/// What can be said without a database; Tests/Interoperability/test_ledger_postgres.py has a real one.
@Suite("A usage ledger in PostgreSQL") struct PostgresLedgerTests {
    private let acme = TenantID("acme")!

    @Test(
        "a location is shown without its secrets",
        arguments: [
            ("host=db.internal port=5433 dbname=apus user=u password=hush", "postgres://db.internal:5433/apus"),
            ("postgres://u:hush@db.internal/apus", "postgres://db.internal/apus"),
            ("dbname=apus", "postgres://local/apus"),
        ])
    func location(parameters: String, description: String) throws {
        #expect(try PostgresLocation(parameters).description == description)
    }

    @Test(
        "what libpq cannot read is refused without quoting it",
        arguments: [
            "hots=secret", "host=db password=so secret", "host='secret", "postgres://u:secret@[::1",
            "postgres://u:p@db/apus?secret=1", "postgres://u:%secret@db",
        ])
    func wrong(parameters: String) {
        let error = #expect(throws: LedgerError.self) { try PostgresLocation(parameters) }
        #expect(error?.problem.contains("expected host=") == true)
        #expect(error?.problem.contains("secret") == false)
    }

    @Test("a database that is not there costs nothing but its absence: what is recorded stays in the journal")
    func away() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-ledger-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let ledger = try UsageLedger(
            postgres: PostgresLocation("host=\(folder) dbname=none"), journal: "\(folder)/usage.journal",
            unixSeconds: { 7_200 })
        #expect(ledger.isShared && ledger.place == "postgres://\(folder)/none")
        var used = Consumption()
        used.requestCount = 1
        for number in 0..<20 {
            ledger.record(used, of: acme, model: ModelName("m\(number % 2)"))
            #expect(throws: LedgerError.self) { try ledger.write() }
        }
        #expect(try ledger.spent(by: acme, in: 7_200..<10_800) == SpentAmounts(here: MeteredAmounts(requests: 20)))
        #expect(try ledger.spent(by: acme, in: 0..<7_200) == SpentAmounts())
        // However often it was tried: for each key a slot that goes on, and for the first a sealed one that waits.
        #expect(ledger.journal.usedCount == 3 && ledger.droppedCount == 0)
    }

    /// Goal: whatever is moved, learned and recorded in which order, others' spending is what the database has beyond
    /// our own.
    @Test("what others have spent is what the database has beyond what this server moved")
    func spending() {
        func row(_ hour: Int64, _ tokens: UInt64) -> UsageJournal.Row {
            var used = Consumption()
            used.generatedTokenCount = tokens
            return UsageJournal.Row(
                index: 0, id: 1, key: LedgerKey(hour: hour, tenant: acme, model: ModelName("m")), consumption: used)
        }
        var spending = SharedSpending()
        let day: Range<Int64> = 0..<86_400
        // Not watched yet: what is moved counts as the database's.
        spending.didMove([row(0, 5)])
        spending.watch(acme)
        #expect(spending.learn(MeteredAmounts(tokens: 12), of: acme, in: day) == MeteredAmounts(tokens: 12))
        spending.didMove([row(3_600, 7), row(86_400, 100)])
        #expect(spending.moved(of: acme, in: day) == MeteredAmounts(tokens: 7))
        // As long as nobody asks, what was heard last holds.
        #expect(spending.elsewhere(of: acme, in: day) == MeteredAmounts(tokens: 12))
        #expect(spending.learn(MeteredAmounts(tokens: 29), of: acme, in: day) == MeteredAmounts(tokens: 22))
        #expect(spending.elsewhere(of: acme, in: day) == MeteredAmounts(tokens: 22))
        #expect(spending.elsewhere(of: acme, in: 86_400..<172_800) == MeteredAmounts())
    }
}
