import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("Tokens for retries, by the name of the server")
struct RetryThrottlesTests {
    private static let name = ChannelTarget(host: "models", port: 1)

    private static func rules(_ max: Int, _ ratio: Double = 0.5) throws -> RetryTokens {
        try #require(RetryTokens(max: max, ratio: ratio))
    }

    @Test("C164: channels to one name share their tokens, whichever way it is written; others have their own")
    func sharing() throws {
        let throttles = RetryThrottles()
        let tokens = throttles.tokens(for: Self.name, try Self.rules(10))
        let written = try #require(ChannelTarget("dns:///models:1", defaultPort: 9))
        #expect(throttles.tokens(for: written, try Self.rules(10)) === tokens)
        #expect(throttles.tokens(for: ChannelTarget(host: "models", port: 2), try Self.rules(10)) !== tokens)
        #expect(throttles.tokens(for: ChannelTarget(host: "others", port: 1), try Self.rules(10)) !== tokens)
    }

    @Test("C164: new rules for a name begin as full as the old ones were, and are shared from then on")
    func newRules() throws {
        var spent = try Self.rules(10)
        for _ in 0..<4 { spent.callFailed() }
        let refilled = try Self.rules(100).filled(as: spent)
        var expected = try Self.rules(100)
        for _ in 0..<40 { expected.callFailed() }
        #expect(refilled == expected)

        let throttles = RetryThrottles()
        let old = throttles.tokens(for: Self.name, try Self.rules(10))
        let new = throttles.tokens(for: Self.name, try Self.rules(100))
        #expect(new !== old)
        #expect(try new.current == Self.rules(100))
        #expect(throttles.tokens(for: Self.name, try Self.rules(100)) === new)
    }

    @Test("tokens go with the last channel that spends them")
    func lifetime() throws {
        let throttles = RetryThrottles()
        weak var tokens: SharedRetryTokens?
        do {
            let held = throttles.tokens(for: Self.name, try Self.rules(10))
            tokens = held
            #expect(tokens != nil)
        }
        #expect(tokens == nil)
    }

    @Test("C164: a failure on one channel keeps another to the same name from retrying")
    func acrossChannels() throws {
        let config = try ServiceConfig(
            json: """
                {"methodConfig": [{"name": [{}], "retryPolicy": {
                  "maxAttempts": 3, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1,
                  "retryableStatusCodes": ["UNAVAILABLE"]}}],
                 "retryThrottling": {"maxTokens": 4, "tokenRatio": 0.1}}
                """)
        let throttles = RetryThrottles()
        let benches = try (0..<2).map { _ in
            try ChannelBench { configuration in
                configuration.serviceConfig = config
                configuration.retryThrottles = throttles
            }
        }
        func fail(_ bench: ChannelBench) throws -> ChannelBench.Outcome {
            let outcome = bench.call()
            let server = bench.servers[0]
            let stream = try #require(server.requests.last).stream
            try bench.answer(
                server, stream, headers: ChannelTests.gRPCHeaders + [("grpc-status", "14")], body: nil, trailers: nil)
            return outcome
        }
        // Four tokens, then three: enough for a retry. Then two, which is half.
        #expect(try !fail(benches[0]).isFinished)
        #expect(try fail(benches[1]).isFinished)
    }
}
