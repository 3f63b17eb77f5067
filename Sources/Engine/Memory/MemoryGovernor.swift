package import Vocabulary

/// Which models give way when memory is short: decisions, in a value.
///
/// One budget holds weights, caches and graphs alike, since what is full is one memory. A model that has to come in
/// drives out those that were called longest ago, first among those that have nothing to do; but what a tenant has
/// called last, up to its floor, is not driven out for anybody else.
package struct MemoryGovernor: Sendable {
    /// Bytes that all models together may take.
    package let byteCountMax: Int
    /// For each tenant that has a floor: the bytes of its models that others cannot drive out.
    package let floors: [TenantID: Int]

    package init(byteCountMax: Int, floors: [TenantID: Int] = [:]) {
        self.byteCountMax = byteCountMax
        self.floors = floors
    }

    /// The models to unload so that there is room for another one.
    ///
    /// - Parameters:
    ///   - byteCount: that it takes.
    ///   - tenant: who calls it; nil when nobody does, as at the start.
    ///   - residents: everything that is in memory.
    ///   - mayGo: whether a model can be brought back later.
    /// - Returns: as few as suffice, those that have nothing to do first and of them what was called longest ago, none
    ///   when there is room; nil when there is not enough that may go.
    package func victims(
        for byteCount: Int, of tenant: TenantID?, residents: [Engine.Resident], mayGo: (Engine.Resident) -> Bool
    ) -> [Engine.Resident]? {
        var missing = residents.reduce(byteCount) { $0 + $1.byteCount } - byteCountMax
        guard missing > 0 else { return [] }
        let kept = floors.filter { $0.key != tenant }.reduce(into: Set<Int>()) {
            $0.formUnion(protected(for: $1.key, byteCountMax: $1.value, residents))
        }
        let candidates = residents.indices.filter { !kept.contains($0) && mayGo(residents[$0]) }
            .sorted { residents[$0].goesBefore(residents[$1]) }
        var victims: [Engine.Resident] = []
        for index in candidates where missing > 0 {
            victims.append(residents[index])
            missing -= residents[index].byteCount
        }
        guard missing <= 0 else { return nil }
        // One that was chosen early may not be needed any more since a large one was.
        for index in victims.indices.reversed() where missing + victims[index].byteCount <= 0 {
            missing += victims[index].byteCount
            victims.remove(at: index)
        }
        return victims
    }

    /// What a tenant has called last, as far as its floor goes.
    private func protected(
        for tenant: TenantID, byteCountMax: Int, _ residents: [Engine.Resident]
    ) -> [Int] {
        let called = residents.indices.compactMap { index in residents[index].lastUses[tenant].map { (index, $0) } }
        var room = byteCountMax
        var protected: [Int] = []
        for (index, _) in called.sorted(by: { $0.1 > $1.1 }) where residents[index].byteCount <= room {
            room -= residents[index].byteCount
            protected.append(index)
        }
        return protected
    }
}

extension Engine.Resident {
    /// When anybody has called it last; one that nobody has called counts from when it came.
    private var lastUse: MonotonicTime { max(lastUses.values.max() ?? loadTime, loadTime) }

    /// Whether it is less of a loss.
    ///
    /// One that has something to do would be waited for, and then be missed at once.
    fileprivate func goesBefore(_ other: Self) -> Bool {
        isIdle == other.isIdle ? lastUse < other.lastUse : isIdle
    }
}
