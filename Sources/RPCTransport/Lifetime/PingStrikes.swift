package import Vocabulary

/// How often a client may ask a server for a sign of life.
///
/// - Source: gRFC A8, "Server Enforcement"; A9.
package struct PingPolicy: Sendable, Equatable {
    /// A PING sooner than this after the last one is a strike.
    package var intervalNanosecondsMin: UInt64 = 5 * 60 * 1_000_000_000
    /// Whether that interval also holds while the client has no call; otherwise two hours do.
    package var permitsWithoutCalls = false
    /// Strikes that are forgiven; the next one ends the connection.
    package var strikeCountMax = 2

    /// The interval of a client without calls, unless it is permitted more.
    package static let idleIntervalNanoseconds: UInt64 = 2 * 3600 * 1_000_000_000

    package init() {}
}

/// Counts PINGs that come too soon; a value: time and facts in, a verdict out.
///
/// Headers and data that were sent since the last PING wipe the slate: clients measure their bandwidth with PINGs after
/// data arrived, and a client that is served is no nuisance.
package struct PingStrikes: Sendable {
    private let policy: PingPolicy
    private var lastPing: MonotonicTime?
    private var strikeCount = 0
    private var sentFrameCount: UInt64 = 0

    package init(_ policy: PingPolicy) { self.policy = policy }

    /// Takes note of a PING.
    ///
    /// - Parameters:
    ///   - now: when it came.
    ///   - sentFrameCount: HEADERS and DATA frames sent on the connection so far.
    ///   - hasCalls: whether a stream is open.
    /// - Returns: false when it is one too many.
    package mutating func pingDidArrive(at now: MonotonicTime, sentFrameCount: UInt64, hasCalls: Bool) -> Bool {
        if sentFrameCount != self.sentFrameCount {
            self.sentFrameCount = sentFrameCount
            lastPing = nil
            strikeCount = 0
        }
        defer { lastPing = now }
        let isIdle = !hasCalls && !policy.permitsWithoutCalls
        let interval = isIdle ? PingPolicy.idleIntervalNanoseconds : policy.intervalNanosecondsMin
        guard let lastPing, now < lastPing.advanced(byNanoseconds: interval) else { return true }
        strikeCount += 1
        return strikeCount <= policy.strikeCountMax
    }
}
