import Synchronization

/// A number that only grows, such as the calls answered since the start.
///
/// - Isolation: any thread, without a lock.
package final class Counter: MetricSeries {
    package static let kind = "counter"

    private let count = Atomic<UInt64>(0)

    package init() {}

    /// Adds `amount`; relaxed, because a sum needs no order.
    package func increment(by amount: UInt64 = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    package var value: UInt64 { count.load(ordering: .relaxed) }

    package func write(into output: inout String, name: String, labels: String) {
        output += "\(sample(name, labels)) \(value)\n"
    }
}

/// `name` or `name{labels}`.
func sample(_ name: String, _ labels: String) -> String {
    labels.isEmpty ? name : "\(name){\(labels)}"
}
