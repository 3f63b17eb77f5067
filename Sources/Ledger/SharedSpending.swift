import Tenancy
import Vocabulary

/// Tells what others have spent of budgets from what this server has, where several move usage to one database.
///
/// The database has sums over everybody, and what this server spends gets there with a delay. So it is counted what
/// this server has moved: what the database has beyond that is others', or was spent before.
///
/// ```
/// in the database:  what others moved, or was there before │ what we moved
/// in the journal:                                                          │ what we have not moved yet
///                   └──────────── elsewhere ──────────────┘└───────────── here ─────────────────────┘
/// ```
struct SharedSpending {
    private struct Entry {
        /// By hour, since the tenant is watched.
        var moved: [Int64: MeteredAmounts] = [:]
        var elsewhere: (period: Range<Int64>, amounts: MeteredAmounts)?
    }

    /// More hours than the longest period has.
    private static let hourCountMax = 32 * 24

    private var entries: [TenantID: Entry] = [:]

    /// Begins to count what is moved of a tenant, before the database is asked about it.
    mutating func watch(_ tenant: TenantID) {
        if entries[tenant] == nil { entries[tenant] = Entry() }
    }

    /// Slots are in the database from now on.
    mutating func didMove(_ rows: [UsageJournal.Row]) {
        for row in rows {
            let key = row.key
            guard var entry = entries[key.tenant] else { continue }
            entry.moved[key.hour, default: MeteredAmounts()].add(row.consumption.amounts)
            if entry.moved.count > Self.hourCountMax, let oldest = entry.moved.keys.min() { entry.moved[oldest] = nil }
            entries[key.tenant] = entry
        }
    }

    /// What of a tenant was moved, of the hours of a period.
    func moved(of tenant: TenantID, in period: Range<Int64>) -> MeteredAmounts {
        (entries[tenant]?.moved ?? [:]).reduce(into: MeteredAmounts()) { sum, hour in
            if period.contains(hour.key) { sum.add(hour.value) }
        }
    }

    /// Takes what the database has in all, and gives what of it is not this server's.
    ///
    /// - Precondition: nothing was moved since the database was asked.
    mutating func learn(_ total: MeteredAmounts, of tenant: TenantID, in period: Range<Int64>) -> MeteredAmounts {
        var elsewhere = total
        elsewhere.remove(moved(of: tenant, in: period))
        entries[tenant, default: Entry()].elsewhere = (period, elsewhere)
        return elsewhere
    }

    /// What others had spent when the database was asked last; nothing for a period that it was not asked about.
    func elsewhere(of tenant: TenantID, in period: Range<Int64>) -> MeteredAmounts {
        guard let known = entries[tenant]?.elsewhere, known.period == period else { return MeteredAmounts() }
        return known.amounts
    }
}
