import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("What a server answers to clients that do not speak gRPC, or speak it badly")
struct HTTPAnswerTests {
    @Test("S20: a GET of anything is 404 with a line of text", arguments: ["/", "/unknown", "/test.Echo/Nothing"])
    func get(path: String) throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let answer = try bench.request(
            client, RawClient.headers(path: path, method: "GET", contentType: nil), body: [])
        #expect(answer.headers[":status"] == "404" && answer.status == nil)
        #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
        #expect(answer.headers["content-length"] == String(answer.body.count))
        #expect(String(decoding: answer.body, as: UTF8.self) == "404 not found: this is a gRPC server\n")
        #expect(answer.closeCode == .noError)
        #expect(bench.service.records.withLock { $0.map(\.label) } == ["not_grpc"])
    }

    @Test("S20: a GET of a gRPC method is 405 and says that it takes POST")
    func getOfMethod() throws {
        let bench = try Workbench()
        let answer = try bench.request(
            bench.connect(), RawClient.headers(method: "GET", contentType: nil), body: [])
        #expect(answer.headers[":status"] == "405" && answer.headers["allow"] == "POST")
        #expect(answer.headers["content-length"] == String(answer.body.count))
    }

    @Test("S20: a HEAD request gets the headers of a GET, and no body")
    func head() throws {
        let bench = try Workbench()
        let answer = try bench.request(
            bench.connect(), RawClient.headers(path: "/", method: "HEAD", contentType: nil), body: [])
        #expect(answer.headers[":status"] == "404" && answer.headers["content-length"] == "37")
        #expect(answer.body.isEmpty && answer.closeCode == .noError)
    }

    @Test(
        "S21: a POST of another content-type is 415 with grpc-status INTERNAL",
        arguments: ["text/plain", "application/json", "application/grpc-web", "application/grpcx", ""])
    func post(contentType: String) throws {
        let bench = try Workbench()
        let answer = try bench.request(
            bench.connect(), RawClient.headers(path: "/unknown", contentType: contentType), body: [1, 2, 3])
        #expect(answer.headers[":status"] == "415" && answer.status == 13)
    }

    @Test("S20: an upload that is not gRPC is answered before its end, then stopped with NO_ERROR")
    func upload() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let answer = try bench.request(
            client, RawClient.headers(path: "/", method: "PUT", contentType: nil),
            body: [UInt8](repeating: 0, count: 100_000), ends: false)
        #expect(answer.headers[":status"] == "404" && answer.closeCode == .noError)
        #expect(try bench.request(client, RawClient.headers()).status == 0)
    }

    @Test(
        "S22: a well-formed path without a method is UNIMPLEMENTED, and paths are compared byte for byte",
        arguments: [
            "/foo", "//", "/", "/test.Echo/", "/test.Echo/Nothing", "/nothing.Echo/Unary", "/test.Echo/unary",
            "/TEST.echo/Unary", "/test.Echo/%55nary", "/test.Echo/Unary/", "/test.Echo/Unary?x=1",
        ])
    func unknownMethod(path: String) throws {
        let bench = try Workbench()
        let answer = try bench.request(bench.connect(), RawClient.headers(path: path))
        #expect(answer.headers[":status"] == "200" && answer.headers["grpc-status"] == "12", "Trailers-Only")
    }

    /// A request with exactly these headers, which may be none that a client of ours would send.
    private func exchange(_ fields: [(String, String)]) throws -> (RawClient.Answer, RawClient, Workbench) {
        let bench = try Workbench()
        let client = try bench.connect()
        var list = HeaderList()
        for (name, value) in fields { try list.append(name: name, value: value) }
        return (try bench.request(client, list), client, bench)
    }

    private static let start = [(":method", "POST"), (":scheme", "http")]
    private static let path = (":path", "/test.Echo/Unary")
    private static let authority = (":authority", "localhost")
    private static let grpc = ("content-type", "application/grpc")

    @Test(
        "S23: a path that is missing or does not begin with / is PROTOCOL_ERROR", arguments: [nil, "test.Echo/Unary"])
    func badPath(path: String?) throws {
        let (answer, client, bench) = try exchange(
            Self.start + (path.map { [(":path", $0)] } ?? []) + [Self.authority, ("te", "trailers"), Self.grpc])
        #expect(answer.headers.isEmpty && answer.closeCode == .protocolError)
        #expect(try bench.request(client, RawClient.headers()).status == 0)
    }

    @Test("S24: te may be missing; te that is not trailers is PROTOCOL_ERROR", arguments: [nil, "trailers", "gzip"])
    func te(value: String?) throws {
        let (answer, _, _) = try exchange(
            Self.start + [Self.path, Self.authority, Self.grpc] + (value.map { [("te", $0)] } ?? []))
        #expect(value == "gzip" ? answer.closeCode == .protocolError : answer.status == 0)
    }

    @Test(
        "S25: headers of a connection, which HTTP/2 has not, are PROTOCOL_ERROR",
        arguments: [
            ("connection", "close"), ("keep-alive", "5"), ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"), ("upgrade", "h2c"),
        ])
    func connectionHeaders(name: String, value: String) throws {
        let (answer, client, bench) = try exchange(
            Self.start + [Self.path, Self.authority, Self.grpc, (name, value)])
        #expect(answer.headers.isEmpty && answer.closeCode == .protocolError)
        #expect(try bench.request(client, RawClient.headers()).status == 0)
    }

    @Test("S26: host stands in for :authority; one of them is needed, and :authority only once")
    func authority() throws {
        let common = [("te", "trailers"), Self.grpc]
        let host = ("host", "example.com")
        #expect(try exchange(Self.start + [Self.path] + [host] + common).0.status == 0)
        #expect(try exchange(Self.start + [Self.path, Self.authority] + common).0.status == 0)
        #expect(try exchange(Self.start + [Self.path, Self.authority, host] + common).0.status == 0)
        #expect(try exchange(Self.start + [Self.path] + common).0.closeCode == .protocolError)
        let twice = Self.start + [Self.path, Self.authority, Self.authority] + common
        #expect(try exchange(twice).0.closeCode == .protocolError)
    }
}
