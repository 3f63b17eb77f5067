import Logging
import RPCTransport
import Synchronization
import TLS
import Telemetry
import Vocabulary

/// What is logged and counted of connections that end.
///
/// A refused handshake is a line, as many for one reason as `LogRateLimit` lets pass; the counters count all.
///
/// - Isolation: any thread.
final class ConnectionLog: Sendable {
    private let ended: MetricFamily<Counter>
    private let refused: MetricFamily<Counter>
    private let limit = Mutex(LogRateLimit())
    private let clock: any MonotonicClock
    private let logger: Logger

    init(metrics: MetricsRegistry, clock: any MonotonicClock, logger: Logger) {
        ended = metrics.counters(
            "apus_connections_closed_total", help: "Connections that ended, by how.", labels: ["reason"],
            seriesCountMax: 100)
        refused = metrics.counters(
            "apus_tls_refused_total", help: "TLS handshakes that failed, by why.", labels: ["reason"],
            seriesCountMax: 100)
        self.clock = clock
        self.logger = logger
    }

    var observer: ConnectionObserver {
        ConnectionObserver { self.connectionDidEnd($0) }
    }

    private func connectionDidEnd(_ record: ConnectionRecord) {
        ended.series(record.label).increment()
        let event = ConnectionEvent(record)
        if event.isRefusal { refused.series(record.label).increment() }
        guard logger.logLevel <= event.level else { return }
        let now = clock.now().nanoseconds
        guard let suppressedCount = limit.withLock({ $0.admit(record.label, at: now) }) else { return }
        var metadata = event.metadata
        if suppressedCount > 0 { metadata["suppressed"] = "\(suppressedCount)" }
        logger.log(level: event.level, event.message, metadata: metadata)
    }
}

/// The end of a connection as a line of log.
struct ConnectionEvent {
    let message: Logger.Message
    let level: Logger.Level
    let metadata: Logger.Metadata
    /// Whether TLS failed, for whatever reason.
    let isRefusal: Bool

    init(_ record: ConnectionRecord) {
        isRefusal = record.stage == .handshake && record.isFaultOfPeer
        switch (record.stage, record.isFaultOfPeer) {
        case (.turnedAway, _): (message, level) = ("connection turned away", .warning)
        case (.handshake, true): (message, level) = ("handshake refused", .warning)
        // A peer that leaves before it has said anything is a probe, or has changed its mind.
        case (.handshake, false): (message, level) = ("handshake abandoned", .debug)
        case (.established, true): (message, level) = ("connection ended for a fault", .notice)
        case (.established, false): (message, level) = ("connection closed", .debug)
        }
        var metadata: Logger.Metadata = ["reason": "\(record.label)", "peer": "\(record.peerAddress)"]
        if record.reason != record.label { metadata["detail"] = "\(record.reason)" }
        if let subject = record.refusedSubject { metadata["subject"] = "\(subject)" }
        if let peer = record.peer { metadata["identity"] = "\(peer.principal.spiffePath)" }
        self.metadata = metadata
    }
}
