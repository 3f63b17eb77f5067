import Testing

@testable import Telemetry

@Suite("Instruments")
struct InstrumentTests {
    private static let calls = Instrument(
        "grpc.server.call.started", .things("call"), help: "Calls.", labels: ["grpc.method"])

    @Test("B173: are named as OpenTelemetry names them, and appear as Prometheus does")
    func names() {
        let cases: [(unit: Instrument.Unit, symbol: String, counter: String, histogram: String)] = [
            (.seconds, "s", "a_b_c_seconds_total", "a_b_c_seconds"),
            (.bytes, "By", "a_b_c_bytes_total", "a_b_c_bytes"),
            (.things("call"), "{call}", "a_b_c_total", "a_b_c"),
        ]
        for (unit, symbol, counter, histogram) in cases {
            let instrument = Instrument("a.b.c", unit, help: "", labels: [])
            #expect(unit.symbol == symbol)
            #expect(instrument.prometheusName(Counter.self) == counter)
            #expect(instrument.prometheusName(Histogram.self) == histogram)
            #expect(instrument.prometheusName(Gauge.self) == histogram)
        }
    }

    @Test("B173: appear with their labels once something is recorded")
    func exposition() {
        let registry = MetricsRegistry()
        registry.counters(Self.calls).series("a.B/C").increment(by: 2)
        #expect(
            registry.exposition() == """
                # HELP grpc_server_call_started_total Calls.
                # TYPE grpc_server_call_started_total counter
                grpc_server_call_started_total{grpc_method="a.B/C"} 2

                """)
    }

    @Test("B173: that are experimental are off until somebody asks for them, and any can be put off")
    func choice() {
        let experimental = Instrument(
            "grpc.client.call.retries", .things("retry"), help: "", labels: ["grpc.method"], isExperimental: true)
        func appears(_ instrument: Instrument, _ configure: (inout InstrumentChoice) -> Void) -> Bool {
            var choice = InstrumentChoice()
            configure(&choice)
            let registry = MetricsRegistry(choice: choice)
            let family = registry.histograms(instrument, bounds: [1])
            family.series("x").observe(1)
            return registry.exposition().contains("_count")
        }
        #expect(!appears(experimental) { _ in })
        #expect(appears(experimental) { $0.enabledInstruments = ["grpc.client.call.retries"] })
        #expect(!appears(experimental) { $0.enabledInstruments = ["grpc.client.call.hedges"] })
        #expect(appears(Self.calls) { _ in })
        #expect(!appears(Self.calls) { $0.disabledInstruments = ["grpc.server.call.started"] })
    }

    @Test("B173: have optional labels only where somebody asks for them; without, the values are counted together")
    func optionalLabels() {
        let instrument = Instrument(
            "grpc.subchannel.disconnections", .things("disconnection"), help: "", labels: ["grpc.target"],
            optionalLabels: ["grpc.lb.locality", "grpc.disconnect_error"])
        func lines(_ labels: Set<String>) -> [String] {
            var choice = InstrumentChoice()
            choice.enabledLabels = labels
            let registry = MetricsRegistry(choice: choice)
            let family = registry.counters(instrument)
            family.series("t", "here", "connection reset").increment()
            family.series("t", "there", "unknown").increment()
            return registry.exposition().split(separator: "\n").dropFirst(2).map(String.init)
        }
        let name = "grpc_subchannel_disconnections_total"
        #expect(lines([]) == ["\(name){grpc_target=\"t\"} 2"])
        #expect(
            lines(["grpc.disconnect_error"]) == [
                "\(name){grpc_target=\"t\",grpc_disconnect_error=\"connection reset\"} 1",
                "\(name){grpc_target=\"t\",grpc_disconnect_error=\"unknown\"} 1",
            ])
    }

    @Test("B173: have names of their own: a second one of the same name is our bug")
    func unique() async {
        await #expect(processExitsWith: .failure) {
            let registry = MetricsRegistry()
            let instrument = Instrument("a.b", .seconds, help: "", labels: [])
            _ = registry.histograms(instrument, bounds: [1])
            _ = registry.histograms(instrument, bounds: [1])
        }
        await #expect(processExitsWith: .failure) {
            let family = MetricsRegistry().counters(Instrument("a.b", .seconds, help: "", labels: ["one"]))
            _ = family.series("one", "two")
        }
    }

    @Test("take counts that were made elsewhere")
    func addedCounts() {
        let histogram = Histogram(bounds: [1, 2])
        histogram.observe(1.5)
        histogram.add(counts: [1, 2, 3], sum: 20)
        #expect(histogram.snapshot.counts == [1, 3, 3])
        #expect(histogram.snapshot.sum == 21.5)
    }
}
