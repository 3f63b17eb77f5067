import HTTP2
import Logging
import Telemetry
import TestSupport
import Testing
import Vocabulary

@testable import ApusServer
@testable import RPC

@Suite("The log of calls")
struct CallLogTests {
    private let recorder = LineRecorder()
    private let clock = ManualClock()

    private func record(_ status: StatusCode, method: String? = "/a/B") -> CallRecord {
        CallRecord(
            requestID: RequestID(1), method: method, status: status, label: "label",
            peer: PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme"), requestByteCount: 3,
            responseByteCount: 4, requestMessageCount: 1, responseMessageCount: 2, durationNanoseconds: 5_000_000,
            headers: nil, note: nil)
    }

    private func log(_ wanted: ServerConfiguration.AccessLog, level: Logger.Level = .info) -> CallLog {
        CallLog(wanted, lines: recorder.logLines(level: .init(level)), clock: clock)
    }

    @Test("lines of failures are limited, each status apart, and the next line counts those left out")
    func limit() {
        let log = log(.failures)
        for _ in 0..<CallLog.burstCountMax + 7 { log.callDidEnd(record(.notFound)) }
        #expect(recorder.lines.count == CallLog.burstCountMax)
        log.callDidEnd(record(.internal))
        #expect(recorder.lines.last?.contains(" error call ") == true, "another status has a limit of its own")
        clock.advance(byNanoseconds: 1_000_000_000 / CallLog.linesPerSecond)
        log.callDidEnd(record(.notFound))
        #expect(recorder.lines.last?.contains("suppressed=7") == true)
        #expect(recorder.lines.count == CallLog.burstCountMax + 2)
    }

    @Test("successes are for debugging, and all are written then")
    func successes() {
        log(.failures).callDidEnd(record(.ok))
        #expect(recorder.lines.isEmpty)
        let log = log(.failures, level: .debug)
        for _ in 0..<CallLog.burstCountMax + 7 { log.callDidEnd(record(.ok)) }
        #expect(recorder.lines.count == CallLog.burstCountMax + 7)
    }

    @Test("whoever wants all has a line for each call, and whoever wants none has none")
    func choice() {
        let all = log(.all)
        for status in StatusCode.allCases {
            for _ in 0..<CallLog.burstCountMax + 7 { all.callDidEnd(record(status)) }
        }
        #expect(recorder.lines.count == StatusCode.allCases.count * (CallLog.burstCountMax + 7))
        log(.off, level: .trace).callDidEnd(record(.internal))
        log(.all, level: .error).callDidEnd(record(.ok))
        #expect(recorder.lines.count == StatusCode.allCases.count * (CallLog.burstCountMax + 7))
    }

    @Test("a call of no method that there is says so, and is its certificate's")
    func refused() throws {
        log(.failures).callDidEnd(record(.unimplemented, method: nil))
        let line = try #require(recorder.lines.last)
        #expect(line.contains(" call refused ") && line.contains(" tenant=acme") && line.contains(" reason=label"))
        #expect(!line.contains("method="))
    }
}
