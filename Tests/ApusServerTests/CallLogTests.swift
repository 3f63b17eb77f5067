import Logging
import Telemetry
import TestSupport
import Testing
import Vocabulary

@testable import ApusServer

@Suite("The log of calls")
struct CallLogTests {
    private let recorder = LineRecorder()
    private let clock = ManualClock()

    private func entry(_ status: StatusCode) -> AccessLogEntry {
        AccessLogEntry(
            requestID: RequestID(1), method: "/a/B", status: status, durationNanoseconds: 0,
            requestByteCount: 0, responseByteCount: 0)
    }

    @Test("lines of failures are limited, each status apart, and the next line counts those left out")
    func limit() {
        let log = CallLog(logger: recorder.logger(), clock: clock)
        for _ in 0..<CallLog.burstCountMax + 7 { log.callDidEnd(.notFound) { entry(.notFound) } }
        #expect(recorder.lines.count == CallLog.burstCountMax)
        log.callDidEnd(.internal) { entry(.internal) }
        #expect(recorder.lines.last?.contains(" error call ") == true, "another status has a limit of its own")
        clock.advance(byNanoseconds: 1_000_000_000 / CallLog.linesPerSecond)
        log.callDidEnd(.notFound) { entry(.notFound) }
        #expect(recorder.lines.last?.contains("suppressed=7") == true)
        #expect(recorder.lines.count == CallLog.burstCountMax + 2)
    }

    @Test("successes are for debugging, and all are written then")
    func successes() {
        CallLog(logger: recorder.logger(), clock: clock).callDidEnd(.ok) { entry(.ok) }
        #expect(recorder.lines.isEmpty)
        let log = CallLog(logger: recorder.logger(level: .debug), clock: clock)
        for _ in 0..<CallLog.burstCountMax + 7 { log.callDidEnd(.ok) { entry(.ok) } }
        #expect(recorder.lines.count == CallLog.burstCountMax + 7)
    }
}
