import Compression
import HTTP2
import RPC
import TestSupport
import Testing
import Vocabulary

@Suite("The headers a client sends, and those a server ends with")
struct RequestHeadersTests {
    /// The fields of a list as the other side of a connection sees them.
    private static func fields(_ list: HeaderList) throws -> [String] {
        var lines: [String] = []
        try list.received().forEach { name, value in
            lines.append("\(String(decoding: name, as: UTF8.self)): \(String(decoding: value, as: UTF8.self))")
        }
        return lines
    }

    private static func request(_ headers: RequestHeaders) throws -> [String] {
        try fields(headers.list(path: Bytes(utf8: "/s/m"), timeoutNanoseconds: nil, metadata: Metadata()))
    }

    @Test("C12: the scheme is https under TLS, and http otherwise", arguments: [(true, "https"), (false, "http")])
    func scheme(isSecure: Bool, scheme: String) throws {
        let fields = try Self.request(RequestHeaders(authority: "a:1", isSecure: isSecure))
        #expect(fields.contains(":scheme: \(scheme)") && fields.contains("content-type: application/grpc"))
    }

    @Test(
        "C13: who calls stands before our own name in user-agent, unless that is no header",
        arguments: [
            ("", "grpc-swift-apus/1.0"), ("shop/2.1", "shop/2.1 grpc-swift-apus/1.0"), ("a\nb", "grpc-swift-apus/1.0"),
        ])
    func userAgent(prefix: String, value: String) throws {
        let fields = try Self.request(RequestHeaders(authority: "a:1", isSecure: false, userAgent: prefix))
        #expect(fields.filter { $0.hasPrefix("user-agent: ") } == ["user-agent: \(value)"])
    }

    @Test("C14: without a deadline there is no grpc-timeout")
    func noTimeout() throws {
        #expect(try !Self.request(RequestHeaders(authority: "a", isSecure: true)).contains { $0.contains("timeout") })
    }

    @Test("S82: an empty message leaves out its header", arguments: [("", 1), ("x", 2)])
    func emptyMessage(message: String, count: Int) throws {
        #expect(try ResponseHeaders.trailers(ServingError(.aborted, message), Metadata()).count == count)
    }

    private func response(_ fields: [(String, String)]) throws -> HeaderList {
        var list = HeaderList()
        list.append(":status", "200")
        for (name, value) in fields { try list.append(name: name, value: value) }
        return list
    }

    @Test("trailers that a server sends again and again are read, and sent on, as they were the first time")
    func repeatedTrailers() throws {
        let good = try response([("grpc-status", "0"), ("x-used", "7")])
        let bad = try response([("grpc-status", "14"), ("grpc-message", "away")])
        let blocks = try HeaderList.answered([good, good, good, bad, bad, bad, good])
        for block in blocks[..<3] + blocks[6...] {
            #expect(ResponseStatus(block).error == nil)
            #expect(!PassedHeaders(block).isEmpty)
            var sent = try response([])
            try sent.append(contentsOf: ResponseHeaders.trailers(Metadata(), passed: PassedHeaders(block)))
            let arrived = try HeaderList.answered([sent])[0]
            #expect(arrived.count == 3 && arrived.firstValue(of: "grpc-status")?.utf8String == "0")
            #expect(arrived.firstValue(of: "x-used")?.utf8String == "7")
        }
        for block in blocks[3..<6] {
            #expect(ResponseStatus(block).error?.code == .unavailable && ResponseStatus(block).error?.message == "away")
            #expect(PassedHeaders(block).isEmpty)
        }
        #expect(blocks[0].findings != nil && blocks[6].findings == nil)
        #expect(PassedHeaders(blocks[0], omitting: Self.omitted).isEmpty, "not what was found out without omissions")
    }

    private static let omitted: [StaticString] = ["x-used"]

    @Test("headers that a server sends again and again are a response's, of its encoding, or are refused each time")
    func repeatedHeaders() throws {
        let gzip = try response([("content-type", "application/grpc"), ("grpc-encoding", "gzip")])
        let plain = try response([("content-type", "application/grpc")])
        let text = try response([("content-type", "text/plain")])
        let blocks = try HeaderList.answered([gzip, gzip, gzip, plain, plain, plain, text, text, text])
        for (index, block) in blocks.enumerated() {
            var encoding = index < 3 ? MessageEncoding.identity : .compressed(.deflate)
            let rejection = ResponseStatus.rejection(ofHeaders: block, &encoding)
            #expect((rejection == nil) == (index < 6))
            if index < 6 { #expect(encoding == (index < 3 ? .compressed(.gzip) : .identity)) }
        }
    }
}
