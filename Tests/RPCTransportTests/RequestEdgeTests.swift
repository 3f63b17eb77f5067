import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("How a server begins and ends its answers")
struct RequestEdgeTests {
    @Test("S20: a gRPC request by another method is answered before its end, in one header list, then stopped")
    func httpMethod() throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers(method: "PUT"), ends: false)
        #expect(answer.headers[":status"] == "405" && answer.headers["grpc-status"] == "13")
        #expect(answer.closeCode == .noError)
    }

    @Test("S26: host comes once")
    func hostTwice() throws {
        let bench = try Workbench()
        var list = HeaderList()
        for (name, value) in [
            (":method", "POST"), (":scheme", "http"), (":path", "/test.Echo/Unary"), ("host", "a"), ("host", "b"),
            ("te", "trailers"), ("content-type", "application/grpc"),
        ] { try list.append(name: name, value: value) }
        #expect(try bench.request(bench.connect(), list).closeCode == .protocolError)
    }

    @Test(
        "S27: an empty grpc-timeout is 400; of several the last one counts, but each must be well-formed",
        arguments: [
            ([""], "400"), (["1S", "2S"], "200"), (["0n", "2S"], "200"), (["x", "2S"], "400"), (["2S", "x"], "400"),
        ])
    func timeouts(values: [String], httpStatus: String) throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers(values.map { ("grpc-timeout", $0) }))
        #expect(answer.headers[":status"] == httpStatus && answer.status == (httpStatus == "200" ? 0 : 13))
        #expect(bench.timerCount == 0)
    }

    @Test("S28: a deadline that has passed on arrival starts no handler", arguments: ["Hang", "Bidirectional"])
    func expired(method: String) throws {
        let bench = try Workbench()
        let headers = try RawClient.headers(path: "/test.Echo/\(method)", [("grpc-timeout", "0S")])
        let answer = try bench.request(bench.connect(), headers)
        #expect(answer.headers["grpc-status"] == "4", "Trailers-Only")
        #expect(!bench.service.hangDidStart.isOpen)
        #expect(bench.service.records.withLock { $0.map(\.label) } == ["deadline_exceeded"])
    }

    @Test("S32: trailers of a client end its request", arguments: ["Unary", "ClientStream"])
    func requestTrailers(method: String) throws {
        let bench = try Workbench()
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let opened = try client.session.openStream(RawClient.headers(path: "/test.Echo/\(method)"), .more)
            client.session.submitData(opened, RawClient.frame([7]), .more)
            stream = opened
        }
        #expect(client.answer(stream!).status == nil)
        try bench.speak(client) {
            var trailers = HeaderList()
            try trailers.append(name: "x-checksum", value: "1")
            try client.session.submitTrailers(stream!, trailers)
        }
        #expect(client.answer(stream!).status == 0 && client.answer(stream!).body.count == 6)
    }

    @Test(
        "B58: a request that ends inside a message is INTERNAL, for methods of one message and of many",
        arguments: ["Unary", "ClientStream", "Bidirectional"], [1, 4, 5, 6])
    func endInsideAMessage(method: String, byteCount: Int) throws {
        let bench = try Workbench()
        let body = RawClient.frame([1]).array + [0, 0, 0, 0, 9, 1].prefix(byteCount)
        let answer = try bench.request(
            bench.connect(), RawClient.headers(path: "/test.Echo/\(method)"), body: body)
        #expect(answer.status == 13)
        #expect(bench.service.records.withLock { $0.map(\.label) } == ["truncated_message"])
    }

    private static let echo = [("x-grpc-test-echo-initial", "a")]

    @Test("S80: headers leave with the first message, or when the handler says so")
    func initialMetadata() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        for (method, asks) in [("Bidirectional", false), ("HeadersFirst", true)] {
            var stream: HTTP2Stream?
            try bench.speak(client) {
                stream = try client.session.openStream(
                    RawClient.headers(path: "/test.Echo/\(method)", Self.echo), .more)
            }
            #expect(client.answer(stream!).headers.isEmpty == !asks)
            try bench.speak(client) { client.session.submitData(stream!, RawClient.frame([1]), .end) }
            let answer = client.answer(stream!)
            #expect(answer.headers[":status"] == "200" && answer.headers["content-type"] == "application/grpc")
            #expect(answer.headers["x-grpc-test-echo-initial"] == "a" && answer.headers["grpc-status"] == nil)
            #expect(answer.body == RawClient.frame([1]).array && answer.trailers["grpc-status"] == "0")
        }
    }

    @Test("S80: an error before the first message is one header list with status, message and metadata")
    func trailersOnly() throws {
        let bench = try Workbench()
        let body = RawClient.frame([5]).array
        let answer = try bench.request(bench.connect(), RawClient.headers(path: "/test.Echo/Fail"), body: body)
        #expect(answer.trailers.isEmpty && answer.body.isEmpty)
        #expect(answer.headers[":status"] == "200" && answer.headers["content-type"] == "application/grpc")
        #expect(answer.headers["grpc-status"] == "5" && answer.headers["x-detail-bin"] == "q6ur")
        #expect(answer.headers["grpc-message"]?.contains("%E2%98%BA") == true)
    }
}
