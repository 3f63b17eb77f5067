import InferenceService
import RPC
import Synchronization
import Telemetry
import Vocabulary

/// Writes one line for every call that has ended, however it ended.
///
/// Which of them are wanted is in `ServerConfiguration.AccessLog`. As callers decide how many calls fail, lines of
/// failures are limited by status where nobody asked for every line; each that follows says how many were left out.
///
/// - Isolation: any thread.
final class CallLog: Sendable {
    /// Lines of one status that may be written at once, and after that in a second.
    static let burstCountMax = 500
    static let linesPerSecond: UInt64 = 50

    private let wanted: ServerConfiguration.AccessLog
    private let lines: LogLines
    private let clock: any MonotonicClock
    private let limit = Mutex(
        LogRateLimit(burstCountMax: burstCountMax, intervalNanoseconds: 1_000_000_000 / linesPerSecond))

    init(_ wanted: ServerConfiguration.AccessLog, lines: LogLines, clock: any MonotonicClock) {
        self.wanted = wanted
        self.lines = lines
        self.clock = clock
    }

    /// Takes a call that has ended; nothing is made of it unless its line is written.
    func callDidEnd(_ record: CallRecord) {
        let severity = severity(of: record.status)
        guard wanted != .off, lines.areWanted(at: severity) else { return }
        var suppressedCount = 0
        if wanted == .failures, record.status != .ok {
            let kind = record.method == nil ? "refused" : record.status.name
            let now = clock.now().nanoseconds
            guard let count = limit.withLock({ $0.admit(kind, at: now) }) else { return }
            suppressedCount = count
        }
        lines.write(severity, record.method == nil ? "call refused" : "call") { line in
            AccessLogEntry(record).write(to: &line)
            if suppressedCount > 0 { line.append(key: "suppressed", value: String(suppressedCount)) }
        }
    }

    /// How loudly a call that ended like this is logged: our own failures wake somebody up, a caller's do not.
    private func severity(of status: StatusCode) -> LogThreshold.Severity {
        switch status {
        case .ok: wanted == .all ? .info : .debug
        case .internal, .unknown, .dataLoss: .error
        default: .info
        }
    }
}
