/// A moment on the machine's monotonic clock, in nanoseconds since an arbitrary start.
@usableFromInline
package struct MonotonicTime: Hashable, Comparable, Sendable {
    @usableFromInline package let nanoseconds: UInt64

    @inlinable
    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    @inlinable
    package static func < (lhs: MonotonicTime, rhs: MonotonicTime) -> Bool { lhs.nanoseconds < rhs.nanoseconds }

    /// `nanoseconds` later; stays at the end of time instead of overflowing.
    @inlinable
    package func advanced(byNanoseconds nanoseconds: UInt64) -> MonotonicTime {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }

    /// Nanoseconds from `earlier` until here; 0 when `earlier` is not earlier.
    @inlinable
    package func nanoseconds(since earlier: MonotonicTime) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }
}

/// Where the time comes from; injected, so that tests turn the hands themselves.
package protocol MonotonicClock: Sendable {
    func now() -> MonotonicTime
}

/// The moment after which the answer to a call is of no use to anyone.
@usableFromInline
package struct Deadline: Hashable, Comparable, Sendable {
    /// The end of time for a call without a deadline.
    @usableFromInline package let time: MonotonicTime

    @inlinable
    package init(_ time: MonotonicTime) { self.time = time }

    /// No deadline.
    package static let never = Deadline(MonotonicTime(nanoseconds: .max))

    /// Whether there is a deadline at all.
    @inlinable
    package var isFinite: Bool { time.nanoseconds != .max }

    @inlinable
    package static func < (lhs: Deadline, rhs: Deadline) -> Bool { lhs.time < rhs.time }

    /// Whether the deadline has passed at `now`.
    @inlinable
    package func isExpired(at now: MonotonicTime) -> Bool { time <= now }
}
