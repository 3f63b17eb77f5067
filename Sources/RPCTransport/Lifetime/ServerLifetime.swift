package import Vocabulary

/// How long a server keeps its connections, and how it watches them.
package struct ServerConnectionPolicy: Sendable, Equatable {
    /// A connection without calls for this long is drained; nil keeps it.
    package var maxIdleNanoseconds: UInt64?
    /// A connection of this age, give or take a tenth, is drained; nil keeps it.
    ///
    /// Why the tenth: connections that began together must not come back together.
    package var maxAgeNanoseconds: UInt64?
    /// How long calls may go on after `maxAgeNanoseconds`; nil for as long as they like.
    package var ageGraceNanoseconds: UInt64?
    package var keepalive = KeepalivePolicy.server
    package var pings = PingPolicy()
    /// From the arrival of the connection to the end of the TLS handshake.
    package var handshakeTimeoutNanoseconds: UInt64 = 10_000_000_000
    /// From there to the client's SETTINGS.
    package var prefaceTimeoutNanoseconds: UInt64 = 5_000_000_000
    /// Connections of one loop that are not that far; beyond it the oldest are closed, see `HalfOpenQueue`.
    ///
    /// Nil for half of all connections, so that those who say nothing never take every place.
    package var halfOpenCountMax: Int?
    /// How long a peer may stand still; nil for as long as it likes.
    ///
    /// It stands still when it takes nothing of what it asked for, or does not go on with a request that it has begun.
    /// See `StallWatch`.
    package var stallTimeoutNanoseconds: UInt64? = 60_000_000_000

    package init() {}
}

/// Decides when a server's connection is asked for a sign of life, drained and ended; a value: time and facts in, steps
/// out.
///
/// ```
/// open ──idle, age──▶ draining ──no PING came back──▶ final GOAWAY ──grace over──▶ calls ended ──1 s──▶ aborted
/// ```
package struct ServerLifetime: Sendable {
    /// What the connection does, in the order given.
    package enum Step: Equatable, Sendable {
        /// Ask for a sign of life.
        case ping
        /// Announce the end; calls go on.
        case drain(reason: String)
        /// Send the final GOAWAY though the PING was not answered.
        case finishDrain
        /// End the calls that are left.
        case endCalls
        /// Close at once.
        case abort
        /// Close at once: the peer answers nothing.
        case giveUp
    }

    /// A peer that answers no PING is given this long before the final GOAWAY goes out without it.
    package static let drainPingTimeoutNanoseconds: UInt64 = 5_000_000_000
    /// Statuses of calls that were ended get this long to leave.
    package static let abortDelayNanoseconds: UInt64 = 1_000_000_000

    private let policy: ServerConnectionPolicy
    private let ageEnd: MonotonicTime?
    private var keepalive: Keepalive
    private var idleSince: MonotonicTime
    private var isDraining = false
    private var finalGoAwayTime: MonotonicTime?
    private var graceEnd: MonotonicTime?
    private var abortTime: MonotonicTime?

    /// A connection that begins at `now`; `random`, in `0 ..< 1`, chooses its age.
    package init(_ policy: ServerConnectionPolicy, now: MonotonicTime, random: Double) {
        self.policy = policy
        keepalive = Keepalive(policy.keepalive)
        idleSince = now
        ageEnd = policy.maxAgeNanoseconds.map {
            now.advanced(byNanoseconds: UInt64(Double($0) * (0.9 + 0.2 * random)))
        }
    }

    /// A call has ended; only the last one's time matters.
    package mutating func callDidEnd(at now: MonotonicTime) { idleSince = now }

    /// The connection was told to drain, by this value or by its server.
    package mutating func drainDidBegin(at now: MonotonicTime) {
        guard !isDraining else { return }
        isDraining = true
        finalGoAwayTime = now.advanced(byNanoseconds: Self.drainPingTimeoutNanoseconds)
    }

    /// Does what the time asks for.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - activity: what was heard of the peer.
    ///   - hasCalls: whether a stream is open or a handler runs.
    /// - Returns: what to do now, and when to ask again; nil for not before something changes.
    package mutating func advance(
        to now: MonotonicTime, _ activity: PeerActivity, hasCalls: Bool
    ) -> (steps: [Step], wake: MonotonicTime?) {
        var steps: [Step] = []
        var wake: MonotonicTime?
        advanceKeepalive(now, activity, hasCalls, &steps, &wake)
        guard steps.last != .giveUp else { return (steps, nil) }
        if isDraining { advanceDrain(now, &steps, &wake) } else { advanceOpen(now, hasCalls, &steps, &wake) }
        return (steps, wake)
    }

    private mutating func advanceKeepalive(
        _ now: MonotonicTime, _ activity: PeerActivity, _ hasCalls: Bool, _ steps: inout [Step],
        _ wake: inout MonotonicTime?
    ) {
        while true {
            switch keepalive.step(at: now, activity, hasCalls: hasCalls) {
            case .sleep: return
            case .wait(let time): return wake.lower(to: time)
            case .ping: steps.append(.ping)
            case .giveUp: return steps.append(.giveUp)
            }
        }
    }

    private mutating func advanceOpen(
        _ now: MonotonicTime, _ hasCalls: Bool, _ steps: inout [Step], _ wake: inout MonotonicTime?
    ) {
        if let ageEnd, now >= ageEnd {
            graceEnd = policy.ageGraceNanoseconds.map { now.advanced(byNanoseconds: $0) }
            return beginDrain("max_age", now, &steps, &wake)
        }
        if let idle = policy.maxIdleNanoseconds {
            let idleEnd = (hasCalls ? now : idleSince).advanced(byNanoseconds: idle)
            guard now < idleEnd else { return beginDrain("max_idle", now, &steps, &wake) }
            wake.lower(to: idleEnd)
        }
        if let ageEnd { wake.lower(to: ageEnd) }
    }

    private mutating func beginDrain(
        _ reason: String, _ now: MonotonicTime, _ steps: inout [Step], _ wake: inout MonotonicTime?
    ) {
        steps.append(.drain(reason: reason))
        drainDidBegin(at: now)
        advanceDrain(now, &steps, &wake)
    }

    private mutating func advanceDrain(_ now: MonotonicTime, _ steps: inout [Step], _ wake: inout MonotonicTime?) {
        if Self.isDue(&finalGoAwayTime, now, &wake) { steps.append(.finishDrain) }
        if Self.isDue(&graceEnd, now, &wake) {
            steps.append(.endCalls)
            abortTime = now.advanced(byNanoseconds: Self.abortDelayNanoseconds)
        }
        if Self.isDue(&abortTime, now, &wake) { steps.append(.abort) }
    }

    /// Whether `time` has come; then it is forgotten, otherwise waited for.
    private static func isDue(
        _ time: inout MonotonicTime?, _ now: MonotonicTime, _ wake: inout MonotonicTime?
    ) -> Bool {
        guard let due = time else { return false }
        guard now >= due else {
            wake.lower(to: due)
            return false
        }
        time = nil
        return true
    }
}

extension MonotonicTime? {
    /// The sooner of the two.
    fileprivate mutating func lower(to time: MonotonicTime) { self = map { min($0, time) } ?? time }
}
