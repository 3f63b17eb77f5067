import Engine
import Models
import Routing
import Synchronization
import Telemetry
import Vocabulary

/// What models have done and what they hold now, as metrics.
///
/// The engine counts for each model; what it has counted since the last look is added here.
///
/// - Isolation: any thread.
final class ModelMetrics: Sendable {
    /// One version of one model, and what it has counted since it was loaded.
    struct Snapshot {
        let name: String
        let version: String
        /// Whether it has tokens and a cache of pages.
        let isText: Bool
        /// What it takes of the memory now.
        var residentByteCount = 0
        let counters: ModelCounters
    }

    private typealias Count = @Sendable (ModelCounters) -> UInt64
    private typealias Level = @Sendable (ModelCounters) -> Int

    private let counts: [(family: MetricFamily<Counter>, isOfText: Bool, count: Count)]
    private let levels: [(family: MetricFamily<Gauge>, isOfText: Bool, level: Level)]
    private let times: [(family: MetricFamily<DurationCounter>, nanoseconds: Count)]
    private let pages: MetricFamily<Gauge>
    private let residentBytes: MetricFamily<Gauge>
    private struct Known {
        /// What was added last.
        var counters: ModelCounters
        let isText: Bool
        /// Whether it was there at the last look.
        var isThere = true
    }

    /// By name and version.
    private let known = Mutex<[[String]: Known]>([:])

    init(metrics: MetricsRegistry) {
        func count(
            _ name: String, _ help: String, isOfText: Bool = true, _ count: @escaping Count
        ) -> (MetricFamily<Counter>, Bool, Count) {
            (metrics.counters(name, help: help, labels: ["model", "version"]), isOfText, count)
        }
        func level(
            _ name: String, _ help: String, isOfText: Bool = true, _ level: @escaping Level
        ) -> (MetricFamily<Gauge>, Bool, Level) {
            (metrics.gauges(name, help: help, labels: ["model", "version"]), isOfText, level)
        }
        counts = [
            count("apus_model_requests_total", "Requests taken or refused.", isOfText: false) { $0.requestCount },
            count("apus_model_failures_total", "Requests that ended in an error.", isOfText: false) {
                $0.failureCount
            },
            count("apus_model_executions_total", "Batches, or steps of a language model.", isOfText: false) {
                $0.executionCount
            },
            count("apus_text_prompt_tokens_total", "Tokens of prompts.") { $0.promptTokenCount },
            count("apus_text_cached_tokens_total", "Tokens of prompts that the cache had.") { $0.cachedTokenCount },
            count("apus_text_generated_tokens_total", "Tokens generated.") { $0.generatedTokenCount },
            count("apus_text_guessed_tokens_total", "Tokens computed as guesses (speculation).") {
                $0.guessedTokenCount
            },
            count("apus_text_confirmed_tokens_total", "Guesses that were right, each a step less.") {
                $0.confirmedTokenCount
            },
            count("apus_text_preemptions_total", "Texts whose pages were taken away for others.") {
                $0.preemptionCount
            },
            count("apus_text_cache_evictions_total", "Cached pages that were given to others.") {
                $0.cacheEvictionCount
            },
        ]
        levels = [
            level("apus_model_requests_waiting", "Requests that wait now.", isOfText: false) {
                $0.queuedRequestCount
            },
            level("apus_text_sequences_running", "Texts that hold pages of the cache now.") {
                $0.runningSequenceCount
            },
        ]
        func time(
            _ name: String, _ help: String, _ nanoseconds: @escaping Count
        ) -> (MetricFamily<DurationCounter>, Count) {
            (metrics.durations(name, help: help, labels: ["model", "version"]), nanoseconds)
        }
        times = [
            time("apus_model_compute_seconds_total", "Time of all batches or steps.") { $0.computeNanoseconds },
            time(
                "apus_model_wasted_compute_seconds_total",
                "Of that, for requests that were cancelled or expired before they were answered."
            ) { $0.wastedComputeNanoseconds },
        ]
        residentBytes = metrics.gauges(
            "apus_model_resident_bytes",
            help: "Memory that a model takes now: weights, cache and graph; 0 for one that rests.",
            labels: ["model", "version"])
        pages = metrics.gauges(
            "apus_text_cache_pages",
            help: "Pages of the cache: held by texts, cached for prompts that begin alike, or free.",
            labels: ["model", "version", "state"])
    }

    /// Adds what has happened since the last time.
    ///
    /// Versions that are gone hold nothing any more, and are counted from zero when they come again.
    func update(_ snapshots: [Snapshot]) {
        known.withLock { known in
            let present = Set(snapshots.map { [$0.name, $0.version] })
            for (key, entry) in known where entry.isThere && !present.contains(key) {
                show(Snapshot(name: key[0], version: key[1], isText: entry.isText, counters: ModelCounters()))
                known[key]?.isThere = false
            }
            for snapshot in snapshots {
                let entry = Known(counters: snapshot.counters, isText: snapshot.isText)
                let before = known.updateValue(entry, forKey: [snapshot.name, snapshot.version])
                add(snapshot, since: before.flatMap { $0.isThere ? $0.counters : nil } ?? ModelCounters())
                show(snapshot)
            }
        }
    }

    /// Looks at every model of an engine.
    func update(from engine: Engine) {
        update(
            engine.models.compactMap { model in
                let selector = ModelSelector(name: model.name, version: model.version)
                guard let counters = try? engine.counters(of: selector), let terms = try? engine.terms(of: selector)
                else { return nil }
                let isResting = engine.isResting(model.name, model.version)
                return Snapshot(
                    name: model.name.name, version: model.version.description, isText: model.modality == .text,
                    residentByteCount: isResting ? 0 : terms.residentByteCount, counters: counters)
            })
    }

    private func add(_ snapshot: Snapshot, since before: ModelCounters) {
        for (family, isOfText, count) in counts where snapshot.isText || !isOfText {
            let growth = growth(from: count(before), to: count(snapshot.counters))
            family.series(snapshot.name, snapshot.version).increment(by: growth)
        }
        for (family, nanoseconds) in times {
            let growth = growth(from: nanoseconds(before), to: nanoseconds(snapshot.counters))
            family.series(snapshot.name, snapshot.version).increment(byNanoseconds: growth)
        }
    }

    /// Shows what goes up and down.
    private func show(_ snapshot: Snapshot) {
        for (family, isOfText, level) in levels where snapshot.isText || !isOfText {
            family.series(snapshot.name, snapshot.version).set(level(snapshot.counters))
        }
        residentBytes.series(snapshot.name, snapshot.version).set(snapshot.residentByteCount)
        guard snapshot.isText else { return }
        let (held, cached) = (snapshot.counters.cachePageCountUsed, snapshot.counters.cachePageCountCached)
        let free = snapshot.counters.cachePageCountTotal - held - cached
        for (state, count) in [("held", held), ("cached", cached), ("free", free)] {
            pages.series(snapshot.name, snapshot.version, state).set(count)
        }
    }

    /// A model that was loaded anew counts from zero.
    private func growth(from then: UInt64, to now: UInt64) -> UInt64 { now >= then ? now - then : now }
}
