import RPCTransport
import Testing
import Vocabulary

@Suite("Health check")
struct HealthCheckTests {
    private static let backoff = BackoffPolicy()

    private static func verdict(_ response: [UInt8]) -> HealthCheck.Verdict {
        var check = HealthCheck()
        check.responseArrived(Bytes(response))
        return check.verdict
    }

    @Test(
        "C155: SERVING is the only healthy answer; fields that are not known are skipped",
        arguments: [
            [0x08, 1], [0x08, 2, 0x08, 1], [0x12, 1, 9, 0x08, 1], [0x1D, 0, 0, 0, 0, 0x08, 1],
            [0x19, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 1],
        ] as [[UInt8]])
    func serving(response: [UInt8]) { #expect(Self.verdict(response) == .serving) }

    @Test(
        "C155: other statuses, and what is no message, are not healthy",
        arguments: [
            [], [0x08, 0], [0x08, 2], [0x08, 3], [0x08, 0x81, 1], [0x08], [0x12, 5, 1], [0x0B], [0x00, 1],
            [0x08, 1, 0x1D, 0], [0x08] + [UInt8](repeating: 0xFF, count: 11),
        ] as [[UInt8]])
    func notServing(response: [UInt8]) {
        guard case .failing = Self.verdict(response) else {
            Issue.record("\(Self.verdict(response))")
            return
        }
    }

    @Test("C155: UNIMPLEMENTED is healthy for good, other ends are failures that are asked again with growing delays")
    func ends() {
        var check = HealthCheck()
        #expect(check.verdict == .unknown)
        #expect(check.watchEnded(.unavailable, Self.backoff, random: 0.5) == 1_000_000_000)
        guard case .failing = check.verdict else {
            Issue.record("\(check.verdict)")
            return
        }
        #expect(check.watchEnded(.ok, Self.backoff, random: 0.5) == 1_600_000_000)
        check.responseArrived(Bytes([0x08, 1]))
        #expect(check.watchEnded(.internal, Self.backoff, random: 0.5) == 1_000_000_000)
        #expect(check.watchEnded(.unimplemented, Self.backoff, random: 0.5) == nil)
        #expect(check.verdict == .serving)
    }

    @Test("the request has the service's name, with a length of one byte or more")
    func request() {
        #expect(HealthCheck.request(service: "") == Bytes())
        #expect(HealthCheck.request(service: "a.S") == Bytes([0x0A, 3] + Array("a.S".utf8)))
        let name = String(repeating: "x", count: 300)
        #expect(HealthCheck.request(service: name) == Bytes([0x0A, 0xAC, 0x02] + Array(name.utf8)))
    }
}
