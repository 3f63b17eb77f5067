import Tenancy
import Vocabulary

/// A database that keeps a ledger for as long as anybody wants it.
///
/// Asked by one thread at a time, which may wait: `UsageLedger` sees to it.
protocol LedgerStore: AnyObject, Sendable {
    /// Where it is, for people; no passwords.
    var place: String { get }

    /// Whether other servers add to it too.
    var isShared: Bool { get }

    /// Whether it is there, asked when there is nothing to add: who has set it up wrongly hears of it at the start.
    func check() throws

    /// Adds slots of a journal, each of them once however often it is given, all of them or none.
    ///
    /// When this throws, it may have added them all the same: nobody knows who was told of a commit and never heard of
    /// it again. So they are to be given again, and with no others before that has succeeded.
    func add(_ rows: [UsageJournal.Row], of journal: JournalIdentity) throws

    /// Sums over the hours that begin in `period`, ordered by tenant, model and hour.
    ///
    /// - Parameters:
    ///   - tenants: nil for all.
    ///   - period: in seconds since 1970.
    ///   - grouping: what is told apart beside tenants.
    /// - Returns: a row for each of what is told apart.
    /// - Throws: when the database cannot be read.
    func rows(of tenants: [TenantID]?, in period: Range<Int64>, by grouping: UsageGrouping) throws -> [UsageRow]
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
