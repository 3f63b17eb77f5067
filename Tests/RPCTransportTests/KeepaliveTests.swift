import RPCTransport
import Testing
import Vocabulary

@Suite("When a connection asks for a sign of life")
struct KeepaliveTests {
    private static func time(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: UInt64(seconds * 1_000_000_000))
    }

    private static func policy(time: UInt64?, timeout: UInt64 = 20, withoutCalls: Bool = false) -> KeepalivePolicy {
        var policy = KeepalivePolicy()
        policy.timeNanoseconds = time.map { $0 * 1_000_000_000 }
        policy.timeoutNanoseconds = timeout * 1_000_000_000
        policy.pingsWithoutCalls = withoutCalls
        return policy
    }

    @Test("C130: by default a client never asks; it waits 20 s for an answer, and asks only while it has calls")
    func defaults() {
        let policy = KeepalivePolicy()
        #expect(policy.timeNanoseconds == nil)
        #expect(policy.timeoutNanoseconds == 20_000_000_000)
        #expect(!policy.pingsWithoutCalls)
        var keepalive = Keepalive(policy)
        let activity = PeerActivity(lastReceived: Self.time(0))
        #expect(keepalive.step(at: Self.time(1_000_000), activity, hasCalls: true) == .sleep)
    }

    @Test("C130: a client's time below ten seconds is ten seconds", arguments: [(1, 10), (9, 10), (10, 10), (11, 11)])
    func clamp(seconds: UInt64, expected: UInt64) {
        #expect(Self.policy(time: seconds).forClient.timeNanoseconds == expected * 1_000_000_000)
    }

    @Test("S134: by default a server asks after two hours, with or without calls, and waits 20 s")
    func serverDefaults() {
        let policy = ServerConnectionPolicy().keepalive
        // With its type: an untyped product makes the macro compare by AnyHashable, which AddressSanitizer objects to.
        #expect(policy.timeNanoseconds == UInt64(7_200) * 1_000_000_000)
        #expect(policy.timeoutNanoseconds == 20_000_000_000)
        #expect(policy.pingsWithoutCalls)
    }

    /// A connection that begins at 0 s and is asked from time to time what to do.
    private struct Watched {
        var keepalive: Keepalive
        var activity = PeerActivity(lastReceived: time(0))

        mutating func hear(at seconds: Double) {
            activity.lastReceived = time(seconds)
            activity.receiveCount += 1
        }

        mutating func step(at seconds: Double, hasCalls: Bool = true) -> Keepalive.Step {
            keepalive.step(at: time(seconds), activity, hasCalls: hasCalls)
        }
    }

    @Test("C130: silence is measured from the last byte that came, not from the last PING")
    func silence() {
        var peer = Watched(keepalive: Keepalive(Self.policy(time: 30)))
        #expect(peer.step(at: 10) == .wait(until: Self.time(30)))
        peer.hear(at: 25)
        #expect(peer.step(at: 30) == .wait(until: Self.time(55)))
        #expect(peer.step(at: 55) == .ping)
        // Answered at 56: the next PING is due 30 s after that.
        peer.hear(at: 56)
        #expect(peer.step(at: 75) == .wait(until: Self.time(86)))
    }

    @Test("C131: no byte within the timeout after a PING is the end; a byte in the same instant is an answer")
    func timeout() {
        var peer = Watched(keepalive: Keepalive(Self.policy(time: 30)))
        #expect(peer.step(at: 30) == .ping)
        #expect(peer.step(at: 30) == .wait(until: Self.time(50)))
        #expect(peer.step(at: 49, hasCalls: false) == .wait(until: Self.time(50)))
        var answering = peer
        #expect(peer.step(at: 50) == .giveUp)
        answering.hear(at: 30)
        #expect(answering.step(at: 50) == .wait(until: Self.time(60)))
    }

    @Test("C130: without calls nothing is asked; the first call after a long silence asks at once")
    func withoutCalls() {
        var peer = Watched(keepalive: Keepalive(Self.policy(time: 30)))
        #expect(peer.step(at: 40, hasCalls: false) == .sleep)
        #expect(peer.step(at: 500) == .ping)
        var always = Watched(keepalive: Keepalive(Self.policy(time: 30, withoutCalls: true)))
        #expect(always.step(at: 40, hasCalls: false) == .ping)
    }
}

@Suite("PINGs that come too often")
struct PingStrikesTests {
    /// One PING: when, how many frames had been sent by then, whether a call was open; and whether it is allowed.
    struct Ping {
        let seconds: UInt64
        let sentFrameCount: UInt64
        let hasCalls: Bool
        let isAllowed: Bool
    }

    private static func check(_ pings: [Ping], _ policy: PingPolicy = PingPolicy()) {
        var strikes = PingStrikes(policy)
        for ping in pings {
            let isAllowed = strikes.pingDidArrive(
                at: MonotonicTime(nanoseconds: ping.seconds * 1_000_000_000), sentFrameCount: ping.sentFrameCount,
                hasCalls: ping.hasCalls)
            #expect(isAllowed == ping.isAllowed, "at \(ping.seconds) s")
        }
    }

    @Test("S133: the first PING and two early ones are forgiven; the third early one is too many")
    func three() {
        Self.check([
            Ping(seconds: 10, sentFrameCount: 0, hasCalls: true, isAllowed: true),
            Ping(seconds: 11, sentFrameCount: 0, hasCalls: true, isAllowed: true),
            Ping(seconds: 12, sentFrameCount: 0, hasCalls: true, isAllowed: true),
            Ping(seconds: 13, sentFrameCount: 0, hasCalls: true, isAllowed: false),
        ])
    }

    @Test("S133: with calls five minutes lie between PINGs, without calls two hours")
    func intervals() {
        let withCalls = (0..<20).map { Ping(seconds: 300 * $0, sentFrameCount: 0, hasCalls: true, isAllowed: true) }
        Self.check(withCalls)
        let idle = (0..<20).map { Ping(seconds: 7_200 * $0, sentFrameCount: 0, hasCalls: false, isAllowed: true) }
        Self.check(idle)
        let idleTooOften = (0..<4).map {
            Ping(seconds: 300 * $0, sentFrameCount: 0, hasCalls: false, isAllowed: $0 < 3)
        }
        Self.check(idleTooOften)
        var permitting = PingPolicy()
        permitting.permitsWithoutCalls = true
        let permitted = (0..<20).map { Ping(seconds: 300 * $0, sentFrameCount: 0, hasCalls: false, isAllowed: true) }
        Self.check(permitted, permitting)
    }

    @Test("S133: headers and data that were sent wipe the slate, and so does none of waiting")
    func reset() {
        // Every answer pays for the PINGs until the next one: a client that measures its bandwidth is safe.
        let measuring = (0..<1000).map { Ping(seconds: 1, sentFrameCount: $0 / 2, hasCalls: true, isAllowed: true) }
        Self.check(measuring)
        Self.check([
            Ping(seconds: 1, sentFrameCount: 5, hasCalls: true, isAllowed: true),
            Ping(seconds: 1, sentFrameCount: 5, hasCalls: true, isAllowed: true),
            Ping(seconds: 1, sentFrameCount: 5, hasCalls: true, isAllowed: true),
            // A polite PING in between forgives nothing.
            Ping(seconds: 400, sentFrameCount: 5, hasCalls: true, isAllowed: true),
            Ping(seconds: 401, sentFrameCount: 5, hasCalls: true, isAllowed: false),
        ])
    }
}
