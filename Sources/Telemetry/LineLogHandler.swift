package import Logging

/// Writes log events of swift-log as lines, one call of the sink a line.
package struct LineLogHandler: LogHandler {
    /// With a threshold that is shared, that of all loggers which share it.
    package var logLevel: Logger.Level {
        get { threshold?.level ?? ownLevel }
        set {
            ownLevel = newValue
            threshold?.level = newValue
        }
    }
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private var ownLevel: Logger.Level
    private let threshold: LogThreshold?
    private let label: String
    private let clock: @Sendable () -> Int64
    private let sink: @Sendable (String) -> Void

    /// - Parameters:
    ///   - label: what logs, such as `apus.server`; written as the key `logger`.
    ///   - logLevel: less than this is not written.
    ///   - threshold: instead of `logLevel`, what is shared with others and changes while they log.
    ///   - clock: milliseconds since 1970.
    ///   - sink: takes a line with its line feed; called on the thread that logs.
    package init(
        label: String, logLevel: Logger.Level = .info, threshold: LogThreshold? = nil,
        clock: @escaping @Sendable () -> Int64, sink: @escaping @Sendable (String) -> Void
    ) {
        self.label = label
        ownLevel = logLevel
        self.threshold = threshold
        self.clock = clock
        self.sink = sink
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        // Whoever logs has compared with the least level that is written, and one above it may be left out.
        if let threshold, !threshold.severities.contains(.init(event.level)) { return }
        var line = LogLine(
            time: LogLine.timestamp(millisecondsSince1970: clock()), level: event.level.rawValue,
            message: event.message.description)
        line.append(key: "logger", value: label)
        var merged = metadata
        for more in [metadataProvider?.get(), event.metadata] {
            if let more { merged.merge(more) { $1 } }
        }
        for (key, value) in merged.sorted(by: { $0.key < $1.key }) {
            line.append(key: key, value: value.description)
        }
        if let error = event.error { line.append(key: "error", value: "\(error)") }
        sink(line.text + "\n")
    }
}
