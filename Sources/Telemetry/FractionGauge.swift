import Synchronization

/// A number that goes up and down and is not whole, such as a share.
///
/// - Isolation: any thread, without a lock.
package final class FractionGauge: MetricSeries {
    package static let kind = Gauge.kind

    private let bits = Atomic<UInt64>(0)

    package init() {}

    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    package func write(into output: inout String, name: String, labels: String) {
        output += "\(sample(name, labels)) \(Double(bitPattern: bits.load(ordering: .relaxed)))\n"
    }
}
