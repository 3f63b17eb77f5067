package import Vocabulary

/// Finds the replicas that fail more calls than the others do, and keeps calls away from them for a while.
///
/// A circuit breaker sees calls that fail in a row. A replica that loses every third call is not seen by it, because
/// successes come between; it is seen here, by comparison: when all replicas fail alike, the fault is elsewhere, and
/// taking any of them out makes it worse for the rest.
///
/// ```
/// share of failures − share of all others' ≥ max(shareMin, 3 standard deviations of the others' at as many calls)
/// ```
///
/// Never more than half of the replicas are out at once. The first time is `ejectionNanosecondsMin`, each further one
/// twice as long, and one window without standing out takes one doubling back.
///
/// A value without clock or I/O.
/// - Source: gRFC A50 for the outline; its success-rate rule needs five replicas to have a deviation, this one two.
package struct OutlierWatch: Sendable {
    /// How often the replicas are compared; each time all counts are halved.
    package static let windowNanoseconds: UInt64 = 5_000_000_000
    /// With fewer calls nothing is said about a replica, and it says nothing about others.
    package static let callCountMin = 20.0
    /// By how much a replica's share of failures is above the others' at least.
    package static let shareMin = 0.2
    /// How long a replica is out.
    package static let ejectionNanosecondsMin: UInt64 = 10_000_000_000
    package static let ejectionNanosecondsMax: UInt64 = 300_000_000_000

    private static let deviationCount = 3.0
    /// As if this share of everybody's calls had failed: a few failures are no deviation from none.
    private static let shareOfOthersMin = 0.01

    private struct Record {
        var callCount = 0.0
        var failureCount = 0.0
        var isOutUntil: MonotonicTime?
        /// How often it has been out, less one for each window in which all was well.
        var ejectionCount = 0

        var share: Double { callCount > 0 ? failureCount / callCount : 0 }
    }

    /// By the replicas' places in the table.
    private var records: [Record] = []
    private var windowEnd: MonotonicTime?

    package init() {}

    /// A call to the replica with this place has ended and told something about it.
    ///
    /// Of one that is out nothing is counted: it comes back with a clean slate, not with what is left from before.
    package mutating func count(_ replica: Int, hasFailed: Bool, at now: MonotonicTime) {
        while records.count <= replica { records.append(Record()) }
        guard !isOut(replica, at: now) else { return }
        records[replica].callCount += 1
        if hasFailed { records[replica].failureCount += 1 }
        if windowEnd == nil { windowEnd = now.advanced(byNanoseconds: Self.windowNanoseconds) }
    }

    /// Forgets what is known of the replica with this place.
    package mutating func remove(_ replica: Int) {
        if replica < records.count { records[replica] = Record() }
    }

    /// Whether calls are kept away from a replica.
    package func isOut(_ replica: Int, at now: MonotonicTime) -> Bool {
        guard let end = returnTime(of: replica) else { return false }
        return now < end
    }

    /// When a replica was let in again; nil when it never was out.
    func returnTime(of replica: Int) -> MonotonicTime? {
        replica < records.count ? records[replica].isOutUntil : nil
    }

    /// Compares the replicas, if it is time.
    ///
    /// - Parameters:
    ///   - replicaCount: of all there are, also those without calls.
    ///   - now: the time.
    package mutating func compare(replicaCount: Int, at now: MonotonicTime) {
        guard let windowEnd, windowEnd <= now else { return }
        self.windowEnd = nil
        var places = replicaCount / 2 - records.indices.count { isOut($0, at: now) }
        for replica in outliers(at: now) where places > 0 {
            places -= 1
            eject(replica, at: now)
        }
        for replica in records.indices where !isOut(replica, at: now) {
            records[replica].callCount /= 2
            records[replica].failureCount /= 2
        }
    }

    /// Those that stand out, the worst first; for all others that were asked enough, a window was well.
    private mutating func outliers(at now: MonotonicTime) -> [Int] {
        let judged = records.indices.filter { records[$0].callCount >= Self.callCountMin && !isOut($0, at: now) }
        let callCount = judged.reduce(0) { $0 + records[$1].callCount }
        let failureCount = judged.reduce(0) { $0 + records[$1].failureCount }
        var found: [(replica: Int, share: Double)] = []
        for replica in judged where judged.count > 1 {
            let record = records[replica]
            let others = (failureCount - record.failureCount) / (callCount - record.callCount)
            let expected = min(max(others, Self.shareOfOthersMin), 1)
            let deviation = (expected * (1 - expected) / record.callCount).squareRoot()
            if record.share - others >= max(Self.shareMin, Self.deviationCount * deviation) {
                found.append((replica, record.share))
            } else {
                records[replica].ejectionCount = max(0, record.ejectionCount - 1)
            }
        }
        return found.sorted { ($1.share, $0.replica) < ($0.share, $1.replica) }.map(\.replica)
    }

    private mutating func eject(_ replica: Int, at now: MonotonicTime) {
        let count = records[replica].ejectionCount
        let length = min(Self.ejectionNanosecondsMin << min(UInt64(count), 10), Self.ejectionNanosecondsMax)
        records[replica] = Record(isOutUntil: now.advanced(byNanoseconds: length), ejectionCount: count + 1)
    }
}
