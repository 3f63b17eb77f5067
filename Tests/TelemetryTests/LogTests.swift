import Logging
import Synchronization
import Testing
import Vocabulary

@testable import Telemetry

@Suite("A log line")
struct LogLineTests {
    @Test(
        "has a time in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_772_323_199_999, "2026-02-28T23:59:59.999Z"), (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func timestamps(milliseconds: Int64, text: String) {
        #expect(LogLine.timestamp(millisecondsSince1970: milliseconds) == text)
    }

    @Test(
        "cannot be forged by a value",
        arguments: [
            ("plain-1.0/x:y", "plain-1.0/x:y"), ("", "\"\""), ("two words", "\"two words\""),
            ("a\nb=c", "\"a\\nb=c\""), ("say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""), ("\u{1B}[31m", "\"\\u{1b}[31m\""),
            ("übung", "\"übung\""), ("a\u{202E}b", "\"a\\u{202e}b\""),
            ("a\u{2028}b\u{2029}", "\"a\\u{2028}b\\u{2029}\""),
            (String(repeating: "x", count: 512), String(repeating: "x", count: 512)),
            (String(repeating: "x", count: 513), "\"\(String(repeating: "x", count: 512))…\""),
        ])
    func values(value: String, written: String) {
        var line = LogLine(time: "T", level: "info", message: "a message")
        line.append(key: "k y", value: value)
        #expect(line.text == "T info a message k_y=\(written)")
    }

    private func text(_ entry: AccessLogEntry) -> String {
        var line = LogLine(time: "T", level: "info", message: "call")
        entry.write(to: &line)
        return line.text
    }

    @Test("of a call gives what is known about it, in a fixed order")
    func accessLog() {
        var entry = AccessLogEntry(
            requestID: RequestID(17), method: "/inference.GRPCInferenceService/ModelInfer", status: .ok,
            durationNanoseconds: 1_002_999, requestByteCount: 3_200, responseByteCount: 88, requestMessageCount: 1,
            responseMessageCount: 2)
        entry.tenant = TenantID("acme")
        entry.model = "digits"
        entry.modelVersion = "3"
        entry.shard = "10.0.0.5:8461"
        entry.queueNanoseconds = 20_000
        entry.computeNanoseconds = 900_000
        entry.amounts = [.init(name: "images", count: 4)]
        entry.trace = TraceID(high: 1, low: 0xAB)
        #expect(
            text(entry)
                == "T info call request=17 method=/inference.GRPCInferenceService/ModelInfer tenant=acme model=digits "
                + "version=3 shard=10.0.0.5:8461 status=OK milliseconds=1.002 queue_milliseconds=0.020 "
                + "compute_milliseconds=0.900 request_bytes=3200 response_bytes=88 request_messages=1 "
                + "response_messages=2 images=4 trace=000000000000000100000000000000ab")
        entry = AccessLogEntry(
            requestID: RequestID(17), method: nil, status: .ok, durationNanoseconds: 1_002_999,
            requestByteCount: 3_200, responseByteCount: 88, requestMessageCount: 1, responseMessageCount: 0)
        entry.model = "no\nsuch"
        entry.status = .notFound
        entry.reason = "unknown_model"
        #expect(
            text(entry)
                == "T info call request=17 model=\"no\\nsuch\" status=NOT_FOUND reason=unknown_model "
                + "milliseconds=1.002 request_bytes=3200 response_bytes=88 request_messages=1 response_messages=0")
    }
}

@Suite("The lines of a log")
struct LogLinesTests {
    @Test("are written from their level on, beside those of a logger, and made only then")
    func lines() {
        let collector = Collector()
        let threshold = LogThreshold(.info)
        let lines = LogLines(threshold: threshold, clock: { 0 }, sink: { collector.append($0) })
        lines.write(.debug, "call") { _ in Issue.record("made in vain") }
        lines.write(.info, "call") { $0.append(key: "k", value: "a b") }
        let logger = lines.logger(label: "apus.test")
        logger.debug("not written")
        threshold.severity = .debug
        logger.debug("written")
        #expect(
            collector.lines == [
                "1970-01-01T00:00:00.000Z info call k=\"a b\"\n",
                "1970-01-01T00:00:00.000Z debug written logger=apus.test\n",
            ])
    }
}

@Suite("The levels of a log")
struct LogThresholdTests {
    @Test("one between others may be left out, by loggers and by lines", arguments: LogThreshold.Severity.allCases)
    func leftOut(severity: LogThreshold.Severity) {
        let collector = Collector()
        let threshold = LogThreshold(.critical)
        var severities = LogThreshold.Severities()
        severities.insert(severity)
        threshold.severities = severities
        let lines = LogLines(threshold: threshold, clock: { 0 }, sink: { collector.append($0) })
        let logger = lines.logger(label: "apus.test")
        for (each, level) in zip(LogThreshold.Severity.allCases, Logger.Level.allCases) {
            logger.log(level: level, "by a logger")
            lines.write(each, "by itself") { _ in }
        }
        let written = severity == .critical ? [severity] : [severity, .critical]
        #expect(
            collector.lines
                == written.flatMap {
                    [
                        "1970-01-01T00:00:00.000Z \($0) by a logger logger=apus.test\n",
                        "1970-01-01T00:00:00.000Z \($0) by itself\n",
                    ]
                })
        #expect(threshold.severity == severity)
    }
}

@Suite("The log handler")
struct LineLogHandlerTests {
    @Test("writes one line an event, with all metadata in order, above its level")
    func lines() {
        let collector = Collector()
        var handler = LineLogHandler(label: "apus.test", logLevel: .info, clock: { 0 }, sink: { collector.append($0) })
        handler[metadataKey: "loop"] = "3"
        handler[metadataKey: "zone"] = "handler"
        let logger = Logger(label: "apus.test", factory: { [handler] _ in handler })
        logger.debug("not written")
        logger.warning("queue full", metadata: ["zone": "event", "model": "a b"])
        #expect(
            collector.lines == [
                "1970-01-01T00:00:00.000Z warning queue full logger=apus.test loop=3 model=\"a b\" zone=event\n"
            ])
    }

    @Test("follows a threshold that is shared, in loggers that were there before it changed")
    func threshold() {
        let collector = Collector()
        let threshold = LogThreshold(.warning)
        let logger = Logger(label: "apus.test") { label in
            LineLogHandler(label: label, threshold: threshold, clock: { 0 }, sink: { collector.append($0) })
        }
        logger.info("too quiet")
        threshold.severity = .debug
        logger.debug("loud enough")
        #expect(logger.logLevel == .debug)
        threshold.level = .error
        logger.warning("too quiet")
        #expect(collector.lines == ["1970-01-01T00:00:00.000Z debug loud enough logger=apus.test\n"])
        for level in Logger.Level.allCases {
            threshold.level = level
            #expect(threshold.level == level)
        }
    }
}

private final class Collector: Sendable {
    private let state = Mutex<[String]>([])
    func append(_ line: String) { state.withLock { $0.append(line) } }
    var lines: [String] { state.withLock { $0 } }
}
