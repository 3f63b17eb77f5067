/// Divides the engine's time between models: the one that has had least of it goes first, of those that have work of
/// the tenant that has had least (see `TenantShares`).
///
/// A model that comes back from idleness starts where the least served of the busy ones is, so that it can neither
/// claim the time it did not want nor be punished for being new.
///
/// - Source: Sheng et al. 2023, "Fairness in Serving Large Language Models" (virtual token counter), with nanoseconds.
package struct FairShare<Key: Hashable> {
    private var servedNanoseconds: [Key: UInt64] = [:]
    /// Who was ready when last asked.
    private var busy: Set<Key> = []
    /// What the least served busy key had when there last was one.
    private var floorNanoseconds: UInt64 = 0

    package init() {}

    /// Who goes next among those that are ready now; nil when nobody is.
    ///
    /// - Parameters:
    ///   - ready: without repetition; of two that are equal the first goes.
    ///   - rank: for which tenant something is ready, see `Claim.Rank`; only those of the first rank are picked. Nil
    ///     for one that has only to say that something has expired, which costs nothing and goes before all.
    /// - Returns: an element of `ready`.
    package mutating func pick(
        from ready: [Key], rank: (Key) -> Claim.Rank? = { _ in nil }
    ) -> Key? {
        let stayed = ready.filter(busy.contains)
        floorNanoseconds = max(floorNanoseconds, stayed.map { servedNanoseconds[$0, default: 0] }.min() ?? 0)
        for key in ready where !busy.contains(key) {
            servedNanoseconds[key] = max(servedNanoseconds[key, default: 0], floorNanoseconds)
        }
        busy = Set(ready)
        guard ready.count > 1 else { return ready.first }
        let ranks = ready.map(rank)
        let first = ranks.contains { $0 == nil } ? nil : ranks.compactMap { $0 }.min()
        let candidates = zip(ready, ranks).filter { $0.1 == first }.map(\.0)
        return candidates.min { servedNanoseconds[$0, default: 0] < servedNanoseconds[$1, default: 0] }
    }

    /// Adds the time that `key` has just used.
    package mutating func charge(_ key: Key, nanoseconds: UInt64) {
        let (sum, overflow) = servedNanoseconds[key, default: 0].addingReportingOverflow(nanoseconds)
        servedNanoseconds[key] = overflow ? .max : sum
    }

    /// Forgets `key`.
    package mutating func remove(_ key: Key) {
        servedNanoseconds[key] = nil
        busy.remove(key)
    }
}
