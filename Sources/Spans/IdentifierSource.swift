import Synchronization
package import Telemetry

/// Makes names of traces and spans: numbers that nobody else makes, from two counters with a secret start each.
///
/// Why not the system's generator: that is a call of the kernel, and every call without a caller's trace takes a name,
/// so that it can be told which of them are recorded.
///
/// - Isolation: any thread, without a lock.
/// - Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
package final class IdentifierSource: Sendable {
    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    private let first: Atomic<UInt64>
    private let second: Atomic<UInt64>

    /// - Parameter seeds: random, and others in every process.
    package init(seeds: (UInt64, UInt64)) {
        first = Atomic(seeds.0)
        second = Atomic(seeds.1)
    }

    package func trace() -> TraceID {
        while true {
            if let trace = TraceID(high: Self.next(first), low: Self.next(second)) { return trace }
        }
    }

    package func span() -> SpanID {
        while true {
            if let span = SpanID(Self.next(second)) { return span }
        }
    }

    private static func next(_ counter: borrowing Atomic<UInt64>) -> UInt64 {
        var number = counter.wrappingAdd(step, ordering: .relaxed).newValue
        number = (number ^ number >> 30) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ number >> 27) &* 0x94D0_49BB_1331_11EB
        return number ^ number >> 31
    }
}
