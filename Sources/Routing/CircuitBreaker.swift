package import Vocabulary

/// Keeps calls away from a replica that does not answer, and lets one try it now and then.
///
/// ```
/// closed ──failures in a row──▶ open ──time──▶ one call tries ──it succeeds──▶ closed
///                                ▲                    │
///                                └───it fails, longer─┘
/// ```
///
/// Only what says that the replica is down counts: UNAVAILABLE, and calls to which nothing came back in time. One that
/// refuses because it is busy, or a request that is wrong, says that it is there.
///
/// - Source: M. Nygard, Release It!, "Circuit Breaker"; gRFC A50 for ejection by failures in a row.
package struct CircuitBreaker: Equatable, Sendable {
    /// Failures in a row that open it.
    package static let failureCountMax = 5
    /// How long it is open the first time; twice as long each time that the try fails, up to `openNanosecondsMax`.
    package static let openNanosecondsMin: UInt64 = 1_000_000_000
    package static let openNanosecondsMax: UInt64 = 30_000_000_000

    private enum State: Equatable {
        case closed(failures: Int)
        case open(until: MonotonicTime, nanoseconds: UInt64)
        /// One call is on its way.
        case trying(nanoseconds: UInt64)
    }

    private var state = State.closed(failures: 0)

    package init() {}

    /// Whether it lets no call through but single tries.
    package var isOpen: Bool { if case .closed = state { false } else { true } }

    /// Whether a call may go through now.
    package func allows(at now: MonotonicTime) -> Bool {
        switch state {
        case .closed: true
        case .open(let until, _): until <= now
        case .trying: false
        }
    }

    /// A call goes through.
    ///
    /// - Precondition: `allows(at:)`.
    package mutating func begin(at now: MonotonicTime) {
        precondition(allows(at: now), "a call through \(state)")
        if case .open(_, let nanoseconds) = state { state = .trying(nanoseconds: nanoseconds) }
    }

    /// The replica answered a call, whatever it said.
    package mutating func succeed() { state = .closed(failures: 0) }

    /// The replica did not answer a call.
    package mutating func fail(at now: MonotonicTime) {
        switch state {
        case .closed(let failures):
            guard failures + 1 >= Self.failureCountMax else {
                state = .closed(failures: failures + 1)
                return
            }
            open(Self.openNanosecondsMin, at: now)
        case .trying(let nanoseconds): open(min(nanoseconds * 2, Self.openNanosecondsMax), at: now)
        // A call that was under way when it opened says nothing new.
        case .open: break
        }
    }

    /// A call ended without telling anything, such as by its caller's cancellation.
    package mutating func forget(at now: MonotonicTime) {
        if case .trying(let nanoseconds) = state { state = .open(until: now, nanoseconds: nanoseconds) }
    }

    private mutating func open(_ nanoseconds: UInt64, at now: MonotonicTime) {
        state = .open(until: now.advanced(byNanoseconds: nanoseconds), nanoseconds: nanoseconds)
    }
}
