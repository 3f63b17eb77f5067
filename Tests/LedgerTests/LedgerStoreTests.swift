import Foundation
import GRDB
import Synchronization
import Tenancy
import Testing
import Vocabulary

@testable import Ledger

/// A database that is away.
final class AbsentStore: LedgerStore {
    struct Away: Error {}

    let place = "nowhere"
    let isShared = true

    func check() throws { throw Away() }

    func transaction(_ body: (any LedgerTransaction) throws -> Void) throws { throw Away() }

    func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, countMax: Int
    ) throws -> [UsageRow] { throw Away() }

    func sum(
        of tenant: TenantID, in period: Range<Int64>, _ journal: JournalIdentity
    ) throws -> (Consumption, UInt64) { throw Away() }
}

private let always: Range<Int64> = 0..<4_000_000_000

private func row(_ id: UInt64, _ tenant: String, tokens: UInt64) -> UsageJournal.Row {
    var used = Consumption()
    used.generatedTokenCount = tokens
    return UsageJournal.Row(
        index: Int(id), id: id, key: LedgerKey(hour: 0, tenant: TenantID(tenant)!, model: nil), consumption: used)
}

/// Goal: what a store and a journal do after whatever has happened to a machine, to its files, and to what is counted.
@Suite("The store of a ledger") struct LedgerStoreTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "apus-store-\(UUID().uuidString)")
        .path()
    private let journal = JournalIdentity.random()

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func withFolder(_ body: () throws -> Void) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body()
    }

    private var database: String { "\(folder)/usage.sqlite" }

    private func tokens(_ store: SQLiteStore) throws -> [String: UInt64] {
        try store.rows(of: nil, in: always, by: [], countMax: 100).reduce(into: [:]) {
            $0[$1.tenant.name] = $1.consumption.generatedTokenCount
        }
    }

    @Test("takes each slot of each journal once, however long ago it was moved")
    func watermark() throws {
        try withFolder {
            let store = try SQLiteStore(path: database)
            try store.add([row(1, "a", tokens: 1), row(2, "b", tokens: 2)], of: journal)
            try store.add([row(7, "a", tokens: 4)], of: journal)
            // The machine has ended, and the disk had an older journal: with slots of two moves, and one of none.
            try store.add([row(2, "b", tokens: 2), row(7, "a", tokens: 4), row(8, "a", tokens: 8)], of: journal)
            #expect(try tokens(store) == ["a": 13, "b": 2])
            // Another journal counts for itself.
            try store.add([row(2, "b", tokens: 16)], of: .random())
            #expect(try tokens(store) == ["a": 13, "b": 18])
            #expect(try store.watermark(of: journal) == 8)
        }
    }

    @Test("takes over what a ledger of the version before has moved")
    func migration() throws {
        try withFolder {
            do {
                let queue = try DatabaseQueue(path: database)
                try LedgerSchema.migrator.migrate(queue, upTo: "1: usage by hour, tenant and model")
                try queue.write { try $0.execute(sql: "INSERT INTO moved VALUES (3), (4)") }
            }
            let store = try SQLiteStore(path: database)
            try store.add([row(3, "a", tokens: 1), row(4, "a", tokens: 1), row(5, "a", tokens: 32)], of: journal)
            #expect(try tokens(store) == ["a": 32])
            // It was this journal's; another one begins at its own first slot.
            try store.add([row(1, "a", tokens: 64)], of: .random())
            #expect(try tokens(store) == ["a": 96])
        }
    }

    @Test("sums that go beyond what a column holds stay there, and can be read")
    func saturation() throws {
        try withFolder {
            let store = try SQLiteStore(path: database)
            let most = UInt64(Int64.max)
            for id: UInt64 in 1...3 {
                try store.add([row(id, "a", tokens: most), row(10 + id, "b", tokens: 5)], of: .random())
            }
            #expect(try tokens(store) == ["a": most, "b": 15])
            var later = row(20, "a", tokens: most - 1)
            later = UsageJournal.Row(
                index: 0, id: 20, key: LedgerKey(hour: 3_600, tenant: later.key.tenant, model: nil),
                consumption: later.consumption)
            try store.add([later], of: .random())
            #expect(try tokens(store) == ["a": most, "b": 15], "two rows, each of the most there is")
        }
    }

    @Test("usage that the database refuses is set aside, and keeps nobody else's out")
    func refusal() throws {
        try withFolder {
            let ledger = try UsageLedger(path: database, unixSeconds: { 0 })
            try DatabaseQueue(path: database).write {
                try $0.execute(
                    sql: """
                        CREATE TRIGGER picky BEFORE INSERT ON usage WHEN new.tenant = 'b'
                        BEGIN SELECT raise(ABORT, 'not b'); END
                        """)
            }
            for name in ["a", "b", "c"] {
                ledger.record(row(1, name, tokens: 3).consumption, of: TenantID(name)!, model: nil)
            }
            try ledger.write()
            #expect(try ledger.report(in: always).map(\.tenant.name) == ["a", "c"])
            #expect(ledger.journal.usedCount == 0)
            let refusal = try #require(ledger.takeRefusals().first)
            #expect(refusal.place == "\(database).refused" && refusal.problem.contains("not b"))
            let kept = try String(contentsOfFile: refusal.place, encoding: .utf8)
            #expect(kept.contains("tenant=b") && kept.contains("generated_tokens=3") && !kept.contains("tenant=a"))
            #expect(ledger.takeRefusals().isEmpty)
        }
    }

    @Test("a call that says it has used more than can be counts for the most that a call can")
    func absurdCounts() throws {
        try withFolder {
            let acme = TenantID("acme")!
            var used = Consumption()
            for count in JournalSlot.counts { used[keyPath: count] = .max }
            do {
                let ledger = try UsageLedger(path: database, unixSeconds: { 0 })
                for _ in 0..<3 { ledger.record(used, of: acme, model: nil) }
                try ledger.write()
            }
            let again = try UsageLedger(path: database, unixSeconds: { 0 })
            #expect(
                try again.consumption(of: acme, in: always).generatedTokenCount == 3 * Consumption.countMax)
        }
    }

    @Test("a slot whose key is damaged counts for nothing, and its id neither")
    func damagedSlot() throws {
        try withFolder {
            let path = "\(folder)/a.journal"
            let key = row(1, "a", tokens: 1).key
            do {
                let journal = try UsageJournal(path: path)
                for name in ["a", "b"] { _ = journal.add(Consumption(), to: row(1, name, tokens: 1).key) }
            }
            try change(path) { $0.replaceSubrange(520..<528, with: [UInt8](repeating: 255, count: 8)) }
            let journal = try UsageJournal(path: path)
            #expect(journal.damagedCount == 1 && journal.sealedRows().map(\.id) == [2])
            // The next id follows those that are believed.
            #expect(journal.add(Consumption(), to: key) == .added && journal.seal().map(\.id) == [2, 3])
        }
    }

    @Test(
        "a journal whose beginning is damaged is refused with what to do",
        arguments: [(8, UInt64.max), (8, 0), (16, 7), (24, 7), (32, 7)])
    func damagedHeader(offset: Int, value: UInt64) throws {
        try withFolder {
            let path = "\(folder)/a.journal"
            do {
                let journal = try UsageJournal(path: path)
                for name in ["a", "b"] { _ = journal.add(Consumption(), to: row(1, name, tokens: 1).key) }
            }
            try change(path) { $0.replaceSubrange(offset..<offset + 8, with: withUnsafeBytes(of: value, Array.init)) }
            let error = #expect(throws: LedgerError.self) { try UsageJournal(path: path) }
            #expect(error?.problem.contains("move the file away") == true)
        }
    }

    @Test("a journal whose process ended between an id and its check is whole")
    func idBeforeCheck() throws {
        try withFolder {
            let path = "\(folder)/a.journal"
            let key = row(1, "a", tokens: 1).key
            #expect(try UsageJournal(path: path).add(Consumption(), to: key) == .added)
            try change(path) { $0.replaceSubrange(8..<16, with: withUnsafeBytes(of: UInt64(2), Array.init)) }
            let journal = try UsageJournal(path: path)
            #expect(journal.add(Consumption(), to: key) == .added && journal.seal().map(\.id) == [1, 3])
        }
    }

    @Test("a journal of before its header had checks is taken as it is")
    func oldHeader() throws {
        try withFolder {
            let path = "\(folder)/a.journal"
            let identity = try UsageJournal(path: path).identity
            try change(path) { $0.replaceSubrange(32..<48, with: [UInt8](repeating: 0, count: 16)) }
            #expect(try UsageJournal(path: path).identity == identity)
        }
    }

    @Test("a journal that came back older than its database takes no id that was moved")
    func oldJournal() throws {
        try withFolder {
            let journal = "\(database).journal"
            do {
                let ledger = try UsageLedger(path: database, unixSeconds: { 0 })
                ledger.record(row(1, "a", tokens: 1).consumption, of: TenantID("a")!, model: nil)
                let old = try Data(contentsOf: URL(filePath: journal))
                for name in ["b", "c"] {
                    try ledger.write()
                    ledger.record(row(1, name, tokens: 2).consumption, of: TenantID(name)!, model: nil)
                }
                try ledger.write()
                try change(journal) { $0 = old }
            }
            let ledger = try UsageLedger(path: database, unixSeconds: { 0 })
            ledger.record(row(1, "d", tokens: 4).consumption, of: TenantID("d")!, model: nil)
            #expect(try ledger.report(in: always).map(\.consumption.generatedTokenCount) == [1, 2, 2, 4])
        }
    }

    @Test("is read while somebody holds the database for writing")
    func readers() throws {
        try withFolder {
            let ledger = try UsageLedger(path: database, unixSeconds: { 0 })
            let acme = TenantID("acme")!
            ledger.record(row(1, "acme", tokens: 3).consumption, of: acme, model: nil)
            try ledger.write()
            ledger.record(row(1, "acme", tokens: 4).consumption, of: acme, model: nil)
            let other = try DatabaseQueue(path: database)
            try other.inTransaction(.exclusive) { _ in
                let used = try ledger.consumption(of: acme, in: always)
                #expect(used.generatedTokenCount == 7)
                return .rollback
            }
        }
    }

    private func change(_ path: String, _ body: (inout Data) -> Void) throws {
        var data = try Data(contentsOf: URL(filePath: path))
        body(&data)
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        try handle.write(contentsOf: data)
        try handle.close()
    }
}
