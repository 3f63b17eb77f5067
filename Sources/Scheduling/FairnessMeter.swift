package import Vocabulary

/// Measures how evenly tenants were served, interval by interval.
///
/// Only those count that had requests in the engine for half of the interval or more: who asked for less got what it
/// asked for, and says nothing of how the time was divided.
///
/// - Source: Jain, Chiu, Hawe 1984, "A Quantitative Measure of Fairness and Discrimination".
package struct FairnessMeter: Sendable {
    private struct Record {
        /// Time that was computed in this interval, divided by the weight.
        var served = 0.0
        var busyNanoseconds: UInt64 = 0
        /// Nil while it is idle.
        var busySince: MonotonicTime?
    }

    private let intervalNanoseconds: UInt64
    private var start: MonotonicTime
    private var records: [TenantID?: Record] = [:]

    /// 10 s: many steps for each of many tenants, and short enough to see a change.
    package static let intervalNanoseconds: UInt64 = 10_000_000_000

    /// Begins an interval.
    package init(at start: MonotonicTime, intervalNanoseconds: UInt64 = FairnessMeter.intervalNanoseconds) {
        self.start = start
        self.intervalNanoseconds = intervalNanoseconds
    }

    /// A tenant has work from now on.
    package mutating func begin(_ tenant: TenantID?, at now: MonotonicTime) {
        records[tenant, default: Record()].busySince = now
    }

    /// A tenant has none any more.
    package mutating func end(_ tenant: TenantID?, at now: MonotonicTime) {
        guard let since = records[tenant]?.busySince else { return }
        records[tenant]?.busyNanoseconds &+= now.nanoseconds(since: since)
        records[tenant]?.busySince = nil
    }

    /// Adds time that was computed for a tenant.
    package mutating func charge(_ share: TenantShare, nanoseconds: Double) {
        records[share.tenant, default: Record()].served += nanoseconds / Double(share.weight)
    }

    /// Ends the interval if it is over, and begins the next one.
    ///
    /// - Returns: the index; 1 when fewer than two tenants count; nil when the interval goes on.
    package mutating func close(at now: MonotonicTime) -> Double? {
        let length = now.nanoseconds(since: start)
        guard length >= intervalNanoseconds else { return nil }
        let compared = records.values.filter { record in
            let open = record.busySince.map { now.nanoseconds(since: $0) } ?? 0
            return record.busyNanoseconds + open >= length / 2
        }
        records = records.compactMapValues { $0.busySince == nil ? nil : Record(busySince: now) }
        start = now
        return Self.index(of: compared.map(\.served))
    }

    /// Jain's index: 1 when all have the same, `1 / n` when one of `n` has all.
    package static func index(of values: [Double]) -> Double {
        let sum = values.reduce(0, +)
        let sumOfSquares = values.reduce(0) { $0 + $1 * $1 }
        guard values.count >= 2, sumOfSquares > 0 else { return 1 }
        return sum * sum / (Double(values.count) * sumOfSquares)
    }
}
