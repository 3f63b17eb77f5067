import Foundation
import GRDB
import Synchronization
import Tenancy
import TestSupport
import Testing
import Vocabulary

@testable import Ledger

/// A folder for a ledger, and a clock that the test sets.
private final class LedgerFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "apus-ledger-\(UUID().uuidString)").path()
    let seconds = Mutex<Int64>(1_700_000_000)

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { "\(path)/usage.sqlite" }

    func open() throws(LedgerError) -> UsageLedger {
        try UsageLedger(path: database, unixSeconds: { [self] in seconds.withLock { $0 } })
    }

    /// The whole ledger as it is on disk.
    func sums() throws -> [String: Int64] {
        let queue = try DatabaseQueue(path: database)
        return try queue.read { database in
            try Row.fetchAll(database, sql: "SELECT tenant, sum(requests) AS n FROM usage GROUP BY tenant")
                .reduce(into: [:]) { $0[$1["tenant"]] = $1["n"] }
        }
    }
}

private let acme = TenantID("acme")!
private let other = TenantID("other")!
extension ModelName {
    fileprivate static let a = ModelName("a")!
    fileprivate static let b = ModelName("b")!
}
private let always: Range<Int64> = 0..<4_000_000_000

private func used(_ tokens: UInt64, failures: UInt64 = 0) -> Consumption {
    var consumption = Consumption()
    consumption.requestCount = 1
    consumption.failureCount = failures
    consumption.generatedTokenCount = tokens
    consumption.computeMicroseconds = 10 * tokens
    return consumption
}

@Suite("The usage ledger")
struct UsageLedgerTests {
    private let folder: LedgerFolder

    init() throws { folder = try LedgerFolder() }

    @Test("adds up by tenant, model and hour, as the report asks")
    func report() throws {
        let ledger = try folder.open()
        ledger.record(used(5), of: acme, model: .a)
        ledger.record(used(7), of: acme, model: .b)
        ledger.record(used(11, failures: 1), of: other, model: nil)
        folder.seconds.withLock { $0 += 3_600 }
        ledger.record(used(13), of: acme, model: .a)
        let rows = try ledger.report(in: always)
        #expect(rows.map(\.tenant) == [acme, other])
        #expect(rows.map(\.consumption.generatedTokenCount) == [25, 11])
        #expect(rows.map(\.consumption.failureCount) == [0, 1])
        let byModel = try ledger.report(of: acme, in: always, by: .models)
        #expect(byModel.map(\.model) == ["a", "b"] && byModel.map(\.consumption.requestCount) == [2, 1])
        let byHour = try ledger.report(of: acme, in: always, by: [.models, .hours])
        #expect(byHour.map(\.hour) == [1_699_999_200, 1_700_002_800, 1_699_999_200])
        let lastHour = try ledger.report(in: 1_700_002_800..<1_700_006_400)
        #expect(lastHour.map(\.consumption.computeMicroseconds) == [130])
    }

    @Test("keeps every count apart")
    func counts() throws {
        var consumption = Consumption()
        for (index, count) in JournalSlot.counts.enumerated() { consumption[keyPath: count] = UInt64(index + 1) }
        let ledger = try folder.open()
        ledger.record(consumption, of: acme, model: .a)
        #expect(try ledger.report(in: always).map(\.consumption) == [consumption])
        #expect(Set(JournalSlot.counts).count == 10 && MemoryLayout<Consumption>.size == 80, "no count left out")
    }

    @Test("knows what is not written yet")
    func unwritten() throws {
        let ledger = try folder.open()
        ledger.record(used(5), of: acme, model: .a)
        try ledger.write()
        ledger.record(used(6), of: acme, model: .a)
        ledger.record(used(100), of: other, model: .a)
        #expect(try ledger.consumption(of: acme, in: always).generatedTokenCount == 11)
        #expect(try ledger.consumption(of: acme, in: 0..<3_600) == Consumption())
    }

    @Test("loses nothing that was recorded when its process ends without a word")
    func crash() throws {
        do {
            let ledger = try folder.open()
            ledger.record(used(1), of: acme, model: .a)
            try ledger.write()
            ledger.record(used(2), of: acme, model: .a)
            ledger.record(used(3), of: other, model: .b)
            // Let go of without `write`: what is mapped is in the file, as after SIGKILL.
        }
        #expect(try folder.sums() == ["acme": 1])
        let ledger = try folder.open()
        #expect(try folder.sums() == ["acme": 2, "other": 1])
        #expect(try ledger.report(in: always).map(\.consumption.generatedTokenCount) == [3, 3])
    }

    @Test("takes a slot once, though the process ended between the commit and the slot's release")
    func movedTwice() throws {
        do {
            let ledger = try folder.open()
            ledger.record(used(2), of: acme, model: .a)
            let journal = try Data(contentsOf: URL(filePath: "\(folder.database).journal"))
            try ledger.write()
            // The journal as it was before the release.
            let handle = try FileHandle(forWritingTo: URL(filePath: "\(folder.database).journal"))
            try handle.write(contentsOf: journal)
        }
        let ledger = try folder.open()
        #expect(try ledger.report(in: always).map(\.consumption.generatedTokenCount) == [2])
        // The same slot may be used again afterwards.
        ledger.record(used(4), of: acme, model: .a)
        #expect(try ledger.report(in: always).map(\.consumption.generatedTokenCount) == [6])
    }

    @Test("has a journal of an identity that stays, and that no other has")
    func identity() throws {
        let path = "\(folder.path)/a.journal"
        let first = try UsageJournal(path: path).identity
        #expect(try UsageJournal(path: path).identity == first)
        #expect(try UsageJournal(path: "\(folder.path)/b.journal").identity != first)
        #expect(first.description.count == 32)
    }

    @Test("is one process's at a time")
    func lock() throws {
        let ledger = try folder.open()
        let error = #expect(throws: LedgerError.self) { try folder.open() }
        #expect(error?.problem == "is in use by another process")
        ledger.record(used(1), of: acme, model: .a)
    }

    @Test("says which file it cannot use")
    func unusable() throws {
        #expect(throws: LedgerError.self) { try UsageLedger(path: "/nonexistent/usage.sqlite", unixSeconds: { 0 }) }
        try Data(repeating: 7, count: 100_000).write(to: URL(filePath: "\(folder.database).journal"))
        let error = #expect(throws: LedgerError.self) { try folder.open() }
        #expect(error?.description == "\(folder.database).journal: is no journal of usage")
        try FileManager.default.removeItem(atPath: "\(folder.database).journal")
        try Data("this is no database, whatever its name says".utf8).write(to: URL(filePath: folder.database))
        #expect(throws: LedgerError.self) { try folder.open() }
    }

    @Test("leaves out a slot whose key was damaged on disk, and keeps the others")
    func damage() throws {
        do {
            let ledger = try folder.open()
            ledger.record(used(1), of: acme, model: .a)
            ledger.record(used(2), of: other, model: .a)
        }
        let url = URL(filePath: "\(folder.database).journal")
        var bytes = try Data(contentsOf: url)
        bytes[JournalSlot.byteCount + 25] ^= 1
        try bytes.write(to: url)
        let ledger = try folder.open()
        #expect(try ledger.report(in: always).count == 1)
    }

    @Test("is written before its time when many keys come, and no caller waits for that")
    func manyTenants() async throws {
        let ledger = try folder.open()
        let count = UsageJournal.slotCountDefault * 7 / 8
        for number in 0..<count { ledger.record(used(1), of: TenantID("t\(number)")!, model: .a) }
        // Nobody has asked for it.
        #expect(await eventually { ledger.journal.usedCount < UsageJournal.slotCountDefault / 2 })
        #expect(try folder.sums().count > count / 2 && ledger.droppedCount == 0)
    }

    @Test("drops what has no place while the database is away, and counts it")
    func full() throws {
        let journal = try UsageJournal(path: "\(folder.path)/small.journal", slotCount: 4)
        let ledger = UsageLedger(journal, AbsentStore(), refusedPath: "\(folder.path)/refused", unixSeconds: { 0 })
        for number in 0..<7 { ledger.record(used(1), of: TenantID("t\(number)")!, model: .a) }
        ledger.record(used(1), of: TenantID("t0")!, model: .a)
        #expect(ledger.droppedCount == 3 && journal.usedCount == 4)
    }

    @Test("adds up what many threads record while another writes")
    func threads() async throws {
        let ledger = try folder.open()
        let (taskCount, callCount) = (8, 2_000)
        try await withThrowingTaskGroup { group in
            for task in 0..<taskCount {
                group.addTask {
                    for call in 0..<callCount {
                        ledger.record(used(1), of: call.isMultiple(of: 2) ? acme : other, model: ModelName("m\(task)"))
                    }
                }
            }
            group.addTask { for _ in 0..<50 { try ledger.write() } }
            try await group.waitForAll()
        }
        let sum = try ledger.report(in: always).reduce(0) { $0 + $1.consumption.requestCount }
        #expect(sum == UInt64(taskCount * callCount))
    }
}
