import Synchronization

/// A number that goes up and down, such as the calls now in progress.
///
/// - Isolation: any thread, without a lock.
package final class Gauge: MetricSeries {
    package static let kind = "gauge"

    private let level = Atomic<Int>(0)

    package init() {}

    package func set(_ value: Int) {
        level.store(value, ordering: .relaxed)
    }

    package func add(_ difference: Int) {
        level.wrappingAdd(difference, ordering: .relaxed)
    }

    package var value: Int { level.load(ordering: .relaxed) }

    package func write(into output: inout String, name: String, labels: String) {
        output += "\(sample(name, labels)) \(value)\n"
    }
}
