package import Telemetry

/// What becomes of recorded spans, as metrics.
package struct SpanMetrics: Sendable {
    private let sent: MetricFamily<Counter>
    private let lost: MetricFamily<Counter>

    package init(_ metrics: MetricsRegistry) {
        sent = metrics.counters(
            "apus_spans_exported_total", help: "Spans that a file or a collector has taken.", labels: ["destination"])
        lost = metrics.counters(
            "apus_spans_dropped_total",
            help: "Spans that were lost: queue_full, failed (it could not be written or reached), rejected (by it).",
            labels: ["destination", "reason"])
    }

    func exported(_ destination: String) -> Counter { sent.series(destination) }

    func dropped(_ destination: String, _ reason: DropReason) -> Counter {
        lost.series(destination, reason.rawValue)
    }

    enum DropReason: String, CaseIterable {
        case queueFull = "queue_full"
        case failed, rejected
    }
}
