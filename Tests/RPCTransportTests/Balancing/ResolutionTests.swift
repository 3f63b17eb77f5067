import RPCTransport
import Testing
import Vocabulary

@Suite("names and addresses")
struct ResolutionTests {
    private static let second: UInt64 = 1_000_000_000

    @Test(
        "C153: targets are read as gRPC writes them",
        arguments: [
            ("models.example:443", .name(host: "models.example", port: 443), "models.example:443"),
            ("models.example", .name(host: "models.example", port: 8461), "models.example:8461"),
            ("dns:///models.example:443", .name(host: "models.example", port: 443), "models.example:443"),
            ("dns:models.example", .name(host: "models.example", port: 8461), "models.example:8461"),
            ("dns:///10.0.0.1:1", .addresses([ServerAddress(host: "10.0.0.1", port: 1)]), "10.0.0.1:1"),
            ("127.0.0.1:5", .addresses([ServerAddress(host: "127.0.0.1", port: 5)]), "127.0.0.1:5"),
            ("[::1]:5", .addresses([ServerAddress(host: "::1", port: 5)]), "[::1]:5"),
            (
                "ipv4:10.0.0.1:1,10.0.0.2",
                .addresses([ServerAddress(host: "10.0.0.1", port: 1), ServerAddress(host: "10.0.0.2", port: 8461)]),
                "10.0.0.1:1"
            ),
            (
                "ipv6:[::1]:1,[fe80::2%eth0]",
                .addresses([ServerAddress(host: "::1", port: 1), ServerAddress(host: "fe80::2%eth0", port: 8461)]),
                "[::1]:1"
            ),
        ] as [(String, ChannelTarget.Source, String)])
    func readable(text: String, source: ChannelTarget.Source, authority: String) throws {
        let target = try #require(ChannelTarget(text, defaultPort: 8461))
        #expect(target.source == source && target.authority == authority)
    }

    @Test(
        "anything else is not a target",
        arguments: [
            "", ":1", "host:0", "host:65536", "::1", "[host]:1", "dns://8.8.8.8/host", "dns:///", "ipv4:",
            "ipv4:host:1",
            "ipv4:1.2.3.4,", "ipv4:[::1]:1", "ipv6:1.2.3.4:1", "unix:///run/socket", "xds:///host",
        ])
    func unreadable(text: String) { #expect(ChannelTarget(text, defaultPort: 1) == nil) }

    @Test("a name is asked for at most every 30 s, and after failures with growing delays")
    func schedule() {
        var schedule = ResolutionSchedule()
        let start = MonotonicTime(nanoseconds: 5 * Self.second)
        #expect(schedule.wish(at: start) == .resolveNow)
        #expect(schedule.wish(at: start) == .alreadyUnderWay)
        schedule.didSucceed(at: start)
        let later = start.advanced(byNanoseconds: Self.second)
        let next = start.advanced(byNanoseconds: 30 * Self.second)
        #expect(schedule.wish(at: later) == .resolveAt(next))
        #expect(schedule.wish(at: later) == .alreadyUnderWay)
        #expect(schedule.timeDidCome(isWanted: false) == true)
        #expect(schedule.didFail(BackoffPolicy(), random: 0.5) == Self.second)
        #expect(schedule.isBackingOff && schedule.wish(at: next) == .alreadyUnderWay)
        #expect(schedule.timeDidCome(isWanted: true) == true)
        #expect(schedule.didFail(BackoffPolicy(), random: 0.5) == 16 * Self.second / 10)
        // Nobody waits: left alone until somebody does.
        #expect(schedule.timeDidCome(isWanted: false) == false)
        #expect(schedule.wish(at: next) == .resolveNow)
    }
}
