import InferenceService
import Logging
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
    private let logger: Logger
    private let clock: any MonotonicClock
    private let limit = Mutex(
        LogRateLimit(burstCountMax: burstCountMax, intervalNanoseconds: 1_000_000_000 / linesPerSecond))

    init(_ wanted: ServerConfiguration.AccessLog, logger: Logger, clock: any MonotonicClock) {
        self.wanted = wanted
        self.logger = logger
        self.clock = clock
    }

    /// Takes a call that has ended; nothing is made of it unless its line is written.
    func callDidEnd(_ record: CallRecord) {
        let level = level(of: record.status)
        guard wanted != .off, level >= logger.logLevel else { return }
        var suppressedCount = 0
        if wanted == .failures, record.status != .ok {
            let kind = record.method == nil ? "refused" : record.status.name
            let now = clock.now().nanoseconds
            guard let count = limit.withLock({ $0.admit(kind, at: now) }) else { return }
            suppressedCount = count
        }
        var metadata = AccessLogEntry(record).metadata
        if suppressedCount > 0 { metadata["suppressed"] = "\(suppressedCount)" }
        logger.log(level: level, record.method == nil ? "call refused" : "call", metadata: metadata)
    }

    /// How loudly a call that ended like this is logged: our own failures wake somebody up, a caller's do not.
    private func level(of status: StatusCode) -> Logger.Level {
        switch status {
        case .ok: wanted == .all ? .info : .debug
        case .internal, .unknown, .dataLoss: .error
        default: .info
        }
    }
}
