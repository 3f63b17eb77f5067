import Synchronization

/// How often values fell into each of a fixed row of buckets.
///
/// ```
/// bounds          0.001      0.01       0.1
/// buckets   … ≤ 0.001 | ≤ 0.01 | ≤ 0.1 | > 0.1
/// ```
///
/// - Isolation: any thread; one short lock a value.
package final class Histogram: MetricSeries {
    package static let kind = "histogram"

    /// The inclusive upper end of each bucket but the last, which takes the rest.
    package let bounds: [Double]
    private let state: Mutex<Snapshot>

    /// What has been observed so far.
    package struct Snapshot: Hashable, Sendable {
        /// Values in each bucket, not yet cumulative; one more than there are bounds.
        package fileprivate(set) var counts: [UInt64]
        package fileprivate(set) var sum: Double = 0

        /// How many values there were.
        package var count: UInt64 { counts.reduce(0, +) }
    }

    /// - Precondition: `bounds` is not empty, finite and strictly ascending.
    package init(bounds: [Double]) {
        precondition(
            !bounds.isEmpty && bounds.allSatisfy(\.isFinite) && zip(bounds, bounds.dropFirst()).allSatisfy(<),
            "histogram bounds must ascend: \(bounds)")
        self.bounds = bounds
        state = Mutex(Snapshot(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Counts `value`; a NaN is left out, as it would spoil the sum for ever.
    package func observe(_ value: Double) {
        guard !value.isNaN else { return }
        // A handful of bounds: going along them is quicker than halving.
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.counts[bucket] += 1
            $0.sum += value
        }
    }

    /// Counts values that were counted elsewhere, in the same buckets.
    ///
    /// - Precondition: as many counts as there are buckets.
    package func add(counts: [UInt64], sum: Double) {
        precondition(counts.count == bounds.count + 1, "\(counts.count) counts for \(bounds.count) bounds")
        state.withLock { state in
            for index in counts.indices { state.counts[index] += counts[index] }
            state.sum += sum
        }
    }

    package var snapshot: Snapshot { state.withLock { $0 } }

    package func write(into output: inout String, name: String, labels: String) {
        let snapshot = snapshot
        let prefix = labels.isEmpty ? "" : "\(labels),"
        var cumulative: UInt64 = 0
        for (index, count) in snapshot.counts.enumerated() {
            cumulative += count
            let bound = index < bounds.count ? "\(bounds[index])" : "+Inf"
            output += "\(name)_bucket{\(prefix)le=\"\(bound)\"} \(cumulative)\n"
        }
        output += "\(sample("\(name)_sum", labels)) \(snapshot.sum)\n"
        output += "\(sample("\(name)_count", labels)) \(cumulative)\n"
    }
}

extension Histogram {
    /// Bounds for durations in seconds, 100 µs to a minute, about three a decade.
    package static let secondsBounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    /// Bounds for counts such as batch sizes: the powers of two up to 4096.
    package static let powerOfTwoBounds: [Double] = (0...12).map { Double(1 << $0) }
}
