import Logging
import RPCTransport
import Synchronization
import Telemetry
import TestSupport
import Testing
import Vocabulary

@testable import ApusServer

/// Keeps what is logged, line by line.
final class LineRecorder: Sendable {
    fileprivate let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }

    func logger(level: Logger.Level = .info) -> Logger {
        var logger = Logger(label: "test") { label in
            LineLogHandler(label: label, clock: { 0 }) { line in self.kept.withLock { $0.append(line) } }
        }
        logger.logLevel = level
        return logger
    }
}

extension LineRecorder {
    /// As `logger`, for lines that are made without it.
    func logLines(level: LogThreshold.Severity) -> LogLines {
        LogLines(threshold: LogThreshold(level), clock: { 0 }) { line in self.kept.withLock { $0.append(line) } }
    }
}

@Suite("The log of connections")
struct ConnectionLogTests {
    private let recorder = LineRecorder()
    private let clock = ManualClock()
    private let metrics = MetricsRegistry()

    private func record(
        _ stage: ConnectionRecord.Stage, _ label: String, isFaultOfPeer: Bool, subject: String? = nil
    ) -> ConnectionRecord {
        ConnectionRecord(
            stage: stage, label: label, isFaultOfPeer: isFaultOfPeer, reason: "in words", peerAddress: "192.0.2.1:5",
            peer: nil, refusedSubject: subject)
    }

    private func log(_ records: [ConnectionRecord], level: Logger.Level = .info) -> [String] {
        let log = ConnectionLog(metrics: metrics, clock: clock, logger: recorder.logger(level: level))
        for record in records { log.observer.connectionDidEnd(record) }
        return recorder.lines
    }

    @Test("has a line with reason, address and subject for a refused handshake, and counts it")
    func refusal() {
        let lines = log([
            record(.handshake, "certificate_revoked", isFaultOfPeer: true, subject: "CN = evil\nfake line"),
            record(.handshake, "certificate_expired", isFaultOfPeer: true),
        ])
        #expect(lines.count == 2)
        #expect(
            lines[0]
                == "1970-01-01T00:00:00.000Z warning handshake refused logger=test detail=\"in words\" "
                + "peer=192.0.2.1:5 reason=certificate_revoked subject=\"CN = evil\\nfake line\"\n")
        #expect(lines[1].contains("reason=certificate_expired") && !lines[1].contains("subject"))
        let exposition = metrics.exposition()
        #expect(exposition.contains("apus_tls_refused_total{reason=\"certificate_revoked\"} 1\n"))
        #expect(exposition.contains("apus_tls_refused_total{reason=\"certificate_expired\"} 1\n"))
        #expect(exposition.contains("apus_connections_closed_total{reason=\"certificate_revoked\"} 1\n"))
    }

    @Test("is quiet about connections that end as they should, and counts them all the same")
    func quiet() {
        let lines = log([
            record(.established, "closed_by_peer", isFaultOfPeer: false),
            record(.handshake, "truncated", isFaultOfPeer: false),
        ])
        #expect(lines.isEmpty)
        #expect(metrics.exposition().contains("apus_connections_closed_total{reason=\"closed_by_peer\"} 1\n"))
        #expect(!metrics.exposition().contains("apus_tls_refused_total{"))
    }

    @Test(
        "tells what happened by the message",
        arguments: [
            (ConnectionRecord.Stage.turnedAway, "connection_limit", false, "warning connection turned away"),
            (.handshake, "handshake_timeout", true, "warning handshake refused"),
            (.handshake, "closed_by_peer", false, "debug handshake abandoned"),
            (.established, "flood_resets", true, "notice connection ended for a fault"),
            (.established, "finished", false, "debug connection closed"),
        ])
    func messages(stage: ConnectionRecord.Stage, label: String, isFault: Bool, text: String) {
        let lines = log([record(stage, label, isFaultOfPeer: isFault)], level: .debug)
        #expect(lines.count == 1 && lines[0].contains(text), "\(lines)")
    }

    @Test("does not fill the disk in a flood, says what it left out, and counts everything")
    func flood() {
        let log = ConnectionLog(metrics: metrics, clock: clock, logger: recorder.logger())
        let refusal = record(.handshake, "unknown_authority", isFaultOfPeer: true)
        for _ in 0..<1_000 { log.observer.connectionDidEnd(refusal) }
        #expect(recorder.lines.count == 10)
        log.observer.connectionDidEnd(record(.handshake, "certificate_expired", isFaultOfPeer: true))
        #expect(recorder.lines.count == 11, "another reason is not held up")
        clock.advance(byNanoseconds: 1_000_000_000)
        log.observer.connectionDidEnd(refusal)
        #expect(recorder.lines.last?.contains("suppressed=990") == true)
        #expect(metrics.exposition().contains("apus_tls_refused_total{reason=\"unknown_authority\"} 1001\n"))
    }
}
