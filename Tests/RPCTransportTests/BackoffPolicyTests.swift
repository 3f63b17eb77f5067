import RPCTransport
import Testing

@Test(
    "C151: the delays between attempts grow by 1.6 from one second to two minutes, give or take a fifth",
    arguments: [(1, 1.0), (2, 1.6), (3, 2.56), (4, 4.096), (11, 109.95), (12, 120.0), (1000, 120.0)])
func backoff(failureCount: Int, seconds: Double) {
    let policy = BackoffPolicy()
    let middle = Double(policy.delayNanoseconds(failureCount: failureCount, random: 0.5)) / 1e9
    #expect(abs(middle - seconds) < 0.01)
    let shortest = Double(policy.delayNanoseconds(failureCount: failureCount, random: 0)) / 1e9
    let longest = Double(policy.delayNanoseconds(failureCount: failureCount, random: 0.999_999)) / 1e9
    #expect(abs(shortest - seconds * 0.8) < 0.01 && abs(longest - seconds * 1.2) < 0.01)
}
