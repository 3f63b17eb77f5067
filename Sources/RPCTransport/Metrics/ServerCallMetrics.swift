package import RPC
package import Telemetry
import Vocabulary

/// The metrics of a server's calls.
///
/// - Isolation: any thread.
/// - Source: gRFC A66, "Server Instruments".
package struct ServerCallMetrics: Sendable {
    private let started: MetricFamily<Counter>
    private let duration, sent, received: MetricFamily<Histogram>

    /// - Precondition: `metrics` has none of them yet.
    package init(metrics: MetricsRegistry) {
        let name = "grpc.server.call"
        started = metrics.counters(
            Instrument(
                "\(name).started", .things("call"), help: "Calls that began, also those that have not ended.",
                labels: ["grpc.method"]), seriesCountMax: CallMetricLimits.seriesCountMax)
        duration = metrics.callDurations(
            "\(name).duration", "Time from a call's headers until its status was on its way.",
            labels: ["grpc.method", "grpc.status"])
        sent = metrics.callSizes(
            "\(name).sent_total_compressed_message_size", "Bytes of the response messages of a call, compressed.",
            labels: ["grpc.method", "grpc.status"])
        received = metrics.callSizes(
            "\(name).rcvd_total_compressed_message_size", "Bytes of the request messages of a call, compressed.",
            labels: ["grpc.method", "grpc.status"])
    }

    /// Adds what a loop has counted.
    package func add(_ tally: CallTally) {
        for (method, count) in tally.started { started.series(method).increment(by: count) }
        for ended in tally.ended {
            duration.series(ended.method, ended.status.name).add(durations: ended.durations)
            sent.series(ended.method, ended.status.name).add(byteCounts: ended.sentByteCounts)
            received.series(ended.method, ended.status.name).add(byteCounts: ended.receivedByteCounts)
        }
    }
}

enum CallMetricLimits {
    /// Methods are registered, statuses are seventeen and targets are configured: the limit is for what was forgotten.
    static let seriesCountMax = 10_000
}

extension MetricsRegistry {
    func callDurations(
        _ name: String, _ help: String, labels: [String], isExperimental: Bool = false
    ) -> MetricFamily<Histogram> {
        histograms(
            Instrument(name, .seconds, help: help, labels: labels, isExperimental: isExperimental),
            bounds: CallBuckets.durationBounds, seriesCountMax: CallMetricLimits.seriesCountMax)
    }

    func callSizes(_ name: String, _ help: String, labels: [String]) -> MetricFamily<Histogram> {
        histograms(
            Instrument(name, .bytes, help: help, labels: labels), bounds: CallBuckets.byteCountBounds.map(Double.init),
            seriesCountMax: CallMetricLimits.seriesCountMax)
    }
}

extension Histogram {
    /// Adds durations in nanoseconds to a histogram of seconds.
    func add(durations: CallTally.Distribution) {
        add(counts: durations.bucketCounts, sum: Double(durations.sum) / 1_000_000_000)
    }

    func add(byteCounts: CallTally.Distribution) {
        add(counts: byteCounts.bucketCounts, sum: Double(byteCounts.sum))
    }
}
