/// One figure that can be computed from any bag of windows.
package struct WindowFigure: Equatable, Sendable {
    /// What it is a number of.
    package enum Unit: Sendable {
        case perSecond
        /// From 0 to 1.
        case share
        case nanoseconds
    }

    enum Quantity: Equatable, Sendable {
        case rate(Count)
        /// Of the calls meant to be sent.
        case share(Count)
        case percentile(Times, Double)
    }

    enum Count: Sendable {
        case answered, tokens, good, failed

        func value(_ window: LoadWindow) -> UInt64 {
            switch self {
            case .answered: window.answered
            case .tokens: window.tokens
            case .good: window.good
            case .failed: window.failed
            }
        }
    }

    enum Times: Int, CaseIterable, Sendable {
        case latency, firstToken, betweenTokens

        func counts(_ window: LoadWindow) -> BucketCounts {
            switch self {
            case .latency: window.latency
            case .firstToken: window.firstToken
            case .betweenTokens: window.betweenTokens
            }
        }
    }

    /// As people and files call it.
    package let name: String
    package let unit: Unit
    package let isBetterHigher: Bool
    let quantity: Quantity
    /// With fewer values on one side nothing is said: a high percentile of few values is their maximum.
    let valueCountMin: UInt64

    private init(
        _ name: String, _ unit: Unit, isBetterHigher: Bool, _ quantity: Quantity, valueCountMin: UInt64 = 1
    ) {
        self.name = name
        self.unit = unit
        self.isBetterHigher = isBetterHigher
        self.quantity = quantity
        self.valueCountMin = valueCountMin
    }

    private static func time(_ name: String, _ times: Times, _ percentile: Double) -> WindowFigure {
        WindowFigure(
            "\(name) p\(Int(percentile))", .nanoseconds, isBetterHigher: false, .percentile(times, percentile),
            valueCountMin: UInt64((2 * 100 / (100 - percentile)).rounded()))
    }

    /// Of fewer calls in a whole run it says nothing that the other run had none.
    static let disappearingCountMin: UInt64 = 10

    static let failedShare = WindowFigure("failed", .share, isBetterHigher: false, .share(.failed))

    /// What measurements are compared by.
    package static let all: [WindowFigure] = [
        WindowFigure("answers/s", .perSecond, isBetterHigher: true, .rate(.answered)),
        WindowFigure("tokens/s", .perSecond, isBetterHigher: true, .rate(.tokens)),
        WindowFigure("good calls/s", .perSecond, isBetterHigher: true, .rate(.good)),
        WindowFigure("good", .share, isBetterHigher: true, .share(.good)),
        failedShare,
        time("latency", .latency, 50), time("latency", .latency, 90), time("latency", .latency, 99),
        time("ttft", .firstToken, 50), time("ttft", .firstToken, 99),
        time("time per token", .betweenTokens, 50), time("time per token", .betweenTokens, 99),
    ]
}

/// The windows of one measurement, laid out so that a figure of any bag of them is quick to compute.
struct WindowSample {
    /// Times of all windows, one behind the other: each window has few of the buckets.
    ///
    /// ```
    /// columns | 0 3 4 | 0 2 |     of window w: entries[ends[w - 1] ..< ends[w]]
    /// counts  | 5 1 2 | 7 1 |     column c is bucket buckets[c]
    /// ```
    private struct Rows {
        let buckets: [Int]
        private(set) var columns: [Int] = []
        private(set) var counts: [Double] = []
        private(set) var ends: [Int] = []

        init(_ windows: [LoadWindow], _ times: WindowFigure.Times) {
            let histograms = windows.map { times.counts($0) }
            buckets = Set(histograms.flatMap(\.counts.keys)).sorted()
            let places = Dictionary(uniqueKeysWithValues: buckets.enumerated().map { ($1, $0) })
            for histogram in histograms {
                for (bucket, count) in histogram.counts {
                    columns.append(places[bucket] ?? 0)
                    counts.append(Double(count))
                }
                ends.append(columns.count)
            }
        }
    }

    let windows: [LoadWindow]
    private let windowSeconds: Double
    private let rows: [Rows]

    init(_ windows: [LoadWindow], windowSeconds: Double) {
        self.windows = windows
        self.windowSeconds = windowSeconds
        rows = WindowFigure.Times.allCases.map { Rows(windows, $0) }
    }

    /// How many values a figure is made of.
    func valueCount(of figure: WindowFigure) -> UInt64 {
        switch figure.quantity {
        case .rate(let column): windows.reduce(0) { $0 + column.value($1) }
        case .share: windows.reduce(0) { $0 + $1.ended }
        case .percentile(let times, _): windows.reduce(0) { $0 + times.counts($1).count }
        }
    }

    /// The figures of a bag that has each window so many times; nil where there is nothing to compute one of.
    func values(of figures: [WindowFigure], weights: [Double]) -> [Double?] {
        var merged: [[Double]?] = rows.map { _ in nil }
        func sum(_ count: (LoadWindow) -> UInt64) -> Double {
            zip(weights, windows).reduce(0) { $0 + $1.0 * Double(count($1.1)) }
        }
        return figures.map { figure in
            switch figure.quantity {
            case .rate(let column): return sum(column.value) / (weights.reduce(0, +) * windowSeconds)
            case .share(let column):
                let ended = sum { $0.ended }
                return ended > 0 ? sum(column.value) / ended : nil
            case .percentile(let times, let percentile):
                let counts = merged[times.rawValue] ?? merge(times, weights)
                merged[times.rawValue] = counts
                return BucketCounts.percentileNanoseconds(
                    percentile, buckets: rows[times.rawValue].buckets, counts: counts)
            }
        }
    }

    private func merge(_ times: WindowFigure.Times, _ weights: [Double]) -> [Double] {
        let rows = rows[times.rawValue]
        var sums = [Double](repeating: 0, count: rows.buckets.count)
        for (index, weight) in weights.enumerated() where weight > 0 {
            for entry in (index > 0 ? rows.ends[index - 1] : 0)..<rows.ends[index] {
                sums[rows.columns[entry]] += weight * rows.counts[entry]
            }
        }
        return sums
    }
}
