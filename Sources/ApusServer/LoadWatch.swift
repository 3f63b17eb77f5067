import Engine
import Logging
import Models
import Vocabulary

/// Watches models being loaded, one after the other: shows how far they are, and keeps what loading them took.
struct LoadWatch {
    /// What loading a model took.
    struct Report {
        let nanoseconds: UInt64
        /// Bytes of the packed weights; nil for models that do not pack theirs.
        let weightByteCount: Int?
        /// The most memory in use while it was loaded, beyond what was in use before: mapped files included.
        let peakByteCount: Int

        /// For the log.
        var metadata: Logger.Metadata {
            var metadata: Logger.Metadata = [
                "seconds": "\(nanoseconds / 1_000_000_000).\(Self.thousandths(nanoseconds))",
                "peak_bytes": "\(peakByteCount)",
            ]
            if let weightByteCount { metadata["weight_bytes"] = "\(weightByteCount)" }
            return metadata
        }

        private static func thousandths(_ nanoseconds: UInt64) -> String {
            let digits = "\(nanoseconds / 1_000_000 % 1000)"
            return String(repeating: "0", count: 3 - digits.count) + digits
        }
    }

    /// Replaces the line of a terminal; nil for a log.
    private let terminal: (@Sendable (String) -> Void)?
    private let clock: any MonotonicClock
    private let logger: Logger
    private(set) var reports: [ModelName: Report] = [:]
    private var meter: LoadMeter
    private var start: MonotonicTime
    private var byteCountBefore = 0

    init(terminal: (@Sendable (String) -> Void)?, clock: any MonotonicClock, logger: Logger) {
        self.terminal = terminal
        self.clock = clock
        self.logger = logger
        start = clock.now()
        meter = LoadMeter(.lines, now: start)
    }

    mutating func record(_ event: ModelLoadEvent) {
        switch event {
        case .begins:
            ResidentMemory.forgetPeak()
            byteCountBefore = ResidentMemory.now().byteCount
            start = clock.now()
            meter = LoadMeter(terminal == nil ? .lines : .bar, now: start)
        case .progresses(let name, let progress): show(meter.update(name, progress, now: clock.now()), name)
        case .ends(let name, let weightByteCount):
            reports[name] = Report(
                nanoseconds: clock.now().nanoseconds(since: start), weightByteCount: weightByteCount,
                peakByteCount: max(0, ResidentMemory.now().peakByteCount - byteCountBefore))
        case .fails: if terminal != nil { terminal?("") }
        }
    }

    private func show(_ output: LoadMeter.Output?, _ name: ModelName) {
        switch output {
        case .bar(let text)?: terminal?(text)
        case .line(let percent)?:
            logger.info("model loading", metadata: ["model": "\(name)", "percent": "\(percent)"])
        case nil: break
        }
    }
}
