package import Models
package import Vocabulary

/// Decides what is shown of the loading of models: a bar where people look, now and then a line in a log.
///
/// Small models are there at once and show nothing.
package struct LoadMeter: Sendable {
    /// Who looks.
    package enum Display: Sendable {
        /// A terminal: one line, written anew.
        case bar
        /// A log.
        case lines
    }

    /// What to show now.
    package enum Output: Equatable, Sendable {
        /// The text that replaces the line of the terminal; empty once the model is loaded.
        case bar(String)
        /// Hundredths that are done.
        case line(percent: Int)
    }

    /// Models with fewer bytes of weights show nothing.
    package static let byteCountMin = 64 << 20
    /// Between two writings of the bar.
    package static let barNanosecondsMin: UInt64 = 100_000_000
    /// Between two lines, and before the first.
    package static let lineNanosecondsMin: UInt64 = 3_000_000_000
    private static let barWidth = 30

    private let display: Display
    /// When something was shown last.
    private var last: MonotonicTime

    /// A meter for one model, whose loading begins now.
    package init(_ display: Display, now: MonotonicTime) {
        self.display = display
        last = now
    }

    /// What to show of the model called `name`, or nil for nothing.
    package mutating func update(_ name: ModelName, _ progress: LoadProgress, now: MonotonicTime) -> Output? {
        guard progress.totalByteCount >= Self.byteCountMin else { return nil }
        let isDone = progress.doneByteCount >= progress.totalByteCount
        if display == .bar, isDone { return .bar("") }
        let pause = display == .bar ? Self.barNanosecondsMin : Self.lineNanosecondsMin
        guard !isDone, now.nanoseconds(since: last) >= pause else { return nil }
        last = now
        switch display {
        case .bar: return .bar(Self.bar(name, progress))
        case .lines: return .line(percent: Int(100 * progress.share))
        }
    }

    private static func bar(_ name: ModelName, _ progress: LoadProgress) -> String {
        let filled = Int(Double(barWidth) * progress.share)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: barWidth - filled)
        return "\(name) \(bar) \(Int(100 * progress.share)) % of \(progress.totalByteCount >> 20) MiB"
    }
}
