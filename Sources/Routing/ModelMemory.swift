import Vocabulary

/// Which models were served by replicas that are gone, and when last.
///
/// Why: the last replica of a model may be replaced, moved or looked for at this moment. Who calls the model in that
/// time is told to come again, not that there is no such model, which programs do not try again.
///
/// A value without clock, as the table that has it.
struct ModelMemory {
    /// For how long a model is remembered.
    static let nanosecondsMax: UInt64 = 300_000_000_000
    /// How many are remembered; of more, those that were served last.
    static let countMax = 4096

    private var lastTimes: [ModelSelector: MonotonicTime] = [:]

    /// A replica that served these models until `time` is gone, or serves them no more.
    mutating func remember(_ models: some Sequence<ReplicaReport.Model>, until time: MonotonicTime) {
        for model in models {
            let selector = ModelSelector(name: model.name, version: model.version)
            lastTimes[selector] = max(time, lastTimes[selector] ?? time)
        }
        guard lastTimes.count > Self.countMax else { return }
        let oldest = lastTimes.sorted { $0.value < $1.value }.prefix(lastTimes.count - Self.countMax)
        for (selector, _) in oldest { lastTimes[selector] = nil }
    }

    /// Whether the model, in any version where the selector has none, was served not long ago.
    ///
    /// - Complexity: O(models remembered).
    func knows(_ selector: ModelSelector, at now: MonotonicTime) -> Bool {
        lastTimes.contains { known, time in
            known.name == selector.name && (selector.version == nil || known.version == selector.version)
                && now.nanoseconds(since: time) <= Self.nanosecondsMax
        }
    }
}
