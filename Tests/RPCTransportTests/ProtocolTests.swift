import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("What a server answers to requests, right and wrong")
struct ProtocolTests {
    @Test(
        "S21: a content-type is application/grpc, alone or before + or ;",
        arguments: [
            ("application/grpc", "200"), ("application/grpc+proto", "200"), ("application/grpc;charset=utf-8", "200"),
            ("APPLICATION/GRPC", "200"), ("application/grpc-web", "415"), ("application/grpcx", "415"),
            ("text/plain", "415"), ("application", "415"),
        ])
    func contentType(value: String, httpStatus: String) throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers(contentType: value))
        #expect(answer.headers[":status"] == httpStatus)
        #expect(answer.status == (httpStatus == "200" ? 0 : 13))
    }

    @Test("S21: a POST without content-type is 415")
    func missingContentType() throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers(contentType: nil))
        #expect(answer.headers[":status"] == "415")
    }

    @Test("S20: a gRPC request by another method than POST is 405", arguments: ["GET", "PUT", "post"])
    func httpMethod(method: String) throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers(method: method))
        #expect(answer.headers[":status"] == "405" && answer.status == 13)
    }

    @Test(
        "S27: a malformed grpc-timeout is 400, not a call without deadline",
        arguments: ["1", "S", "1x", "123456789S", "-1S", "+1S", "1 S", "1.5S", "0x1S"])
    func malformedTimeout(value: String) throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers([("grpc-timeout", value)]))
        #expect(answer.headers[":status"] == "400" && answer.status == 13)
    }

    @Test(
        "S27 S28: a timeout of zero is DEADLINE_EXCEEDED; the longest is fine",
        arguments: [("0n", 4), ("99999999H", 0)])
    func extremeTimeout(value: String, status: Int) throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers([("grpc-timeout", value)]))
        #expect(answer.headers[":status"] == "200" && answer.status == status)
        #expect(bench.timerCount == 0)
    }

    @Test("S29: a -bin header that is not base64 is 400", arguments: ["a", "****", "ab=c", "YWI=,*"])
    func malformedBinaryHeader(value: String) throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers([("x-data-bin", value)]))
        #expect(answer.headers[":status"] == "400" && answer.status == 13)
    }

    @Test(
        "B52 B53 B54 B55 B56 B58 S71: bad bodies are refused with the status that says why",
        arguments: [
            ([2, 0, 0, 0, 0], [], 13), ([1, 0, 0, 0, 1, 7], [], 13),
            ([1, 0, 0, 0, 1, 7], [("grpc-encoding", "identity")], 13),
            ([1, 0, 0, 0, 1, 7], [("grpc-encoding", "gzip")], 13),
            ([1, 0, 0, 0, 1, 7], [("grpc-encoding", "zstd")], 12),
            ([0, 0, 0, 0, 1, 7], [("grpc-encoding", "gzip")], 0),
            ([0, 0, 0, 0, 9, 1, 2, 3], [], 13), ([0, 0, 0], [], 13), ([], [], 13),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [], 13), ([0, 255, 255, 255, 255], [], 8),
        ] as [([UInt8], [(String, String)], Int)])
    func badBody(body: [UInt8], headers: [(String, String)], status: Int) throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let answer = try bench.request(client, RawClient.headers(headers), body: body)
        #expect(answer.status == status)
        if status == 12 { #expect(answer.headers["grpc-accept-encoding"] == "identity,deflate,gzip") }
        // The connection is none the worse for it.
        #expect(try bench.request(client, RawClient.headers()).status == 0)
        #expect(bench.timerCount == 0)
    }

    @Test("B50: a message arrives whatever the cuts between DATA frames", arguments: 1...12)
    func cutBody(pieceByteCount: Int) throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let body = RawClient.frame(Array("hello, world".utf8))
        var stream: HTTP2Stream?
        try bench.speak(client) {
            stream = try client.session.openStream(RawClient.headers(), .more)
        }
        for start in stride(from: 0, to: body.count, by: pieceByteCount) {
            let end = min(start + pieceByteCount, body.count)
            try bench.speak(client) {
                client.session.submitData(stream!, body[start..<end], end == body.count ? .end : .more)
            }
        }
        let answer = client.answer(stream!)
        #expect(answer.status == 0 && answer.body == body.array)
    }

    @Test("B50 B51: many messages in one DATA frame come one by one")
    func manyMessages() throws {
        let bench = try Workbench()
        let body = (0..<100).flatMap { RawClient.frame([UInt8](repeating: UInt8($0), count: $0)).array }
        let client = try bench.connect()
        let answer = try bench.request(client, RawClient.headers(path: "/test.Echo/Bidirectional"), body: body)
        #expect(answer.status == 0 && answer.body == body)
    }

    @Test("S31 B70 S71: a request without a body is no message: wrong for unary, zero messages for a stream")
    func noBody() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        var unary: HTTP2Stream?
        var stream: HTTP2Stream?
        try bench.speak(client) {
            unary = try client.session.openStream(RawClient.headers(), .end)
            stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/ClientStream"), .end)
        }
        #expect(client.answer(unary!).status == 13)
        #expect(client.answer(stream!).status == 0)
        #expect(client.answer(stream!).body == RawClient.frame([UInt8(ascii: "0")]).array)
    }

    @Test("S73: an answer before the request's end is followed by RST_STREAM(NO_ERROR)")
    func earlyAnswer() throws {
        let bench = try Workbench()
        let answer = try bench.request(
            bench.connect(), RawClient.headers(path: "/test.Echo/Nothing"), ends: false)
        #expect(answer.status == 12)
        #expect(answer.closeCode == .noError)
    }

    @Test("B112: a reset cancels the handler within a turn, and the handler hears of it in the next")
    func reset() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/Bidirectional"), .more)
        }
        #expect(bench.service.records.withLock { $0.isEmpty })
        try bench.loop.becomeCurrent {
            client.session.reset(stream!, .cancel)
            try client.flush()
        }
        for _ in 0..<2 { _ = bench.loop.runTurn() }
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.cancelled])
    }

    @Test("C102: a lost connection cancels its handlers")
    func lostConnection() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        try bench.speak(client) {
            for _ in 0..<10 {
                _ = try client.session.openStream(RawClient.headers(path: "/test.Echo/Bidirectional"), .more)
            }
        }
        bench.loop.becomeCurrent { client.close() }
        bench.settle()
        #expect(bench.service.records.withLock { $0.map(\.status) } == Array(repeating: .cancelled, count: 10))
        #expect(bench.transport.connectionCount == 0)
        #expect(bench.timerCount == 0)
    }

    @Test("S111: a deadline answers DEADLINE_EXCEEDED and cancels the handler")
    func deadline() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let headers = try RawClient.headers(path: "/test.Echo/Bidirectional", [("grpc-timeout", "2S")])
            stream = try client.session.openStream(headers, .more)
        }
        bench.advance(seconds: 1.9)
        #expect(client.answer(stream!).status == nil)
        bench.advance(seconds: 0.2)
        #expect(client.answer(stream!).status == 4)
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.deadlineExceeded])
        #expect(bench.timerCount == 0)
    }

    @Test("handlers that ignore their cancellation count against the connection's limit")
    func zombieHandlers() throws {
        let bench = try Workbench { $0.callsPerConnectionMax = 2 }
        let client = try bench.connect()
        let hang = try RawClient.headers(path: "/test.Echo/Bidirectional")
        var streams: [HTTP2Stream] = []
        try bench.speak(client) {
            for _ in 0..<3 { streams.append(try client.session.openStream(hang, .more)) }
        }
        #expect(client.answer(streams[0]).closeCode == nil)
        #expect(client.answer(streams[1]).closeCode == nil)
        #expect(client.answer(streams[2]).closeCode == .refusedStream)
        try bench.speak(client) { client.session.reset(streams[0], .cancel) }
        #expect(try bench.request(client, RawClient.headers()).status == 0)
    }

    @Test("a client that never says anything is dropped after five seconds")
    func handshakeTimeout() throws {
        let bench = try Workbench()
        let stream = bench.loop.becomeCurrent { bench.transport.connect() }
        bench.settle()
        bench.advance(seconds: 4.9)
        #expect(bench.transport.connectionCount == 1)
        bench.advance(seconds: 0.2)
        #expect(bench.transport.connectionCount == 0)
        withExtendedLifetime(stream) {}
    }

    @Test("S33: headers over the limit are RESOURCE_EXHAUSTED, and the connection goes on")
    func longHeaders() throws {
        let bench = try Workbench { $0.http2.headerListByteCountMax = 4096 }
        let client = try bench.connect()
        let headers = try RawClient.headers([("x-long", String(repeating: "a", count: 8000))])
        #expect(try bench.request(client, headers).status == 8)
        #expect(try bench.request(client, RawClient.headers()).status == 0)
    }
}
