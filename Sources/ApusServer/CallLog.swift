import Logging
import RPC
import Synchronization
import Telemetry
import Vocabulary

/// Writes a line for every call that has ended, but no more of them than a disk can bear.
///
/// Callers decide how many calls fail; so lines of failures are limited by status, each line that follows saying how
/// many were left out. Lines of success are for debugging and not limited.
///
/// - Isolation: any thread.
final class CallLog: Sendable {
    /// Lines of one status that may be written at once, and after that in a second.
    static let burstCountMax = 500
    static let linesPerSecond: UInt64 = 50

    private let logger: Logger
    private let clock: any MonotonicClock
    private let limit = Mutex(
        LogRateLimit(burstCountMax: burstCountMax, intervalNanoseconds: 1_000_000_000 / linesPerSecond))

    init(logger: Logger, clock: any MonotonicClock) {
        self.logger = logger
        self.clock = clock
    }

    /// A call of a registered method.
    func callDidEnd(_ status: StatusCode, _ entry: () -> AccessLogEntry) {
        let level = status.logLevel
        guard level >= logger.logLevel else { return }
        guard status != .ok else { return logger.log(level: level, "call", metadata: entry().metadata) }
        write("call", level: level, kind: status.name, entry().metadata)
    }

    /// A call that never reached a method.
    func callWasRefused(_ record: CallRecord) {
        write(
            "call refused", level: .info, kind: "refused",
            ["request": "\(record.requestID)", "status": "\(record.status.name)", "reason": "\(record.label)"])
    }

    private func write(
        _ message: Logger.Message, level: Logger.Level, kind: String, _ metadata: @autoclosure () -> Logger.Metadata
    ) {
        guard level >= logger.logLevel else { return }
        let now = clock.now().nanoseconds
        guard let suppressedCount = limit.withLock({ $0.admit(kind, at: now) }) else { return }
        var metadata = metadata()
        if suppressedCount > 0 { metadata["suppressed"] = "\(suppressedCount)" }
        logger.log(level: level, message, metadata: metadata)
    }
}

extension StatusCode {
    /// How loudly a call that ended like this is logged: our own failures wake somebody up, a caller's do not.
    fileprivate var logLevel: Logger.Level {
        switch self {
        case .ok: .debug
        case .internal, .unknown, .dataLoss: .error
        default: .info
        }
    }
}
