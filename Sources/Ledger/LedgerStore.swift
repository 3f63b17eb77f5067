import Tenancy
import Vocabulary

/// A database that keeps a ledger for as long as anybody wants it.
///
/// `add` is one thread's at a time, which may wait: `UsageLedger` sees to it. Where the store is shared, so is all
/// else.
protocol LedgerStore: AnyObject, Sendable {
    /// Where it is, for people; no passwords.
    var place: String { get }

    /// Whether other servers add to it too.
    var isShared: Bool { get }

    /// Whether it is there, asked when there is nothing to add: who has set it up wrongly hears of it at the start.
    func check() throws

    /// Runs `body` in a transaction that is committed when it returns.
    ///
    /// When this throws, it may have been committed all the same: nobody knows who was told of a commit and never heard
    /// of it again.
    ///
    /// - Throws: `LedgerRefusal` for rows that the database will not have however often it is asked.
    func transaction(_ body: (any LedgerTransaction) throws -> Void) throws

    /// Sums over the hours that begin in `period`, ordered by tenant, model and hour.
    ///
    /// - Parameters:
    ///   - tenants: nil for all.
    ///   - period: in seconds since 1970.
    ///   - grouping: what is told apart beside tenants.
    ///   - countMax: the most rows that are read.
    /// - Returns: a row for each of what is told apart.
    /// - Throws: when the database cannot be read.
    func rows(
        of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping, countMax: Int
    ) throws -> [UsageRow]

    /// The sum of a tenant, and up to which id the slots of a journal are in it.
    ///
    /// - Throws: when the database cannot be read.
    func sum(of tenant: TenantID, in period: Range<Int64>, _ journal: JournalIdentity) throws -> (Consumption, UInt64)
}

/// What is done to a store in one transaction.
protocol LedgerTransaction {
    /// The id up to which the slots of a journal are in the database, 0 for none; kept from others until the end of the
    /// transaction.
    func watermark(of journal: JournalIdentity) throws -> UInt64

    func setWatermark(of journal: JournalIdentity, to id: UInt64) throws

    /// Adds each row to those of its key; sums stay at the end of their range instead of going beyond it. What was
    /// set aside of budgets for whose journal it is has so much less from then on.
    func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) throws
}

/// A store that sets aside, of the budgets that several servers spend, what each of them may spend.
protocol AdvancingStore: LedgerStore {
    /// Answers requests for advances, in a transaction that is committed when this returns.
    ///
    /// When this throws, it may have been committed all the same: then more is set aside than the server knows, which
    /// the next request mends.
    ///
    /// - Returns: an answer for each request.
    func advance(_ requests: [AdvanceRequest], of journal: JournalIdentity) throws -> [AdvanceGrant]
}

extension LedgerStore {
    /// Adds slots of a journal, each of them once however often it is given, all of them or none.
    ///
    /// When this throws, it may have added them all the same. So they are to be given again, and with no others before
    /// that has succeeded.
    ///
    /// - Precondition: slots that are given later have larger ids, but for those that are given again.
    func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) throws {
        guard let last = rows.map(\.id).max() else { return }
        try transaction { transaction in
            let watermark = try transaction.watermark(of: journal)
            guard last > watermark else { return }
            try transaction.add(rows.filter { $0.id > watermark }, of: journal)
            try transaction.setWatermark(of: journal, to: last)
        }
    }
}

/// Why a database does not take a row, however often it is given.
struct LedgerRefusal: Error, CustomStringConvertible {
    let description: String
}

/// Tells journals apart in a store that several servers share; made with the journal, at random.
struct JournalIdentity: Hashable, Sendable, CustomStringConvertible {
    let high: UInt64
    let low: UInt64

    static func random() -> JournalIdentity {
        JournalIdentity(high: .random(in: 1 ... .max), low: .random(in: .min ... .max))
    }

    /// 32 hexadecimal digits.
    var description: String { [high, low].map { Self.padded(String($0, radix: 16)) }.joined() }

    private static func padded(_ digits: String) -> String { String(repeating: "0", count: 16 - digits.count) + digits }
}

/// The columns of usage, in the order of `JournalSlot.counts`.
enum LedgerColumns {
    static let names = [
        "requests", "failures", "prompt_tokens", "cached_tokens", "generated_tokens", "images", "nodes", "edges",
        "queue_microseconds", "compute_microseconds",
    ]

    /// By what a report adds up.
    static func keys(_ grouping: UsageGrouping) -> [String] {
        ["tenant"] + (grouping.contains(.models) ? ["model"] : []) + (grouping.contains(.hours) ? ["hour"] : [])
    }
}
