package import Vocabulary

/// Decides when a name is resolved: once at first, and again when connections were lost, but not too often.
///
/// - Source: grpc/grpc `doc/naming.md`; 30 s is what C++ and Go keep between two questions.
package struct ResolutionSchedule: Sendable {
    /// What to do about a wish for new addresses.
    package enum Decision: Equatable, Sendable {
        case resolveNow
        case resolveAt(MonotonicTime)
        /// An answer is on its way already, or will be asked for.
        case alreadyUnderWay
    }

    /// Between two successful resolutions.
    package static let intervalNanosecondsMin: UInt64 = 30_000_000_000

    private enum State {
        case resting(since: MonotonicTime?)
        case resolving
        case waiting
        case backingOff
    }

    private var state = State.resting(since: nil)
    private var failureCount = 0

    package init() {}

    /// Whether the name could not be resolved and will not be tried again yet.
    package var isBackingOff: Bool {
        if case .backingOff = state { return true }
        return false
    }

    /// Somebody wants addresses, or new ones.
    package mutating func wish(at now: MonotonicTime) -> Decision {
        guard case .resting(let last) = state else { return .alreadyUnderWay }
        if let last {
            let next = last.advanced(byNanoseconds: Self.intervalNanosecondsMin)
            guard next <= now else {
                state = .waiting
                return .resolveAt(next)
            }
        }
        state = .resolving
        return .resolveNow
    }

    /// The time of `resolveAt`, or the end of a backoff, has come.
    ///
    /// - Parameter isWanted: whether anybody waits for addresses; without that, a name that failed is left alone.
    /// - Returns: whether to resolve.
    package mutating func timeDidCome(isWanted: Bool) -> Bool {
        switch state {
        case .waiting: state = .resolving
        case .backingOff: state = isWanted ? .resolving : .resting(since: nil)
        case .resting, .resolving: return false
        }
        return isResolving
    }

    /// Whether an answer is on its way.
    package var isResolving: Bool {
        if case .resolving = state { return true }
        return false
    }

    /// Addresses came.
    package mutating func didSucceed(at now: MonotonicTime) {
        state = .resting(since: now)
        failureCount = 0
    }

    /// No answer, or an empty one.
    ///
    /// - Returns: nanoseconds until the next try.
    package mutating func didFail(_ backoff: BackoffPolicy, random: Double) -> UInt64 {
        state = .backingOff
        failureCount += 1
        return backoff.delayNanoseconds(failureCount: failureCount, random: random)
    }
}
