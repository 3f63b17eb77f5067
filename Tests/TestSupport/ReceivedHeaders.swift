package import HTTP2
import Vocabulary

extension HeaderList {
    /// The headers of a request as the server at the other end of a connection sees them.
    package func received() throws -> HeaderBlock { try Self.received([self])[0] }

    /// The headers of requests that come one after the other on the same connection.
    package static func received(_ lists: [HeaderList]) throws -> [HeaderBlock] {
        let client = try HTTP2Session(role: .client)
        let server = try HTTP2Session(role: .server)
        var blocks: [HeaderBlock] = []
        for list in lists {
            _ = try client.openStream(list, .end)
            try carry(client, to: server) { if case .headers(_, let headers, _) = $0 { blocks.append(headers) } }
        }
        precondition(blocks.count == lists.count, "headers did not arrive")
        return blocks
    }

    /// The headers of responses to requests that come one after the other on the same connection, as the client sees
    /// them.
    package static func answered(_ lists: [HeaderList]) throws -> [HeaderBlock] {
        let client = try HTTP2Session(role: .client)
        let server = try HTTP2Session(role: .server)
        var request = HeaderList()
        request.append(":method", "POST")
        request.append(":scheme", "http")
        request.append(":path", "/")
        request.append(":authority", "a")
        var blocks: [HeaderBlock] = []
        for list in lists {
            _ = try client.openStream(request, .end)
            var streams: [HTTP2Stream] = []
            try carry(client, to: server) { if case .headers(let stream, _, _) = $0 { streams.append(stream) } }
            for stream in streams { try server.submitHeaders(stream, list, .end) }
            try carry(server, to: client) { if case .headers(_, let headers, _) = $0 { blocks.append(headers) } }
        }
        precondition(blocks.count == lists.count, "headers did not arrive")
        return blocks
    }

    private static func carry(
        _ sender: HTTP2Session, to receiver: HTTP2Session, _ observe: (HTTP2Event) -> Void
    ) throws {
        var output: [UInt8] = []
        try sender.drainOutput { bytes in
            output += bytes
            return bytes.count
        }
        try output.withUnsafeBytes { try receiver.receive($0, at: MonotonicTime(nanoseconds: 1)) }
        receiver.handEvents { event in
            observe(event)
            return true
        }
    }
}
