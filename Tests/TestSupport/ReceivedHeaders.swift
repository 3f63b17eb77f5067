package import HTTP2
import Vocabulary

extension HeaderList {
    /// The headers of a request as the server at the other end of a connection sees them.
    package func received() throws -> HeaderBlock {
        let client = try HTTP2Session(role: .client)
        let server = try HTTP2Session(role: .server)
        _ = try client.openStream(self, .end)
        var output: [UInt8] = []
        try client.drainOutput { bytes in
            output += bytes
            return bytes.count
        }
        try output.withUnsafeBytes { try server.receive($0, at: MonotonicTime(nanoseconds: 1)) }
        while let event = server.nextEvent() {
            if case .headers(_, let headers, _) = event { return headers }
        }
        preconditionFailure("the headers did not arrive")
    }
}
