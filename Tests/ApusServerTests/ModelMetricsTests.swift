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
}
