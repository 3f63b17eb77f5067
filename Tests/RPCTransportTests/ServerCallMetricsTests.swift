import EventLoops
import HTTP2
import RPC
import RPCTransport
import Telemetry
import Testing
import Vocabulary

@Suite("Server, metrics of calls")
struct ServerCallMetricsTests {
    /// What a server counts of one call, which `speak` makes.
    private static func tally(
        _ speak: (Workbench, RawClient) throws -> Void
    ) throws -> CallTally {
        let bench = try Workbench()
        let client = try bench.connect()
        try speak(bench, client)
        return bench.loop.becomeCurrent { bench.transport.takeCallTally() }
    }

    @Test("B172: a call is counted by its method, its status, its time and the bytes of its messages")
    func unary() throws {
        let tally = try Self.tally { bench, client in
            let body = [0, 0, 0, 8, 0] + [UInt8](repeating: 1, count: 2_048)
            let answer = try bench.request(client, RawClient.headers(), body: body)
            #expect(answer.status == 0)
        }
        #expect(tally.started.map(\.method) == ["test.Echo/Unary"] && tally.started.map(\.count) == [1])
        let ended = try #require(tally.ended.first)
        #expect(tally.ended.count == 1)
        #expect(ended.method == "test.Echo/Unary" && ended.status == .ok)
        // Prefixes of messages do not count.
        #expect(ended.sentByteCounts.sum == 2_048 && ended.receivedByteCounts.sum == 2_048)
        // The clock of the bench stands still.
        #expect(ended.durations.sum == 0 && ended.durations.bucketCounts[0] == 1)
    }

    @Test("B172: the messages of a stream are added up, and the time ends with the status")
    func stream() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let opened = try client.session.openStream(RawClient.headers(path: "/test.Echo/Bidirectional"), .more)
            client.session.submitData(opened, RawClient.frame([1, 2, 3]), .more)
            stream = opened
        }
        bench.advance(seconds: 0.25)
        let before = bench.loop.becomeCurrent { bench.transport.takeCallTally() }
        #expect(before.started.map(\.count) == [1] && before.ended.isEmpty, "it has not ended yet")
        try bench.speak(client) { client.session.submitData(stream!, RawClient.frame([4, 5]), .end) }
        let ended = bench.loop.becomeCurrent { bench.transport.takeCallTally() }.ended
        #expect(ended.map(\.receivedByteCounts.sum) == [5] && ended.map(\.sentByteCounts.sum) == [5])
        #expect(ended.map(\.durations.sum) == [250_000_000])
    }

    @Test(
        "B172: each status is its own; a method that is not registered is `other`",
        arguments: [
            ("/test.Echo/Fail", [5], "test.Echo/Fail", StatusCode.notFound),
            ("/test.Echo/Fail", [77], "test.Echo/Fail", .unknown),
            ("/test.Echo/Nothing", [0], "other", .unimplemented),
            ("/no-service", [0], "other", .unimplemented),
        ] as [(String, [UInt8], String, StatusCode)])
    func statuses(path: String, message: [UInt8], method: String, status: StatusCode) throws {
        let tally = try Self.tally { bench, client in
            _ = try bench.request(client, RawClient.headers(path: path), body: [0, 0, 0, 0, 1] + message)
        }
        #expect(tally.started.map(\.method) == [method] && tally.started.map(\.count) == [1])
        #expect(tally.ended.map(\.method) == [method] && tally.ended.map(\.status) == [status])
    }

    @Test("B172: a call that its client resets is CANCELLED, from the moment of the reset")
    func reset() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let opened = try client.session.openStream(RawClient.headers(path: "/test.Echo/Stubborn"), .more)
            client.session.submitData(opened, RawClient.frame([1]), .end)
            stream = opened
        }
        bench.advance(seconds: 1)
        try bench.speak(client) { client.session.reset(stream!, .cancel) }
        bench.advance(seconds: 5)
        #expect(bench.loop.becomeCurrent { bench.transport.takeCallTally() }.ended.isEmpty, "its handler is at work")
        bench.service.stubbornMayEnd.open()
        bench.settle()
        let ended = bench.loop.becomeCurrent { bench.transport.takeCallTally() }.ended
        #expect(ended.map(\.status) == [.cancelled] && ended.map(\.durations.sum) == [1_000_000_000])
    }

    @Test("B172: however many methods clients invent, they are one series")
    func cardinality() throws {
        let tally = try Self.tally { bench, client in
            for index in 0..<50 {
                _ = try bench.request(client, RawClient.headers(path: "/invented/Method\(index)"))
            }
        }
        #expect(tally.started.map(\.method) == ["other"] && tally.started.map(\.count) == [50])
        #expect(tally.ended.map(\.status) == [.unimplemented])
    }

    @Test("B172: a request that is not gRPC is no call")
    func notGRPC() throws {
        let tally = try Self.tally { bench, client in
            _ = try bench.request(client, RawClient.headers(path: "/", method: "GET", contentType: nil))
        }
        #expect(tally.started.isEmpty && tally.ended.isEmpty)
    }

    @Test("B172: the instruments have the names, units and labels of gRFC A66")
    func instruments() throws {
        let registry = MetricsRegistry()
        let metrics = ServerCallMetrics(metrics: registry)
        var tally = CallTally(paths: ["/a.B/C"])
        for _ in 0..<2 {
            tally.callDidBegin(method: 0)
            tally.callDidEnd(
                method: 0, status: .deadlineExceeded,
                CallExtent(durationNanoseconds: 1_500_000, sentByteCount: 1_000, receivedByteCount: 2_000))
            metrics.add(tally.take())
        }
        let lines = registry.exposition().split(separator: "\n").map(String.init)
        let labels = #"grpc_method="a.B/C",grpc_status="DEADLINE_EXCEEDED""#
        for line in [
            #"grpc_server_call_started_total{grpc_method="a.B/C"} 2"#,
            "grpc_server_call_duration_seconds_bucket{\(labels),le=\"0.001\"} 0",
            "grpc_server_call_duration_seconds_bucket{\(labels),le=\"0.002\"} 2",
            "grpc_server_call_duration_seconds_sum{\(labels)} 0.003",
            "grpc_server_call_duration_seconds_count{\(labels)} 2",
            "grpc_server_call_sent_total_compressed_message_size_bytes_sum{\(labels)} 2000.0",
            "grpc_server_call_sent_total_compressed_message_size_bytes_bucket{\(labels),le=\"1024.0\"} 2",
            "grpc_server_call_rcvd_total_compressed_message_size_bytes_sum{\(labels)} 4000.0",
            "grpc_server_call_rcvd_total_compressed_message_size_bytes_bucket{\(labels),le=\"1024.0\"} 0",
            "grpc_server_call_rcvd_total_compressed_message_size_bytes_bucket{\(labels),le=\"2048.0\"} 2",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(lines.filter { $0.hasPrefix("# TYPE") }.count == 4)
    }
}
