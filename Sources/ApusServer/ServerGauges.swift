import RPCTransport
import Telemetry

/// What the server holds now, as metrics.
///
/// - Isolation: any thread.
struct ServerGauges: Sendable {
    private let connections, streams, calls, requestBytes, responseBytes: Gauge

    init(metrics: MetricsRegistry) {
        func gauge(_ name: String, _ help: String) -> Gauge { metrics.gauges(name, help: help).series() }
        connections = gauge("apus_connections_open", "Connections that are open now.")
        streams = gauge("apus_streams_open", "Streams that are open now.")
        calls = gauge("apus_calls_running", "Calls whose handler has not returned.")
        requestBytes = gauge("apus_request_bytes_held", "Bytes of requests that calls hold now.")
        responseBytes = gauge("apus_response_bytes_queued", "Bytes of answers that wait for their clients now.")
    }

    func set(_ counters: RPCServerCounters) {
        connections.set(counters.connectionCount)
        streams.set(counters.streamCount)
        calls.set(counters.callCount)
        requestBytes.set(counters.requestByteCount)
        responseBytes.set(counters.responseByteCount)
    }
}
