package import Vocabulary

/// Holds the callers of a closed loop back while there is no server to call.
///
/// Why: a call without a connection fails in microseconds, and callers that called again at once would spend the whole
/// run counting such failures instead of finding out when the server is back.
package struct ReconnectPause: Sendable {
    /// The first pause; each further one is twice as long.
    package static let initialNanoseconds: UInt64 = 10_000_000
    package static let nanosecondsMax: UInt64 = 1_000_000_000

    /// As many refusals in a row count as no server: one that drains, or a front end without shards.
    package static let refusalCountMax = 16

    private var failureCount = 0
    private var refusalCount = 0
    private var end: MonotonicTime?

    package init() {}

    /// Until when nothing is to be sent; nil when sending is fine.
    package func end(at now: MonotonicTime) -> MonotonicTime? { end.flatMap { now < $0 ? $0 : nil } }

    /// How many calls may be under way: one finds out as much as many.
    package func callCountMax(of all: Int) -> Int { failureCount == 0 ? all : 1 }

    /// A call was answered, if only with an error: there is a server.
    package mutating func callReachedServer() { self = ReconnectPause() }

    /// A call failed for want of a connection.
    ///
    /// Calls that were sent before the pause began and fail in it do not lengthen it.
    ///
    /// - Returns: the end of the pause that begins now; nil when one is under way.
    @discardableResult
    package mutating func callFoundNoServer(at now: MonotonicTime) -> MonotonicTime? {
        guard end(at: now) == nil else { return nil }
        failureCount = min(failureCount + 1, 8)
        let nanoseconds = min(Self.initialNanoseconds << UInt64(failureCount - 1), Self.nanosecondsMax)
        let pauseEnd = now.advanced(byNanoseconds: nanoseconds)
        end = pauseEnd
        return pauseEnd
    }

    /// A call was answered with UNAVAILABLE.
    ///
    /// - Returns: the end of the pause that begins now; nil while there were too few of them, or when one is under way.
    package mutating func callWasTurnedAway(at now: MonotonicTime) -> MonotonicTime? {
        refusalCount = min(refusalCount + 1, Self.refusalCountMax)
        return refusalCount == Self.refusalCountMax ? callFoundNoServer(at: now) : nil
    }
}
