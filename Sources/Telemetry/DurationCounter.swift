import Synchronization

/// Time that only grows, such as what models have computed; counted in nanoseconds, written in seconds.
///
/// - Isolation: any thread, without a lock.
package final class DurationCounter: MetricSeries {
    package static let kind = Counter.kind

    private let nanoseconds = Atomic<UInt64>(0)

    package init() {}

    package func increment(byNanoseconds amount: UInt64) { nanoseconds.wrappingAdd(amount, ordering: .relaxed) }

    package func write(into output: inout String, name: String, labels: String) {
        output += "\(sample(name, labels)) \(Double(nanoseconds.load(ordering: .relaxed)) / 1e9)\n"
    }
}
