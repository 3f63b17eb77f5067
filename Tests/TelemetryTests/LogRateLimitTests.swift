import Telemetry
import Testing

@Suite("A limit on log lines")
struct LogRateLimitTests {
    private let second: UInt64 = 1_000_000_000

    @Test("writes a burst, then one a second, and says what it left out")
    func burst() {
        var limit = LogRateLimit(burstCountMax: 3, intervalNanoseconds: second)
        let burst = (0..<10).map { limit.admit("revoked", at: 100 + $0) }
        #expect(burst == [0, 0, 0, nil, nil, nil, nil, nil, nil, nil])
        #expect(limit.admit("revoked", at: 100 + second) == 7)
        #expect(limit.admit("revoked", at: 100 + second + 5) == nil)
        #expect(limit.admit("revoked", at: 100 + 2 * second) == 1)
    }

    @Test("holds for each kind alone")
    func kinds() {
        var limit = LogRateLimit(burstCountMax: 1, intervalNanoseconds: second)
        #expect(limit.admit("a", at: 0) == 0)
        #expect(limit.admit("b", at: 0) == 0)
        #expect(limit.admit("a", at: 1) == nil)
        #expect(limit.admit("b", at: 1) == nil)
    }

    @Test("gives no more than a burst after a long silence, and survives a clock that stands or goes back")
    func silence() {
        var limit = LogRateLimit(burstCountMax: 2, intervalNanoseconds: second)
        #expect(limit.admit("a", at: 5 * second) == 0)
        let later = (0..<4).map { _ in limit.admit("a", at: 1_000 * second) }
        #expect(later == [0, 0, nil, nil])
        #expect(limit.admit("a", at: 3 * second) == nil)
        #expect(limit.admit("a", at: UInt64.max) == 3)
    }

    @Test("writes at most a bounded number of lines in a flood of a minute")
    func flood() {
        var limit = LogRateLimit()
        let written = (0..<600_000).count { limit.admit("flood", at: UInt64($0) * 100_000) != nil }
        #expect(written == 10 + 59)
    }
}
