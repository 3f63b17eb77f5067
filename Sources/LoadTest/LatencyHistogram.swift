import Histogram

/// Times of the same kind, in nanoseconds, kept as counts in buckets: constant memory for any number of them.
///
/// Values are kept to three significant digits, from 128 ns to one hour; longer ones count as one hour.
package struct LatencyHistogram: Sendable {
    private static let nanosecondsMax: UInt64 = 3_600_000_000_000
    private var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 128, highestTrackableValue: nanosecondsMax, numberOfSignificantValueDigits: .three)

    package init() {}

    package var count: UInt64 { histogram.totalCount }

    package mutating func record(_ nanoseconds: UInt64, count: UInt64 = 1) {
        guard count > 0 else { return }
        let isRecorded = histogram.record(min(nanoseconds, Self.nanosecondsMax), count: count)
        precondition(isRecorded, "\(nanoseconds) ns do not fit the histogram")
    }

    /// Adds the times of another.
    package mutating func add(_ other: LatencyHistogram) {
        guard other.count > 0 else { return }
        histogram.add(other.histogram)
    }

    package mutating func removeAll() { histogram.reset() }

    /// Nil without values.
    package var summary: LatencySummary? {
        guard count > 0 else { return nil }
        return LatencySummary(
            count: count,
            minimumMicroseconds: microseconds(histogram.min),
            meanMicroseconds: histogram.mean / 1000,
            p50Microseconds: percentile(50),
            p90Microseconds: percentile(90),
            p99Microseconds: percentile(99),
            p999Microseconds: percentile(99.9),
            maximumMicroseconds: microseconds(histogram.max))
    }

    /// Never above the largest value recorded: a bucket's upper bound may be.
    private func percentile(_ percentile: Double) -> Double {
        microseconds(min(histogram.valueAtPercentile(percentile), histogram.max))
    }

    private func microseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1000 }
}

/// What is said of a set of times: of `pN`, N percent are at most as long.
package struct LatencySummary: Codable, Equatable, Sendable {
    package let count: UInt64
    package let minimumMicroseconds: Double
    package let meanMicroseconds: Double
    package let p50Microseconds: Double
    package let p90Microseconds: Double
    package let p99Microseconds: Double
    package let p999Microseconds: Double
    package let maximumMicroseconds: Double
}
