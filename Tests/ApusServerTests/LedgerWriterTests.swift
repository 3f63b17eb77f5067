import Foundation
import GRDB
import Ledger
import Logging
import Telemetry
import Tenancy
import Testing
import Vocabulary

@testable import ApusServer

@Suite("Who writes the ledger")
struct LedgerWriterTests {
    private static let tenant = TenantID("acme")!

    @Test("the database has all that was recorded before the end, also while it was being written")
    func end() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-writer-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/usage.sqlite"
        let ledger = try UsageLedger(path: path, unixSeconds: { 1_700_000_000 })
        let clocks = TenantGate.Clocks(monotonic: SystemClock(), unixSeconds: { 1_700_000_000 })
        let gate = TenantGate(TenantTable(policies: [:], unlistedPolicy: TenantPolicy()), clocks: clocks)
        let writer = LedgerWriter(ledger, tenants: gate, metrics: MetricsRegistry(), logger: Logger(label: "test"))
        var used = Consumption()
        used.requestCount = 1
        var count: Int64 = 0
        for _ in 0..<40 {
            // It writes all the time.
            let task = Task { await writer.keepWriting(intervalNanoseconds: 1) }
            for _ in 0..<100 {
                ledger.record(used, of: Self.tenant, model: nil)
                count += 1
                await Task.yield()
            }
            task.cancel()
            await task.value
            let written = try await DatabaseQueue(path: path).read { database in
                try Int64.fetchOne(database, sql: "SELECT sum(requests) FROM usage") ?? 0
            }
            #expect(written == count)
        }
    }
}
