import Vocabulary

/// How long batches of one model take, for each kind of request by itself: images of twice the size take longer.
struct BatchCosts<Key: Hashable & Sendable>: Sendable {
    private struct Measured {
        var costs = StepCostModel()
        var last: MonotonicTime
    }

    private var byKey: [Key: Measured] = [:]

    /// Most kinds that are told apart; the one that was not seen for the longest time makes room.
    static var keyCountMax: Int { 64 }

    /// What the batch of a kind takes of the engine for a sample, when it is full; 1 before anything is measured.
    func nanosecondsPerSample(of key: Key, batchSizeMax: Int) -> Double {
        guard let measured = byKey[key] else { return 1 }
        var work = StepWork()
        work.add(sampleCount: batchSizeMax)
        return max(1, measured.costs.nanoseconds(for: work) / Double(batchSizeMax))
    }

    /// The least time in which a request of a kind is answered, by how many samples it has.
    ///
    /// - Returns: nil when too little is known, or nothing of late.
    func nanosecondsAtLeast(of key: Key, at now: MonotonicTime) -> ((_ sampleCount: Int) -> UInt64)? {
        guard let measured = byKey[key], measured.costs.isReliable,
            now.nanoseconds(since: measured.last) <= StepCostModel.predictionAgeNanosecondsMax
        else { return nil }
        return { sampleCount in
            var work = StepWork()
            work.add(sampleCount: sampleCount)
            return UInt64(max(0, measured.costs.nanoseconds(for: work) - measured.costs.errorNanoseconds))
        }
    }

    /// Learns from a batch that was run.
    mutating func learn(_ key: Key, sampleCount: Int, nanoseconds: UInt64, at now: MonotonicTime) {
        if byKey[key] == nil, byKey.count >= Self.keyCountMax,
            let oldest = byKey.min(by: { $0.value.last < $1.value.last })
        {
            byKey[oldest.key] = nil
        }
        var work = StepWork()
        work.add(sampleCount: sampleCount)
        byKey[key, default: Measured(last: now)].costs.learn(work, nanoseconds: nanoseconds)
        byKey[key]?.last = now
    }
}
