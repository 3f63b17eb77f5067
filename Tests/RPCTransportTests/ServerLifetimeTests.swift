import RPCTransport
import TestSupport
import Testing
import Vocabulary

@Suite("When a server ends a connection")
struct ServerLifetimeTests {
    static let second: UInt64 = 1_000_000_000

    private static func time(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * second) }

    private static func policy(_ change: (inout ServerConnectionPolicy) -> Void) -> ServerConnectionPolicy {
        var policy = ServerConnectionPolicy()
        policy.keepalive = KeepalivePolicy()
        change(&policy)
        return policy
    }

    private static let quiet = PeerActivity(lastReceived: time(0))

    @Test("S140: by default a connection lives as long as its client likes")
    func defaults() {
        var lifetime = ServerLifetime(Self.policy { _ in }, now: Self.time(0), random: 0.5)
        let (steps, wake) = lifetime.advance(to: Self.time(1_000_000), Self.quiet, hasCalls: false)
        #expect(steps.isEmpty && wake == nil)
    }

    @Test("S140: without calls for so long a connection is drained with max_idle, measured from its last call")
    func idle() {
        var lifetime = ServerLifetime(
            Self.policy { $0.maxIdleNanoseconds = 60 * Self.second }, now: Self.time(0), random: 0)
        var result = lifetime.advance(to: Self.time(59), Self.quiet, hasCalls: false)
        #expect(result.steps.isEmpty && result.wake == Self.time(60))
        result = lifetime.advance(to: Self.time(60), Self.quiet, hasCalls: true)
        #expect(result.steps.isEmpty && result.wake == Self.time(120))
        lifetime.callDidEnd(at: Self.time(100))
        result = lifetime.advance(to: Self.time(120), Self.quiet, hasCalls: false)
        #expect(result.steps.isEmpty && result.wake == Self.time(160))
        result = lifetime.advance(to: Self.time(160), Self.quiet, hasCalls: false)
        #expect(result.steps == [.drain(reason: "max_idle")] && result.wake == Self.time(165))
    }

    @Test(
        "S140: the age is jittered by a tenth either way", arguments: [(0.0, 900), (0.5, 1000), (1.0, 1100)])
    func jitter(random: Double, seconds: UInt64) {
        var lifetime = ServerLifetime(
            Self.policy { $0.maxAgeNanoseconds = 1000 * Self.second }, now: Self.time(0), random: random)
        var result = lifetime.advance(to: Self.time(seconds - 1), Self.quiet, hasCalls: true)
        #expect(result.steps.isEmpty && result.wake == Self.time(seconds))
        result = lifetime.advance(to: Self.time(seconds), Self.quiet, hasCalls: true)
        #expect(result.steps == [.drain(reason: "max_age")])
    }

    @Test("S140: the grace after the age bounds the drain: calls are ended, then the connection")
    func grace() {
        var lifetime = ServerLifetime(
            Self.policy {
                $0.maxAgeNanoseconds = 1000 * Self.second
                $0.ageGraceNanoseconds = 30 * Self.second
            }, now: Self.time(0), random: 0.5)
        var result = lifetime.advance(to: Self.time(1000), Self.quiet, hasCalls: true)
        #expect(result.steps == [.drain(reason: "max_age")] && result.wake == Self.time(1005))
        result = lifetime.advance(to: Self.time(1005), Self.quiet, hasCalls: true)
        #expect(result.steps == [.finishDrain] && result.wake == Self.time(1030))
        result = lifetime.advance(to: Self.time(1030), Self.quiet, hasCalls: true)
        #expect(result.steps == [.endCalls] && result.wake == Self.time(1031))
        result = lifetime.advance(to: Self.time(1031), Self.quiet, hasCalls: true)
        #expect(result.steps == [.abort] && result.wake == nil)
    }

    @Test("S141: a drain that was begun elsewhere is not begun again by age or idleness")
    func drainedElsewhere() {
        var lifetime = ServerLifetime(
            Self.policy {
                $0.maxAgeNanoseconds = 10 * Self.second
                $0.maxIdleNanoseconds = 5 * Self.second
            }, now: Self.time(0), random: 0)
        lifetime.drainDidBegin(at: Self.time(1))
        var result = lifetime.advance(to: Self.time(2), Self.quiet, hasCalls: true)
        #expect(result.steps.isEmpty && result.wake == Self.time(6))
        result = lifetime.advance(to: Self.time(100), Self.quiet, hasCalls: true)
        #expect(result.steps == [.finishDrain] && result.wake == nil)
    }

    @Test("S134: a peer that answers no PING is given up, whatever else is due")
    func giveUp() {
        var lifetime = ServerLifetime(
            Self.policy {
                $0.keepalive = .server
                $0.keepalive.timeNanoseconds = 100 * Self.second
                $0.maxAgeNanoseconds = 120 * Self.second
            }, now: Self.time(0), random: 0.5)
        var result = lifetime.advance(to: Self.time(100), Self.quiet, hasCalls: false)
        #expect(result.steps == [.ping] && result.wake == Self.time(120))
        result = lifetime.advance(to: Self.time(120), Self.quiet, hasCalls: false)
        #expect(result.steps == [.giveUp] && result.wake == nil)
    }

    @Test("waking a lifetime when it asks to be woken always leads to its end", arguments: 0..<50 as Range<UInt64>)
    func randomWalk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let policy = Self.policy {
            $0.maxAgeNanoseconds = UInt64.random(in: 1...10_000, using: &random) * Self.second
            $0.maxIdleNanoseconds = UInt64.random(in: 1...1_000, using: &random) * Self.second
            $0.ageGraceNanoseconds = UInt64.random(in: 0...100, using: &random) * Self.second
        }
        var lifetime = ServerLifetime(policy, now: Self.time(0), random: Double.random(in: 0..<1, using: &random))
        var now = Self.time(0)
        var steps: [ServerLifetime.Step] = []
        for _ in 0..<100_000 {
            let hasCalls = Bool.random(using: &random)
            let result = lifetime.advance(to: now, Self.quiet, hasCalls: hasCalls)
            steps += result.steps
            if Bool.random(using: &random) { lifetime.callDidEnd(at: now) }
            guard let wake = result.wake else { break }
            #expect(wake > now, "a timer that is due at once would spin")
            now = wake
        }
        let isByAge = steps.first == .drain(reason: "max_age")
        let end: [ServerLifetime.Step] = isByAge ? [.endCalls, .abort] : [.finishDrain]
        #expect(steps.count <= 4 && Set(steps.map { "\($0)" }).count == steps.count)
        for step in end { #expect(steps.contains(step)) }
    }
}
