import EventLoops
import HTTP2
import RPC
import RPCTransport
import Telemetry
import Testing
import Vocabulary

@Suite("Channel, metrics")
struct ChannelMetricsTests {
    private static let headers = [(":status", "200"), ("content-type", "application/grpc")]
    private static let frame: [UInt8] = [0, 0, 0, 0, 2, 7, 7]
    private static let target = #"grpc_target="dns:///test:1""#
    private static let experimental: Set<String> = [
        "grpc.client.call.retries", "grpc.client.call.transparent_retries", "grpc.client.call.retry_delay",
        "grpc.subchannel.disconnections", "grpc.subchannel.connection_attempts_succeeded",
        "grpc.subchannel.connection_attempts_failed", "grpc.subchannel.open_connections",
    ]

    /// A channel that counts, and retries UNAVAILABLE after one second.
    private struct Counted {
        let bench: ChannelBench
        let registry: MetricsRegistry

        init(
            enabled: Set<String> = ChannelMetricsTests.experimental, labels: Set<String> = [],
            methods: [String] = ["/s/m"]
        ) throws {
            var choice = InstrumentChoice()
            choice.enabledInstruments = enabled
            choice.enabledLabels = labels
            let registry = MetricsRegistry(choice: choice)
            let serviceConfig = try ServiceConfig(
                json: """
                    {"methodConfig": [{"name": [{"service": "s"}], "retryPolicy": {
                      "maxAttempts": 3, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1,
                      "retryableStatusCodes": ["unavailable"]}}]}
                    """)
            self.registry = registry
            bench = try ChannelBench { configuration in
                configuration.random = { 0.5 }
                configuration.serviceConfig = serviceConfig
                configuration.metrics = ChannelMetrics(metrics: registry, methods: methods)
            }
        }

        /// The samples whose name begins with `prefix`, without those of buckets.
        func samples(_ prefix: String) -> [String] {
            bench.loop.becomeCurrent {
                _ = Task.immediate(executorPreference: bench.loop) { [channel = bench.channel!] in
                    await channel.collectMetrics()
                }
            }
            bench.settle()
            return registry.exposition().split(separator: "\n").map(String.init).filter {
                $0.hasPrefix(prefix) && !$0.contains("_bucket{")
            }
        }
    }

    private static func answer(_ bench: ChannelBench, request index: Int, status: String) throws {
        let server = bench.servers[0]
        try bench.answer(
            server, server.requests[index].stream,
            headers: status == "0" ? headers : headers + [("grpc-status", status)],
            body: status == "0" ? frame : nil, trailers: status == "0" ? [("grpc-status", "0")] : nil)
    }

    @Test("B172: a call is counted with its attempt: method, target, status, time and bytes")
    func call() throws {
        let counted = try Counted()
        let outcome = counted.bench.call([1, 2, 3])
        #expect(
            counted.samples("grpc_client_attempt_started") == [
                "grpc_client_attempt_started_total{grpc_method=\"s/m\",\(Self.target)} 1"
            ])
        #expect(counted.samples("grpc_client_call_duration").isEmpty, "it has not ended yet")
        counted.bench.advance(seconds: 0.5)
        try Self.answer(counted.bench, request: 0, status: "0")
        #expect(outcome.response != nil)
        let labels = "{grpc_method=\"s/m\",\(Self.target),grpc_status=\"OK\"}"
        #expect(
            counted.samples("grpc_client_attempt_duration") == [
                "grpc_client_attempt_duration_seconds_sum\(labels) 0.5",
                "grpc_client_attempt_duration_seconds_count\(labels) 1",
            ])
        #expect(counted.samples("grpc_client_attempt_sent")[0].hasSuffix("_bytes_sum\(labels) 3.0"))
        #expect(counted.samples("grpc_client_attempt_rcvd")[0].hasSuffix("_bytes_sum\(labels) 2.0"))
        #expect(
            counted.samples("grpc_client_call_duration") == [
                "grpc_client_call_duration_seconds_sum\(labels) 0.5",
                "grpc_client_call_duration_seconds_count\(labels) 1",
            ])
        #expect(counted.samples("grpc_client_call_retr").isEmpty, "a call without retries has none to count")
    }

    @Test("B172: a method that is not known is `other`")
    func otherMethod() throws {
        let counted = try Counted(methods: ["/s/else"])
        _ = counted.bench.call()
        #expect(
            counted.samples("grpc_client_attempt_started") == [
                "grpc_client_attempt_started_total{grpc_method=\"other\",\(Self.target)} 1"
            ])
    }

    @Test("B172: attempts have statuses and times of their own; the call has the last status and all of the time")
    func retried() throws {
        let counted = try Counted()
        let outcome = counted.bench.call()
        counted.bench.advance(seconds: 0.25)
        try Self.answer(counted.bench, request: 0, status: "14")
        counted.bench.advance(seconds: 1)
        counted.bench.advance(seconds: 0.5)
        try Self.answer(counted.bench, request: 1, status: "0")
        #expect(outcome.response != nil)
        #expect(counted.samples("grpc_client_attempt_started").first?.hasSuffix(" 2") == true)
        func line(_ name: String, _ status: String, _ value: String) -> String {
            "\(name){grpc_method=\"s/m\",\(Self.target),grpc_status=\"\(status)\"} \(value)"
        }
        #expect(
            counted.samples("grpc_client_attempt_duration_seconds_sum") == [
                line("grpc_client_attempt_duration_seconds_sum", "OK", "0.5"),
                line("grpc_client_attempt_duration_seconds_sum", "UNAVAILABLE", "0.25"),
            ])
        // Each attempt sends the message.
        #expect(
            counted.samples("grpc_client_attempt_sent").filter { $0.contains("_sum{") && $0.hasSuffix(" 3.0") }.count
                == 2)
        #expect(
            counted.samples("grpc_client_call_duration_seconds_sum") == [
                line("grpc_client_call_duration_seconds_sum", "OK", "1.75")
            ])
    }

    @Test("B173: retries, retries that the server has not seen, and the time between attempts are counted by call")
    func retries() throws {
        let counted = try Counted()
        _ = counted.bench.call()
        let server = counted.bench.servers[0]
        try counted.bench.speak(server) { server.session.reset(server.requests[0].stream, .refusedStream) }
        try Self.answer(counted.bench, request: 1, status: "14")
        counted.bench.advance(seconds: 1)
        try Self.answer(counted.bench, request: 2, status: "14")
        counted.bench.advance(seconds: 1)
        try Self.answer(counted.bench, request: 3, status: "0")
        let labels = "{grpc_method=\"s/m\",\(Self.target)}"
        #expect(
            counted.samples("grpc_client_call_retries") == [
                "grpc_client_call_retries_sum\(labels) 2.0", "grpc_client_call_retries_count\(labels) 1",
            ])
        #expect(
            counted.samples("grpc_client_call_transparent_retries") == [
                "grpc_client_call_transparent_retries_sum\(labels) 1.0",
                "grpc_client_call_transparent_retries_count\(labels) 1",
            ])
        #expect(
            counted.samples("grpc_client_call_retry_delay") == [
                "grpc_client_call_retry_delay_seconds_sum\(labels) 2.0",
                "grpc_client_call_retry_delay_seconds_count\(labels) 1",
            ])
    }

    @Test("B173: a retry that the deadline forestalls is none")
    func forestalled() throws {
        let counted = try Counted()
        let outcome = counted.bench.call { $0.deadline = counted.bench.deadline(seconds: 0.5) }
        try Self.answer(counted.bench, request: 0, status: "14")
        counted.bench.advance(seconds: 2)
        #expect(outcome.failure?.error.code == .deadlineExceeded)
        #expect(counted.samples("grpc_client_attempt_started").first?.hasSuffix(" 1") == true)
        #expect(counted.samples("grpc_client_attempt_duration_seconds_count").first?.contains("UNAVAILABLE") == true)
        #expect(counted.samples("grpc_client_call_retries").isEmpty)
        #expect(counted.samples("grpc_client_call_duration_seconds_count").first?.contains("DEADLINE_EXCEEDED") == true)
    }

    @Test("B172: a call that finds no server is an attempt that failed")
    func noServer() throws {
        let counted = try Counted()
        counted.bench.failingAttemptCount = 99
        let outcome = counted.bench.call()
        for _ in 0..<9 where !outcome.isFinished { counted.bench.advance(seconds: 1) }
        #expect(outcome.failure?.error.code == .unavailable)
        #expect(counted.samples("grpc_client_attempt_duration_seconds_count").first?.contains("UNAVAILABLE") == true)
        #expect(counted.samples("grpc_client_call_duration_seconds_count").first?.contains("UNAVAILABLE") == true)
    }

    @Test("B172: a call whose deadline had passed made no attempt")
    func noAttempt() throws {
        let counted = try Counted()
        let outcome = counted.bench.call { $0.deadline = counted.bench.deadline(seconds: 0) }
        #expect(outcome.failure?.error.code == .deadlineExceeded)
        #expect(counted.samples("grpc_client_attempt").isEmpty)
        #expect(counted.samples("grpc_client_call_duration_seconds_count").first?.contains("DEADLINE_EXCEEDED") == true)
    }

    @Test("B173: connections that were made, failed, are open and are gone are counted")
    func connections() throws {
        let counted = try Counted(labels: ["grpc.disconnect_error", "grpc.security_level"])
        counted.bench.failingAttemptCount = 1
        _ = counted.bench.call { $0.waitsForReady = true }
        counted.bench.advance(seconds: 5)
        #expect(counted.bench.servers.count == 1)
        let name = "grpc_subchannel_"
        #expect(
            counted.samples("\(name)connection_attempts_failed") == [
                "\(name)connection_attempts_failed_total{\(Self.target)} 1"
            ])
        #expect(
            counted.samples("\(name)connection_attempts_succeeded") == [
                "\(name)connection_attempts_succeeded_total{\(Self.target)} 1"
            ])
        let open = "\(name)open_connections{\(Self.target),grpc_security_level=\"none\"}"
        #expect(counted.samples("\(name)open_connections") == ["\(open) 1"])
        let server = counted.bench.servers[0]
        try Self.answer(counted.bench, request: 0, status: "0")
        try counted.bench.speak(server) { server.session.goAway(.enhanceYourCalm, debugData: Bytes()) }
        counted.bench.loop.becomeCurrent { server.close() }
        counted.bench.settle()
        #expect(
            counted.samples("\(name)disconnections") == [
                "\(name)disconnections_total{\(Self.target),grpc_disconnect_error=\"GOAWAY ENHANCE_YOUR_CALM\"} 1"
            ])
        #expect(counted.samples("\(name)open_connections") == ["\(open) 0"])
    }

    @Test("B173: what is experimental does not appear unless it was asked for")
    func experimentalIsOff() throws {
        let counted = try Counted(enabled: [])
        _ = counted.bench.call()
        try Self.answer(counted.bench, request: 0, status: "14")
        counted.bench.advance(seconds: 1)
        try Self.answer(counted.bench, request: 1, status: "0")
        #expect(!counted.samples("grpc_client_call_duration").isEmpty)
        #expect(counted.samples("grpc_client_call_ret").isEmpty && counted.samples("grpc_subchannel").isEmpty)
        #expect(!counted.registry.exposition().contains("retries"))
    }

    @Test(
        "B172: a target is named with its scheme",
        arguments: [
            ("example.org", "dns:///example.org:443"), ("dns:///example.org:1", "dns:///example.org:1"),
            ("127.0.0.1:8461", "ipv4:127.0.0.1:8461"), ("ipv4:10.0.0.1:1,10.0.0.2:2", "ipv4:10.0.0.1:1,10.0.0.2:2"),
            ("[::1]:5", "ipv6:[::1]:5"),
        ])
    func targets(text: String, uri: String) {
        #expect(ChannelTarget(text, defaultPort: 443)?.uri == uri)
    }
}
