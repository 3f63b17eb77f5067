import HTTP2
import RPC
import Testing
import Vocabulary

@Suite("Metadata out of received headers")
struct ReceivedMetadataTests {
    private static let usual = [
        (":method", "POST"), (":scheme", "http"), (":path", "/a/b"), (":authority", "localhost"),
    ]

    /// The headers as the other side of a connection sees them.
    private func received(_ fields: [(String, String)]) throws -> HeaderBlock {
        let client = try HTTP2Session(role: .client)
        let server = try HTTP2Session(role: .server)
        var list = HeaderList()
        for (name, value) in Self.usual + fields {
            try list.append(name: name, value: value)
        }
        _ = try client.openStream(list, .end)
        var output: [UInt8] = []
        try client.drainOutput { bytes in
            output += bytes
            return bytes.count
        }
        try output.withUnsafeBytes { try server.receive($0, at: MonotonicTime(nanoseconds: 1)) }
        var block: HeaderBlock?
        while let event = server.nextEvent() {
            if case .headers(_, let headers, _) = event { block = headers }
        }
        return try #require(block)
    }

    @Test(
        "B40: a name that HTTP allows and gRPC does not is no metadata, so that all metadata can be passed on",
        arguments: ["x%y", "x!bin", "a+b", "x~", "x'", "x^y"])
    func names(name: String) throws {
        let metadata = Metadata(try received([(name, "1"), ("x_y.z-0", "2")]))
        #expect(metadata.entries.map(\.name) == ["x_y.z-0"])
    }
}
