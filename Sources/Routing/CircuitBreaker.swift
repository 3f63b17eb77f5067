package import Vocabulary

/// Keeps calls away from a replica that does not answer, and lets one try it now and then.
///
/// ```
/// closed ──failures in a row──▶ open ──time──▶ one call tries ──it is answered──▶ closed
///                                ▲              │         ▲  │
///                                └─it fails, longer─┘     └──┘ nothing is heard of it for as long as it was open
/// ```
///
/// Only what says that the replica is down counts: UNAVAILABLE, and calls to which nothing came back in time. One that
/// refuses because it is busy, or a request that is wrong, says that it is there. The loss of a connection happens to
/// all its calls at one moment, and happened once.
///
/// - Source: M. Nygard, Release It!, "Circuit Breaker"; gRFC A50 for ejection by failures in a row.
package struct CircuitBreaker: Equatable, Sendable {
    /// Failures in a row that open it.
    package static let failureCountMax = 5
    /// How long it is open the first time; twice as long each time that the try fails, up to `openNanosecondsMax`.
    package static let openNanosecondsMin: UInt64 = 1_000_000_000
    package static let openNanosecondsMax: UInt64 = 30_000_000_000
    /// Shared failures within this time of one that was counted are the same one.
    package static let momentNanoseconds: UInt64 = 5_000_000

    private enum State: Equatable {
        /// The time is that of the last failure that was counted.
        case closed(failures: Int, last: MonotonicTime)
        case open(until: MonotonicTime, nanoseconds: UInt64)
        /// One call is on its way.
        case trying(since: MonotonicTime, nanoseconds: UInt64)
    }

    private static let sound = State.closed(failures: 0, last: MonotonicTime(nanoseconds: 0))

    private var state = Self.sound

    package init() {}

    /// Whether it lets no call through but single tries.
    package var isOpen: Bool { if case .closed = state { false } else { true } }

    /// Whether a call may go through now.
    package func allows(at now: MonotonicTime) -> Bool {
        switch state {
        case .closed: true
        case .open(let until, _): until <= now
        // A try may be a stream of hours, of which nothing may be heard before it ends.
        case .trying(let since, let nanoseconds): now.nanoseconds(since: since) >= nanoseconds
        }
    }

    /// A call goes through.
    ///
    /// - Precondition: `allows(at:)`.
    package mutating func begin(at now: MonotonicTime) {
        switch state {
        case .closed: break
        case .open(_, let nanoseconds), .trying(_, let nanoseconds):
            precondition(allows(at: now), "a call through \(state)")
            state = .trying(since: now, nanoseconds: nanoseconds)
        }
    }

    /// The replica answers a call, whatever it says, or begins to.
    package mutating func succeed() { state = Self.sound }

    /// The replica did not answer a call.
    ///
    /// - Parameters:
    ///   - isShared: whether what happened to the call may have happened to others at the same moment.
    ///   - now: the time.
    package mutating func fail(isShared: Bool = false, at now: MonotonicTime) {
        switch state {
        case .closed(let failures, let last):
            // The time of the first one stays: failures without end are not one moment.
            guard !isShared || failures == 0 || now.nanoseconds(since: last) >= Self.momentNanoseconds else { return }
            guard failures + 1 >= Self.failureCountMax else {
                state = .closed(failures: failures + 1, last: now)
                return
            }
            open(Self.openNanosecondsMin, at: now)
        case .trying(_, let nanoseconds): open(min(nanoseconds * 2, Self.openNanosecondsMax), at: now)
        // A call that was under way when it opened says nothing new.
        case .open: break
        }
    }

    /// A call ended without telling anything, such as by its caller's cancellation.
    package mutating func forget(at now: MonotonicTime) {
        if case .trying(_, let nanoseconds) = state { state = .open(until: now, nanoseconds: nanoseconds) }
    }

    private mutating func open(_ nanoseconds: UInt64, at now: MonotonicTime) {
        state = .open(until: now.advanced(byNanoseconds: nanoseconds), nanoseconds: nanoseconds)
    }
}
