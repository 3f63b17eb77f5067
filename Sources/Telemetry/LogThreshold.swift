package import Logging
import Synchronization

/// How loud a line must be to be written, shared by every logger of a process and changed while it runs.
///
/// Mostly everything from some level on; a level may also be left out between others.
///
/// - Isolation: any thread.
package final class LogThreshold: Sendable {
    /// The levels of swift-log, in their order.
    package enum Severity: Int, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    /// Which levels are written; the highest one always is.
    package struct Severities: Equatable, Sendable {
        fileprivate private(set) var bits: UInt8 = 1 << Severity.critical.rawValue

        package init() {}

        /// Everything from `severity` on.
        package init(from severity: Severity) {
            for each in Severity.allCases where each.rawValue >= severity.rawValue { insert(each) }
        }

        fileprivate init(bits: UInt8) { self.bits = bits }

        package func contains(_ severity: Severity) -> Bool { bits & 1 << severity.rawValue != 0 }

        package mutating func insert(_ severity: Severity) { bits |= 1 << severity.rawValue }

        /// The least of them.
        package var least: Severity { Severity(rawValue: bits.trailingZeroBitCount) ?? .critical }
    }

    private let bits: Atomic<UInt8>

    package init(_ severity: Severity) { bits = Atomic(Severities(from: severity).bits) }

    /// What is written.
    package var severities: Severities {
        get { Severities(bits: bits.load(ordering: .relaxed)) }
        set { bits.store(newValue.bits, ordering: .relaxed) }
    }

    /// Less than this is not written.
    package var severity: Severity {
        get { severities.least }
        set { severities = Severities(from: newValue) }
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
