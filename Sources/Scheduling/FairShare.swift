/// Divides the engine's time between models: the one that has had least of it goes first.
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
    /// - Parameter ready: without repetition; of two that are equal the first goes.
    /// - Returns: an element of `ready`.
    package mutating func pick(from ready: [Key]) -> Key? {
        let stayed = ready.filter(busy.contains)
        floorNanoseconds = max(floorNanoseconds, stayed.map { servedNanoseconds[$0, default: 0] }.min() ?? 0)
        for key in ready where !busy.contains(key) {
            servedNanoseconds[key] = max(servedNanoseconds[key, default: 0], floorNanoseconds)
        }
        busy = Set(ready)
        return ready.min { servedNanoseconds[$0, default: 0] < servedNanoseconds[$1, default: 0] }
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
