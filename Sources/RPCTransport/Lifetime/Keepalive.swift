package import Vocabulary

/// When a connection asks its peer for a sign of life.
///
/// - Source: gRFC A8 (client), A9 (server).
package struct KeepalivePolicy: Sendable, Equatable {
    /// Silence after which a PING is sent; nil for never.
    package var timeNanoseconds: UInt64?
    /// How long the peer may then stay silent before the connection is given up.
    package var timeoutNanoseconds: UInt64 = 20_000_000_000
    /// Whether a connection without calls is asked too.
    package var pingsWithoutCalls = false

    /// A client pings no more often than this, whatever it is told: servers take more for an attack.
    package static let clientTimeNanosecondsMin: UInt64 = 10_000_000_000

    /// No PINGs at all.
    package init() {}

    /// A server's: after two hours of silence, whether or not there are calls.
    package static let server: KeepalivePolicy = {
        var policy = KeepalivePolicy()
        policy.timeNanoseconds = 2 * 3600 * 1_000_000_000
        policy.pingsWithoutCalls = true
        return policy
    }()

    /// What TCP is told: the same patience with bytes that nobody acknowledges; 0 without keepalive.
    ///
    /// - Source: gRFC A18.
    var userTimeoutMilliseconds: UInt32 {
        timeNanoseconds == nil ? 0 : UInt32(clamping: timeoutNanoseconds / 1_000_000)
    }

    /// What a client makes of its settings: `timeNanoseconds` below the minimum is the minimum.
    package var forClient: KeepalivePolicy {
        var policy = self
        policy.timeNanoseconds = timeNanoseconds.map { max($0, Self.clientTimeNanosecondsMin) }
        return policy
    }
}

/// What was heard of a peer.
package struct PeerActivity: Sendable, Equatable {
    /// When bytes came last; the start of the connection before any have.
    package var lastReceived: MonotonicTime
    /// How often bytes came: tells an answer apart from silence when the clock has not moved.
    package var receiveCount: UInt64 = 0

    package init(lastReceived: MonotonicTime) { self.lastReceived = lastReceived }

    mutating func bytesDidArrive(at now: MonotonicTime) {
        lastReceived = now
        receiveCount &+= 1
    }
}

/// Decides when to send a PING and when to give up, by the silence of the peer; a value: time and facts in, a step out.
///
/// Any byte is a sign of life, not only the answer to the PING. Silence is measured from the last byte that came,
/// never from the last PING.
package struct Keepalive: Sendable {
    /// What the connection does now.
    package enum Step: Equatable, Sendable {
        /// Nothing to watch until a call begins.
        case sleep
        /// Ask again at this time.
        case wait(until: MonotonicTime)
        /// Send a PING, then ask again.
        case ping
        /// The peer is gone.
        case giveUp
    }

    private let policy: KeepalivePolicy
    /// The PING nobody has answered: when it was sent, and what had been heard by then.
    private var unanswered: (time: MonotonicTime, receiveCount: UInt64)?

    package init(_ policy: KeepalivePolicy) { self.policy = policy }

    package mutating func step(at now: MonotonicTime, _ activity: PeerActivity, hasCalls: Bool) -> Step {
        guard let silence = policy.timeNanoseconds else { return .sleep }
        if let unanswered, unanswered.receiveCount == activity.receiveCount {
            let limit = unanswered.time.advanced(byNanoseconds: policy.timeoutNanoseconds)
            return now < limit ? .wait(until: limit) : .giveUp
        }
        unanswered = nil
        guard hasCalls || policy.pingsWithoutCalls else { return .sleep }
        let due = activity.lastReceived.advanced(byNanoseconds: silence)
        guard now >= due else { return .wait(until: due) }
        unanswered = (now, activity.receiveCount)
        return .ping
    }
}
