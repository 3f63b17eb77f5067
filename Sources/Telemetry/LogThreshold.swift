package import Logging
import Synchronization

/// How loud a line must be to be written, shared by every logger of a process and changed while it runs.
///
/// - Isolation: any thread.
package final class LogThreshold: Sendable {
    /// The levels of swift-log, in their order.
    package enum Severity: Int, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    private let rawValue: Atomic<Int>

    package init(_ severity: Severity) { rawValue = Atomic(severity.rawValue) }

    /// Less than this is not written.
    package var severity: Severity {
        get { Severity(rawValue: rawValue.load(ordering: .relaxed)) ?? .info }
        set { rawValue.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// The same as a level of swift-log.
    package var level: Logger.Level {
        get { Logger.Level.allCases[severity.rawValue] }
        set { severity = Severity(newValue) }
    }
}

extension LogThreshold.Severity {
    package init(_ level: Logger.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        case .critical: self = .critical
        }
    }
}
