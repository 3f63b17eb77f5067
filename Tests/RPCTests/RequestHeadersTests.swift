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
}
