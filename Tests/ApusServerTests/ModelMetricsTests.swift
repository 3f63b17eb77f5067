import Engine
import Telemetry
import Testing

@testable import ApusServer

@Suite("ModelMetrics")
struct ModelMetricsTests {
    @Test("counts grow by what has happened since the last look, also after a model was loaded anew")
    func counts() {
        let registry = MetricsRegistry()
        let metrics = ModelMetrics(metrics: registry)
        for (requests, expected) in [(UInt64(5), 5), (5, 5), (9, 9), (2, 11), (3, 12)] {
            var counters = ModelCounters()
            counters.requestCount = requests
            metrics.update([ModelMetrics.Snapshot(name: "m", version: "1", isText: false, counters: counters)])
            #expect(
                registry.exposition().contains("apus_model_requests_total{model=\"m\",version=\"1\"} \(expected)\n"))
        }
        #expect(!registry.exposition().contains("apus_text_prompt_tokens_total{"), "it is no text model")
    }

    @Test("time is counted in seconds, what was wasted of it too")
    func time() {
        let registry = MetricsRegistry()
        let metrics = ModelMetrics(metrics: registry)
        for nanoseconds in [UInt64(1_500_000_000), 2_000_000_000] {
            var counters = ModelCounters()
            counters.computeNanoseconds = nanoseconds
            counters.wastedComputeNanoseconds = nanoseconds / 4
            metrics.update([ModelMetrics.Snapshot(name: "m", version: "1", isText: false, counters: counters)])
        }
        let text = registry.exposition()
        #expect(text.contains("apus_model_compute_seconds_total{model=\"m\",version=\"1\"} 2.0\n"))
        #expect(text.contains("apus_model_wasted_compute_seconds_total{model=\"m\",version=\"1\"} 0.5\n"))
    }

    @Test("of a text model the pages are told apart, and models and versions too")
    func pages() {
        let registry = MetricsRegistry()
        let metrics = ModelMetrics(metrics: registry)
        var counters = ModelCounters()
        counters.cachePageCountTotal = 10
        counters.cachePageCountUsed = 3
        counters.cachePageCountCached = 5
        counters.cachedTokenCount = 80
        metrics.update([
            ModelMetrics.Snapshot(name: "m", version: "1", isText: true, counters: counters),
            ModelMetrics.Snapshot(name: "m", version: "2", isText: true, counters: ModelCounters()),
        ])
        let text = registry.exposition()
        for line in [
            "apus_text_cache_pages{model=\"m\",version=\"1\",state=\"held\"} 3",
            "apus_text_cache_pages{model=\"m\",version=\"1\",state=\"cached\"} 5",
            "apus_text_cache_pages{model=\"m\",version=\"1\",state=\"free\"} 2",
            "apus_text_cached_tokens_total{model=\"m\",version=\"1\"} 80",
            "apus_text_cached_tokens_total{model=\"m\",version=\"2\"} 0",
        ] { #expect(text.contains(line + "\n"), "\(line)") }
    }

    @Test("a version that is gone holds nothing any more, and what it has done stays counted")
    func gone() {
        let registry = MetricsRegistry()
        let metrics = ModelMetrics(metrics: registry)
        var counters = ModelCounters()
        counters.requestCount = 7
        counters.queuedRequestCount = 2
        counters.runningSequenceCount = 1
        counters.cachePageCountTotal = 10
        counters.cachePageCountUsed = 3
        let (old, new) = ("model=\"m\",version=\"1\"", "model=\"m\",version=\"2\"")
        func look(at versions: String...) -> String {
            metrics.update(
                versions.map {
                    ModelMetrics.Snapshot(
                        name: "m", version: $0, isText: true, residentByteCount: 50, counters: counters)
                })
            return registry.exposition()
        }
        func held(_ text: String, _ labels: String) -> [Bool] {
            [
                "apus_model_requests_waiting{\(labels)} 2", "apus_text_sequences_running{\(labels)} 1",
                "apus_text_cache_pages{\(labels),state=\"held\"} 3", "apus_model_resident_bytes{\(labels)} 50",
            ].map { text.contains($0 + "\n") }
        }
        #expect(held(look(at: "1"), old) == [true, true, true, true])
        let text = look(at: "2")
        #expect(held(text, old) == [false, false, false, false] && held(text, new) == [true, true, true, true])
        #expect(text.contains("apus_text_cache_pages{\(old),state=\"free\"} 0\n"))
        #expect(text.contains("apus_model_requests_total{\(old)} 7\n"))
        // One that comes again counts from zero, as it was loaded anew.
        #expect(look(at: "1", "2").contains("apus_model_requests_total{\(old)} 14\n"))
    }
}
