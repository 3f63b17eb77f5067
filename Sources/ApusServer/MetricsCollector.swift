import RPCTransport
import Telemetry
import Vocabulary

/// Makes the text of all metrics: asks the loops for what they keep to themselves, then writes everything down.
///
/// Whoever asks while that goes on waits for the same text, and soon after gets the last one again, so that nobody can
/// keep the loops busy by asking.
actor MetricsCollector {
    /// A text that is not older may be handed out again.
    static let ageNanosecondsMax: UInt64 = 100_000_000

    private let metrics: MetricsRegistry
    private let clock: any MonotonicClock
    /// Brings those metrics up to date that nobody keeps while nobody looks.
    private let refresh: @Sendable () async -> Void
    private var last: (text: String, time: MonotonicTime)?
    private var current: Task<String, Never>?

    init(metrics: MetricsRegistry, clock: any MonotonicClock, refresh: @escaping @Sendable () async -> Void) {
        self.metrics = metrics
        self.clock = clock
        self.refresh = refresh
    }

    /// The metrics, collected no longer ago than `ageNanosecondsMax` before the call.
    func text(ageNanosecondsMax: UInt64 = MetricsCollector.ageNanosecondsMax) async -> String {
        while let task = current {
            let text = await task.value
            // It was begun before this call, so for somebody who wants everything up to now it may be too old.
            if ageNanosecondsMax > 0 { return text }
            if current == task { current = nil }
        }
        if let last, clock.now().nanoseconds(since: last.time) < ageNanosecondsMax { return last.text }
        // A task of its own: whoever asked first may go away.
        let task = Task { [metrics, refresh] in
            await refresh()
            return metrics.exposition()
        }
        current = task
        let time = clock.now()
        let text = await task.value
        if current == task { current = nil }
        if time >= last?.time ?? time { last = (text, time) }
        return text
    }
}
