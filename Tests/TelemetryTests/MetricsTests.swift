import Testing

@testable import Telemetry

@Suite("Metrics")
struct MetricsTests {
    @Test("appear as text, in the order of their names, escaped")
    func exposition() {
        let registry = MetricsRegistry()
        let calls = registry.counters("apus_calls_total", help: "Calls answered.", labels: ["model", "code"])
        let open = registry.gauges("apus_connections", help: "Open\nnow, as \\ counted.")
        let seconds = registry.histograms(
            "apus_call_seconds", help: "Latency.", labels: ["model"], bounds: [0.01, 0.1])
        calls.series("text", "OK").increment(by: 3)
        calls.series("a\"b\\c\nd", "OK").increment()
        calls.series("text", "OK").increment()
        open.series().set(5)
        open.series().add(-2)
        for value in [0.005, 0.01, 0.05, 2, .nan] { seconds.series("text").observe(value) }
        #expect(
            registry.exposition() == """
                # HELP apus_call_seconds Latency.
                # TYPE apus_call_seconds histogram
                apus_call_seconds_bucket{model="text",le="0.01"} 2
                apus_call_seconds_bucket{model="text",le="0.1"} 3
                apus_call_seconds_bucket{model="text",le="+Inf"} 4
                apus_call_seconds_sum{model="text"} 2.065
                apus_call_seconds_count{model="text"} 4
                # HELP apus_calls_total Calls answered.
                # TYPE apus_calls_total counter
                apus_calls_total{model="a\\"b\\\\c\\nd",code="OK"} 1
                apus_calls_total{model="text",code="OK"} 4
                # HELP apus_connections Open\\nnow, as \\\\ counted.
                # TYPE apus_connections gauge
                apus_connections 3

                """)
    }

    @Test("of time are written in seconds, and shares as fractions")
    func fractions() {
        let registry = MetricsRegistry()
        registry.durations("apus_compute_seconds_total", help: "Time.").series().increment(byNanoseconds: 2_250_000_000)
        registry.fractions("apus_index", help: "Index.").series().set(0.75)
        #expect(
            registry.exposition() == """
                # HELP apus_compute_seconds_total Time.
                # TYPE apus_compute_seconds_total counter
                apus_compute_seconds_total 2.25
                # HELP apus_index Index.
                # TYPE apus_index gauge
                apus_index 0.75

                """)
    }

    @Test("are bounded: label values past the limit are counted together")
    func labelLimit() {
        let registry = MetricsRegistry()
        let calls = registry.counters("calls_total", help: "Calls.", labels: ["tenant"], seriesCountMax: 2)
        for number in 0..<100 { calls.series("t\(number)").increment() }
        calls.series("t1").increment()
        #expect(
            registry.exposition() == """
                # HELP calls_total Calls.
                # TYPE calls_total counter
                calls_total{tenant="other"} 98
                calls_total{tenant="t0"} 1
                calls_total{tenant="t1"} 2

                """)
    }

    @Test("lose nothing when many tasks count at once")
    func concurrency() async {
        let registry = MetricsRegistry()
        let calls = registry.counters("calls_total", help: "Calls.", labels: ["task"])
        let level = registry.gauges("level", help: "Level.").series()
        let sizes = registry.histograms("sizes", help: "Sizes.", bounds: Histogram.powerOfTwoBounds).series()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for value in 0..<1_000 {
                        calls.series("\(task % 4)").increment()
                        level.add(value % 2 == 0 ? 1 : -1)
                        sizes.observe(Double(value % 16))
                    }
                }
            }
        }
        #expect((0..<4).map { calls.series("\($0)").value } == [2_000, 2_000, 2_000, 2_000])
        #expect(level.value == 0)
        #expect(sizes.snapshot.count == 8_000)
        #expect(sizes.snapshot.sum == Double(8 * (62 * 120 + 28)))
    }

    @Test("with a bound exactly met fall into that bucket, and past the last into the rest")
    func buckets() {
        let histogram = Histogram(bounds: [1, 2, 4])
        for value in [-1, 1, 1.5, 2, 4, 4.5, .infinity] { histogram.observe(value) }
        #expect(histogram.snapshot.counts == [2, 2, 1, 2])
    }

    @Test("with the same name, or bounds that do not ascend, are our bug")
    func preconditions() async {
        await #expect(processExitsWith: .failure) {
            let registry = MetricsRegistry()
            _ = registry.counters("twice", help: "")
            _ = registry.gauges("twice", help: "")
        }
        await #expect(processExitsWith: .failure) { _ = Histogram(bounds: [1, 1]) }
        await #expect(processExitsWith: .failure) { _ = MetricsRegistry().counters("1st", help: "") }
    }
}
