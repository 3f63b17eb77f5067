import RPC
import Testing
import Vocabulary

@Suite("Retries")
struct RetryTests {
    private static let second: UInt64 = 1_000_000_000

    private static func policy(
        _ attemptCountMax: Int = 4, initial: UInt64 = second, max: UInt64 = 5 * second, multiplier: Double = 2,
        codes: Set<StatusCode> = [.unavailable]
    ) -> RetryPolicy? {
        RetryPolicy(
            attemptCountMax: attemptCountMax, initialBackoffNanoseconds: initial, maxBackoffNanoseconds: max,
            multiplier: multiplier, codes: codes)
    }

    @Test("C160: a policy without a second attempt, a delay, a multiplier or a status is refused")
    func validation() {
        #expect(Self.policy() != nil)
        #expect(Self.policy(1) == nil)
        #expect(Self.policy(0) == nil)
        #expect(Self.policy(initial: 0) == nil)
        #expect(Self.policy(max: 0) == nil)
        #expect(Self.policy(multiplier: 0) == nil)
        #expect(Self.policy(multiplier: -1) == nil)
        #expect(Self.policy(multiplier: .nan) == nil)
        #expect(Self.policy(codes: []) == nil)
        #expect(Self.policy(codes: [.ok]) == nil)
    }

    @Test("C160: more than five attempts are taken as five")
    func attemptLimit() { #expect(Self.policy(100)?.attemptCountMax == 5) }

    @Test(
        "C161: the delay grows by the multiplier up to the maximum, and varies by a fifth",
        arguments: [
            (1, 0.5, 1_000_000_000), (2, 0.5, 2_000_000_000), (3, 0.5, 4_000_000_000), (4, 0.5, 5_000_000_000),
            (1, 0, 800_000_000), (2, 0, 1_600_000_000), (4, 0, 4_000_000_000), (1, 0.75, 1_100_000_000),
        ] as [(Int, Double, UInt64)])
    func delay(retry: Int, random: Double, expected: UInt64) throws {
        let delay = try #require(Self.policy()).delayNanoseconds(retry: retry, random: random)
        #expect(delay.distance(to: expected).magnitude <= 1)
    }

    @Test("C161: numbers as large as can be stay delays that timers can count")
    func hugeDelay() throws {
        let policy = try #require(Self.policy(initial: .max, max: .max, multiplier: 1e300))
        #expect(policy.delayNanoseconds(retry: 4, random: 0.99) == 365 * 86_400 * Self.second)
    }

    @Test(
        "C162: the server's word is a number of milliseconds, or an end to all attempts",
        arguments: [
            (nil, .none), ("0", .after(nanoseconds: 0)), ("1500", .after(nanoseconds: 1_500_000_000)),
            ("-1", .never), ("", .never), ("soon", .never), ("1.5", .never), ("99999999999", .never), ("+5", .never),
        ] as [(String?, RetryPushback)])
    func pushback(text: String?, expected: RetryPushback) { #expect(RetryPushback(text) == expected) }

    @Test("C160, C161: attempts end with the policy's maximum")
    func attempts() throws {
        let policy = try #require(Self.policy(3))
        var state = RetryState()
        var tokens: RetryTokens?
        func fail() -> UInt64? {
            state.attemptFailed(
                .unavailable, pushback: .none, policy: policy, tokens: &tokens, isCommitted: false, random: 0.5)
        }
        #expect(fail() == 1_000_000_000)
        #expect(fail() == 2_000_000_000)
        #expect(state.retryCount == 2)
        #expect(fail() == nil)
        #expect(state.retryCount == 2)
    }

    @Test("C162: after the server's own delay the backoff begins anew")
    func pushbackResets() throws {
        let policy = try #require(Self.policy(5))
        var state = RetryState()
        var tokens: RetryTokens?
        func fail(_ pushback: RetryPushback) -> UInt64? {
            state.attemptFailed(
                .unavailable, pushback: pushback, policy: policy, tokens: &tokens, isCommitted: false, random: 0.5)
        }
        #expect(fail(.none) == 1_000_000_000)
        #expect(fail(.none) == 2_000_000_000)
        #expect(fail(.after(nanoseconds: 7)) == 7)
        #expect(fail(.none) == 1_000_000_000)
    }

    @Test("C160, C162, C163: no retry for another status, against the server's word, or of what the caller has seen")
    func refusals() throws {
        let policy = try #require(Self.policy())
        func retries(_ code: StatusCode, _ pushback: RetryPushback = .none, isCommitted: Bool = false) -> Bool {
            var state = RetryState()
            var tokens: RetryTokens?
            return state.attemptFailed(
                code, pushback: pushback, policy: policy, tokens: &tokens, isCommitted: isCommitted, random: 0) != nil
        }
        #expect(retries(.unavailable))
        #expect(!retries(.internal))
        #expect(!retries(.internal, .after(nanoseconds: 1)))
        #expect(!retries(.unavailable, .never))
        #expect(!retries(.unavailable, isCommitted: true))
    }

    @Test("C164: failures take tokens, successes give back a part; at half of them retries stop")
    func throttling() throws {
        let policy = try #require(Self.policy())
        var tokens = RetryTokens(max: 10, ratio: 0.5)
        func retries(_ pushback: RetryPushback = .none, _ code: StatusCode = .unavailable) -> Bool {
            var state = RetryState()
            return state.attemptFailed(
                code, pushback: pushback, policy: policy, tokens: &tokens, isCommitted: false, random: 0) != nil
        }
        // 9, 8, 7, 6 tokens; a status that is not worth a retry takes none.
        for _ in 0..<4 { #expect(retries()) }
        #expect(!retries(.none, .internal))
        #expect(!retries())
        // 5.5, 6, 6.5, 7, less one for the failure.
        for _ in 0..<4 { tokens?.callSucceeded() }
        #expect(retries())
        // The server's refusal is a failure, whatever the status.
        #expect(!retries(.never, .internal))
        #expect(tokens?.allowsRetry == false)
    }

    @Test("C164: tokens are between 1 and 1000, and their ratio is at least a thousandth")
    func tokenValidation() {
        #expect(RetryTokens(max: 0, ratio: 1) == nil)
        #expect(RetryTokens(max: 1001, ratio: 1) == nil)
        #expect(RetryTokens(max: 1000, ratio: 0.001) != nil)
        #expect(RetryTokens(max: 1, ratio: 0.0009) == nil)
        #expect(RetryTokens(max: 1, ratio: -1) == nil)
        #expect(RetryTokens(max: 1, ratio: .infinity) == nil)
        #expect(RetryTokens(max: 5, ratio: 0.1239) == RetryTokens(max: 5, ratio: 0.123))
    }
}
