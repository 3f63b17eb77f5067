import Glibc

/// One axis of a plot: where values are on it, and which of them are labelled.
struct Axis {
    enum Scale {
        case linear
        /// Every factor of ten has the same length.
        case logarithmic
        /// The distance from 100 % on a logarithmic scale: 90, 99 and 99.9 % are equally far from each other.
        case percentile
    }

    let name: String
    let scale: Scale
    let range: ClosedRange<Double>
    let ticks: [(value: Double, label: String)]

    /// From 0 to the largest value or a little beyond.
    static func linear(_ name: String, upTo maximum: Double, label: (Double) -> String) -> Axis {
        let maximum = maximum > 0 && maximum.isFinite ? maximum : 1
        let step = niceStep(maximum / 4)
        let top = (maximum / step).rounded(.up) * step
        let ticks = (0...Int((top / step).rounded())).map { Double($0) * step }
        return Axis(name: name, scale: .linear, range: 0...top, ticks: ticks.map { ($0, label($0)) })
    }

    /// Seconds from 0 to exactly `maximum`.
    static func seconds(upTo maximum: Double) -> Axis {
        let step = niceStep(max(maximum, 1e-3) / 6)
        let ticks = (0...Int(maximum / step + 1e-9)).map { Double($0) * step }
        return Axis(
            name: "seconds since the measured part began", scale: .linear, range: 0...max(maximum, 1e-3),
            ticks: ticks.map { ($0, trimmed($0)) })
    }

    /// Times in microseconds, with steps of 1, 2 and 5.
    static func times(_ name: String, _ values: [Double]) -> Axis {
        let values = values.filter { $0 > 0 && $0.isFinite }
        let low = values.min() ?? 1
        let high = max(values.max() ?? 10, low * 1.5)
        let steps = (-1...11).flatMap { exponent in [1.0, 2, 5].map { $0 * pow(10, Double(exponent)) } }
        let bottom = steps.last { $0 <= low } ?? low
        let top = steps.first { $0 >= high } ?? high
        var ticks = steps.filter { (bottom...top).contains($0) }
        if ticks.count > 7 {
            ticks = ticks.filter { abs(log10($0) - log10($0).rounded()) < 1e-9 }
        }
        return Axis(
            name: name, scale: .logarithmic, range: bottom...top, ticks: ticks.map { ($0, shortTime($0)) })
    }

    /// Percentiles from 0 to as many nines as there are calls for.
    static func percentiles(callCount: UInt64) -> Axis {
        let all: [(value: Double, label: String)] = [
            (0, "0"), (50, "50"), (90, "90"), (99, "99"), (99.9, "99.9"), (99.99, "99.99"),
        ]
        let top = max(90, min(99.99, 100 - 100 / Double(max(callCount, 1))))
        let ticks = all.filter { $0.value <= top + 1e-9 }
        return Axis(name: "percent of the calls", scale: .percentile, range: 0...top, ticks: ticks)
    }

    /// Where a value is, from 0 to 1.
    func place(_ value: Double) -> Double {
        func stretch(_ value: Double) -> Double {
            switch scale {
            case .linear: value
            case .logarithmic: log10(max(value, 1e-9))
            case .percentile: -log10(max(1 - value / 100, 1e-9))
            }
        }
        let low = stretch(range.lowerBound)
        let high = stretch(range.upperBound)
        guard high > low else { return 0 }
        return min(max((stretch(value) - low) / (high - low), 0), 1)
    }

    /// 1, 2 or 5 times a power of ten, at least `value`.
    private static func niceStep(_ value: Double) -> Double {
        let power = pow(10, log10(value).rounded(.down))
        return ([1, 2, 5].first { $0 * power >= value * 0.999 } ?? 10) * power
    }

    /// Without zeros behind the point.
    static func trimmed(_ value: Double) -> String {
        var text = LoadReport.decimal(value, 3)
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    private static func shortTime(_ microseconds: Double) -> String {
        switch microseconds {
        case ..<1000: "\(trimmed(microseconds)) µs"
        case ..<1_000_000: "\(trimmed(microseconds / 1000)) ms"
        default: "\(trimmed(microseconds / 1_000_000)) s"
        }
    }
}
