package import Logging

/// Where the lines of a log go, for those who write so many of them that metadata of swift-log would cost too much.
package struct LogLines: Sendable {
    private let threshold: LogThreshold
    private let clock: @Sendable () -> Int64
    private let sink: @Sendable (String) -> Void

    /// - Parameters:
    ///   - threshold: less than this is not written.
    ///   - clock: milliseconds since 1970.
    ///   - sink: takes a line with its line feed; called on the thread that logs.
    package init(
        threshold: LogThreshold, clock: @escaping @Sendable () -> Int64, sink: @escaping @Sendable (String) -> Void
    ) {
        self.threshold = threshold
        self.clock = clock
        self.sink = sink
    }

    /// Whether a line of this level is written.
    ///
    /// - Complexity: a load and a comparison: calls ask for lines that mostly are not.
    package func areWanted(at severity: LogThreshold.Severity) -> Bool { threshold.severities.contains(severity) }

    /// Writes a line to which `append` adds keys.
    package func write(
        _ severity: LogThreshold.Severity, _ message: String, _ append: (inout LogLine) -> Void
    ) {
        guard areWanted(at: severity) else { return }
        var line = LogLine(
            time: LogLine.timestamp(millisecondsSince1970: clock()), level: "\(severity)", message: message)
        append(&line)
        sink(line.text + "\n")
    }

    /// A logger of swift-log whose lines go the same way.
    package func logger(label: String) -> Logger {
        Logger(label: label) { label in
            LineLogHandler(label: label, threshold: threshold, clock: clock, sink: sink)
        }
    }
}
