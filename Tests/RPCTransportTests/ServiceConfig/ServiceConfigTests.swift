import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("Service config")
struct ServiceConfigTests {
    private static let now = MonotonicTime(nanoseconds: 1_000_000_000)

    private static func options(_ json: String, _ path: String, _ options: CallOptions = CallOptions()) throws
        -> CallOptions
    {
        try ServiceConfig(json: json).config(of: Bytes(utf8: path))?.applied(to: options, at: now) ?? options
    }

    private static let layered = """
        {"methodConfig": [
          {"name": [{"service": "a.S", "method": "M"}], "timeout": "1s"},
          {"name": [{"service": "a.S"}, {"service": "a.T"}], "timeout": "2s"},
          {"name": [{}], "timeout": "3.5s"}
        ]}
        """

    @Test(
        "C154: a method's own entry counts before its service's, and that before everybody's",
        arguments: [
            ("/a.S/M", 1_000_000_000), ("/a.S/N", 2_000_000_000), ("/a.T/M", 2_000_000_000), ("/b.S/M", 3_500_000_000),
        ] as [(String, UInt64)])
    func names(path: String, timeoutNanoseconds: UInt64) throws {
        let config = try ServiceConfig(json: Self.layered).config(of: Bytes(utf8: path))
        #expect(config?.timeoutNanoseconds == timeoutNanoseconds)
    }

    @Test("C154: the sooner deadline and the lower limits count")
    func tighterLimits() throws {
        let json = """
            {"methodConfig": [{"name": [{}], "timeout": "0.000000005s", "maxRequestMessageBytes": 10,
                               "maxResponseMessageBytes": "20"}]}
            """
        let plain = try Self.options(json, "/s/m")
        #expect(plain.deadline == Deadline(Self.now.advanced(byNanoseconds: 5)))
        #expect(plain.requestByteCountMax == 10 && plain.responseByteCountMax == 20)
        var own = CallOptions()
        own.deadline = Deadline(Self.now.advanced(byNanoseconds: 4))
        own.requestByteCountMax = 9
        own.responseByteCountMax = 19
        let tighter = try Self.options(json, "/s/m", own)
        #expect(tighter.deadline == own.deadline)
        #expect(tighter.requestByteCountMax == 9 && tighter.responseByteCountMax == 19)
    }

    @Test("C154: whether to wait for ready is the caller's to say, and the configuration's when it does not")
    func waitForReady() throws {
        let json = #"{"methodConfig": [{"name": [{}], "waitForReady": true}]}"#
        #expect(try Self.options(json, "/s/m").waitsForReady == true)
        var own = CallOptions()
        own.waitsForReady = false
        #expect(try Self.options(json, "/s/m", own).waitsForReady == false)
        #expect(try Self.options("{}", "/s/m").waitsForReady == nil)
    }

    private static func retryPolicy(_ change: (inout [String: String]) -> Void = { _ in }) -> String {
        var fields = [
            "maxAttempts": "4", "initialBackoff": #""0.1s""#, "maxBackoff": #""1s""#, "backoffMultiplier": "2",
            "retryableStatusCodes": #"[14, "aborted", "RESOURCE_EXHAUSTED"]"#,
        ]
        change(&fields)
        let text = fields.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
        return #"{"methodConfig": [{"name": [{}], "retryPolicy": {"# + text + "}}]}"
    }

    @Test("C160: a retry policy has its codes by number or by name in any case")
    func retryPolicy() throws {
        let policy = try #require(try Self.options(Self.retryPolicy(), "/s/m").retryPolicy)
        #expect(policy.attemptCountMax == 4 && policy.multiplier == 2)
        #expect(policy.initialBackoffNanoseconds == 100_000_000 && policy.maxBackoffNanoseconds == 1_000_000_000)
        #expect(policy.codes == [.unavailable, .aborted, .resourceExhausted])
        #expect(
            try Self.options(Self.retryPolicy { $0["maxAttempts"] = "9" }, "/s/m").retryPolicy?.attemptCountMax == 5)
    }

    @Test(
        "C160: a retry policy with a field that is missing or wrong makes the whole configuration invalid",
        arguments: [
            ("maxAttempts", "1"), ("maxAttempts", "1.5"), ("maxAttempts", nil), ("initialBackoff", #""0s""#),
            ("initialBackoff", nil), ("maxBackoff", #""0s""#), ("maxBackoff", "1"), ("backoffMultiplier", "0"),
            ("backoffMultiplier", "-1"), ("backoffMultiplier", nil), ("retryableStatusCodes", "[]"),
            ("retryableStatusCodes", "[17]"), ("retryableStatusCodes", "[0]"), ("retryableStatusCodes", #"["NO"]"#),
            ("retryableStatusCodes", nil),
        ] as [(String, String?)])
    func badRetryPolicy(field: String, value: String?) {
        #expect(throws: ServiceConfigError.self) {
            try ServiceConfig(json: Self.retryPolicy { $0[field] = value })
        }
    }

    @Test("C164: throttling has its tokens and their ratio")
    func throttling() throws {
        let json = #"{"retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}}"#
        #expect(try ServiceConfig(json: json).retryTokens == RetryTokens(max: 10, ratio: 0.1))
    }

    @Test("C153, C155: the balancing policy is the first one that is known, and health checks name a service")
    func channelWide() throws {
        let config = try ServiceConfig(
            json: """
                {"loadBalancingConfig": [{"xds": {}}, {"round_robin": {}}, {"pick_first": {}}],
                 "healthCheckConfig": {"serviceName": "s"}, "somethingNew": [1, null, {"a": "\\u00e9\\n"}]}
                """)
        #expect(config.balancing == .roundRobin && config.healthCheckServiceName == "s")
        let shuffled = #"{"loadBalancingConfig": [{"pick_first": {"shuffleAddressList": true}}]}"#
        #expect(try ServiceConfig(json: shuffled).balancing == .pickFirst(shuffles: true))
        #expect(try ServiceConfig(json: #"{"loadBalancingPolicy": "ROUND_ROBIN"}"#).balancing == .roundRobin)
        let empty = try ServiceConfig(json: " {} ")
        #expect(empty.balancing == nil && empty.healthCheckServiceName == nil && empty.retryTokens == nil)
    }

    @Test("hedging is off: a hedging policy is skipped, and not allowed beside a retry policy")
    func hedging() throws {
        let json = #"{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 3}}]}"#
        #expect(try Self.options(json, "/s/m").retryPolicy == nil)
        #expect(throws: ServiceConfigError.self) {
            try ServiceConfig(json: #"{"methodConfig": [{"name": [{}], "retryPolicy": {}, "hedgingPolicy": {}}]}"#)
        }
    }

    @Test(
        "C154: one field that is wrong makes the whole configuration invalid, and the error names it",
        arguments: [
            ("", "text"), ("{", "text"), ("{} x", "text"), (#"{"a": 1, "a": 2}"#, "text"), ("{\"a\": 01}", "text"),
            (#"{"a": "\ud800"}"#, "text"), (String(repeating: "[", count: 100), "text"), ("[]", ""),
            (#"{"methodConfig": {}}"#, "methodConfig"),
            (#"{"methodConfig": [{"name": [{"method": "m"}]}]}"#, "methodConfig.name"),
            (#"{"methodConfig": [{"name": [{}]}, {"name": [{}]}]}"#, "methodConfig.name"),
            (#"{"methodConfig": [{"name": [{}], "timeout": "1"}]}"#, "methodConfig.timeout"),
            (#"{"methodConfig": [{"name": [{}], "timeout": "-1s"}]}"#, "methodConfig.timeout"),
            (#"{"methodConfig": [{"name": [{}], "timeout": "1.0000000001s"}]}"#, "methodConfig.timeout"),
            (#"{"methodConfig": [{"name": [{}], "timeout": "s"}]}"#, "methodConfig.timeout"),
            (#"{"methodConfig": [{"waitForReady": 1}]}"#, "methodConfig.waitForReady"),
            (#"{"methodConfig": [{"maxRequestMessageBytes": -1}]}"#, "methodConfig.maxRequestMessageBytes"),
            (#"{"methodConfig": [{"maxResponseMessageBytes": 1e20}]}"#, "methodConfig.maxResponseMessageBytes"),
            (#"{"retryThrottling": {"maxTokens": 10}}"#, "retryThrottling.tokenRatio"),
            (#"{"retryThrottling": {"maxTokens": 0, "tokenRatio": 1}}"#, "retryThrottling"),
            (#"{"retryThrottling": {"maxTokens": 1001, "tokenRatio": 1}}"#, "retryThrottling"),
            (#"{"loadBalancingConfig": [{"xds": {}}]}"#, "loadBalancingConfig"),
            (#"{"healthCheckConfig": {"serviceName": 1}}"#, "healthCheckConfig.serviceName"),
        ])
    func invalid(json: String, field: String) {
        let error = #expect(throws: ServiceConfigError.self) { try ServiceConfig(json: json) }
        #expect(error?.field == field)
    }

    @Test("C154: a channel's calls get the limits of their method's entry")
    func inAChannel() throws {
        let serviceConfig = try ServiceConfig(
            json: #"{"methodConfig": [{"name": [{"service": "s"}], "timeout": "2s", "maxRequestMessageBytes": 3}]}"#)
        let bench = try ChannelBench { $0.serviceConfig = serviceConfig }
        let outcome = bench.call([1, 2, 3])
        #expect(bench.servers[0].requests[0].fields.contains { $0.name == "grpc-timeout" })
        #expect(bench.call([1, 2, 3, 4]).failure?.error.code == .resourceExhausted)
        bench.advance(seconds: 2.1)
        #expect(outcome.failure?.error.code == .deadlineExceeded)
    }
}
