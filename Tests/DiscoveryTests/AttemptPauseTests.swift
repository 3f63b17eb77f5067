import RPC
import Testing
import Vocabulary

@testable import Discovery

@Suite("Pauses between attempts")
struct AttemptPauseTests {
    private static let shortest: UInt64 = 500_000_000
    private let silence = RPCFailure(.unavailable, "nobody there")
    private let refusal = RPCFailure(.unauthenticated, "wrong password")

    @Test("an etcd that is silent is asked as often as ever, and that is told once")
    func silent() {
        var pause = AttemptPause(shortestNanoseconds: Self.shortest)
        for attempt in 0..<5 {
            let (nanoseconds, isNews) = pause.fail(attempt == 3 ? RPCFailure(.deadlineExceeded, "slow") : silence)
            #expect(nanoseconds == Self.shortest && isNews == (attempt == 0))
        }
    }

    @Test(
        "one that refuses is asked less and less often, down to a limit",
        arguments: [
            StatusCode.unauthenticated, .permissionDenied, .invalidArgument, .failedPrecondition,
        ])
    func refusing(code: StatusCode) {
        var pause = AttemptPause(shortestNanoseconds: Self.shortest)
        let seconds = (0..<8).map { _ in Double(pause.fail(RPCFailure(code, "no")).nanoseconds) / 1e9 }
        #expect(seconds == [0.5, 1, 2, 4, 8, 15, 15, 15])
        for _ in 0..<100 { #expect(pause.fail(refusal).nanoseconds == AttemptPause.longestNanoseconds) }
    }

    @Test("another trouble is news, and so is the same one after a success")
    func news() {
        var pause = AttemptPause(shortestNanoseconds: Self.shortest)
        #expect(pause.fail(silence).isNews)
        #expect(pause.fail(refusal) == (Self.shortest, true))
        #expect(pause.fail(refusal) == (2 * Self.shortest, false))
        #expect(pause.fail(silence) == (Self.shortest, true))
        pause.succeed()
        #expect(pause.fail(silence).isNews)
        #expect(pause.fail(refusal) == (Self.shortest, true))
    }

    @Test("a token is asked for anew when etcd does not know it, and not when it does not let somebody do something")
    func tokens() {
        for (code, message, isRejected) in [
            (StatusCode.unauthenticated, "etcdserver: invalid auth token", true),
            (.invalidArgument, "etcdserver: user name is empty", true),
            (.invalidArgument, "etcdserver: revision of auth store is old", true),
            (.invalidArgument, "etcdserver: key is not provided", false),
            (.permissionDenied, "etcdserver: permission denied", false), (.unavailable, "no leader", false),
        ] {
            #expect(EtcdToken.isRejected(by: RPCFailure(code, message)) == isRejected, "\(message)")
        }
    }
}
