package import Vocabulary

/// Names one request or one sequence inside an engine, unique for the engine's life and counting up in the order of
/// arrival.
package struct Ticket: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }

    package static func < (lhs: Ticket, rhs: Ticket) -> Bool { lhs.number < rhs.number }

    package var description: String { "#\(number)" }
}

/// Whether a scheduler has something to do.
package enum SchedulerReadiness: Equatable, Sendable {
    /// There is work for the engine now.
    case ready
    /// There may be work at that moment, unless something arrives before.
    case waiting(until: MonotonicTime)
    /// Nothing to do until something arrives.
    case idle
}
