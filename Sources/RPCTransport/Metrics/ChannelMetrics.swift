import RPC
package import Telemetry
import Vocabulary

/// The metrics of channels: of their calls, of the attempts those took, and of their connections.
///
/// One registry has one of them, for as many channels as there are.
///
/// - Isolation: any thread.
/// - Source: gRFC A66, "Client Per-Attempt Instruments", "Client Per-Call Instruments"; A94; A96.
package final class ChannelMetrics: Sendable {
    /// The methods that are counted by name, as `/package.Service/Method`; all others together as `other`.
    package let methods: [String]
    private let started: MetricFamily<Counter>
    private let attemptDuration, sent, received, callDuration: MetricFamily<Histogram>
    private let retries, transparentRetries, retryDelay: MetricFamily<Histogram>
    fileprivate let connectionsSucceeded, connectionsFailed, disconnections: MetricFamily<Counter>
    fileprivate let openConnections: MetricFamily<Gauge>

    /// - Precondition: `metrics` has none of them yet.
    package init(metrics: MetricsRegistry, methods: [String]) {
        self.methods = methods
        let ended = ["grpc.method", "grpc.target", "grpc.status"]
        let attempt = "grpc.client.attempt"
        started = metrics.counters(
            Instrument(
                "\(attempt).started", .things("attempt"), help: "Attempts that began, also those that have not ended.",
                labels: Array(ended.dropLast())), seriesCountMax: CallMetricLimits.seriesCountMax)
        attemptDuration = metrics.callDurations(
            "\(attempt).duration", "Time that an attempt took, the wait for a connection included.", labels: ended)
        sent = metrics.callSizes(
            "\(attempt).sent_total_compressed_message_size", "Bytes of the request messages of an attempt, compressed.",
            labels: ended)
        received = metrics.callSizes(
            "\(attempt).rcvd_total_compressed_message_size",
            "Bytes of the response messages of an attempt, compressed.", labels: ended)
        callDuration = metrics.callDurations(
            "grpc.client.call.duration", "Time that a call took, with all its attempts.", labels: ended)

        retries = metrics.retries("retries", "retry", "Attempts after the first of a call that was retried.", 5)
        transparentRetries = metrics.retries(
            "transparent_retries", "transparent_retry", "Attempts of a call that the server had not seen.", 10)
        retryDelay = metrics.callDurations(
            "grpc.client.call.retry_delay", "Time without an attempt of a call that was retried.",
            labels: Array(ended.dropLast()), isExperimental: true)

        connectionsSucceeded = metrics.connections("connection_attempts_succeeded", "Connections that were made.")
        connectionsFailed = metrics.connections("connection_attempts_failed", "Connections that could not be made.")
        disconnections = metrics.connections(
            "disconnections", "Connections that were made and are gone.", thing: "disconnection",
            optionalLabels: ["grpc.disconnect_error"])
        openConnections = metrics.gauges(
            Instrument(
                "grpc.subchannel.open_connections", .things("connection"), help: "Connections that are open now.",
                labels: ["grpc.target"], optionalLabels: ["grpc.security_level"], isExperimental: true))
    }

    /// Adds what a lane of a channel to `target` has counted.
    func add(attempts: CallTally, calls: CallTally, target: String) {
        for (method, count) in attempts.started { started.series(method, target).increment(by: count) }
        for ended in attempts.ended {
            attemptDuration.series(ended.method, target, ended.status.name).add(durations: ended.durations)
            sent.series(ended.method, target, ended.status.name).add(byteCounts: ended.sentByteCounts)
            received.series(ended.method, target, ended.status.name).add(byteCounts: ended.receivedByteCounts)
        }
        for ended in calls.ended {
            callDuration.series(ended.method, target, ended.status.name).add(durations: ended.durations)
        }
    }

    /// A call has ended that took more than one attempt.
    ///
    /// - Source: gRFC A96: a call without retries is not recorded.
    func callWasRetried(_ method: String, target: String, _ call: CallRetries) {
        if call.retryCount > 0 { retries.series(method, target).observe(Double(call.retryCount)) }
        if call.transparentRetryCount > 0 {
            transparentRetries.series(method, target).observe(Double(call.transparentRetryCount))
        }
        retryDelay.series(method, target).observe(Double(call.delayNanoseconds) / 1_000_000_000)
    }
}

/// The part of a channel's metrics that its connections keep.
///
/// - Isolation: any thread.
/// - Source: gRFC A94.
struct SubchannelMetrics {
    let metrics: ChannelMetrics
    let target: String
    let isSecure: Bool

    private var openConnections: Gauge {
        metrics.openConnections.series(target, isSecure ? "privacy_and_integrity" : "none")
    }

    func connectionDidSucceed() {
        metrics.connectionsSucceeded.series(target).increment()
        openConnections.add(1)
    }

    func connectionDidFail() { metrics.connectionsFailed.series(target).increment() }

    /// A connection that had succeeded is gone.
    func connectionDidEnd(_ error: DisconnectError) {
        metrics.disconnections.series(target, error.label).increment()
        openConnections.add(-1)
    }
}

extension MetricsRegistry {
    fileprivate func retries(_ name: String, _ thing: String, _ help: String, _ boundMax: Double) -> MetricFamily<
        Histogram
    > {
        histograms(
            Instrument(
                "grpc.client.call.\(name)", .things(thing), help: help, labels: ["grpc.method", "grpc.target"],
                isExperimental: true),
            bounds: [1, 2, 3, 4, 5] + (boundMax > 5 ? [boundMax] : []),
            seriesCountMax: CallMetricLimits.seriesCountMax)
    }

    fileprivate func connections(
        _ name: String, _ help: String, thing: String = "attempt", optionalLabels: [String] = []
    ) -> MetricFamily<Counter> {
        counters(
            Instrument(
                "grpc.subchannel.\(name)", .things(thing), help: help, labels: ["grpc.target"],
                optionalLabels: optionalLabels, isExperimental: true))
    }
}
