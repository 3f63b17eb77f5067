import EventLoops
import HTTP2
import RPCTransport
import Vocabulary

/// One connection of a server that says over HTTP/2 whatever a test wants.
final class RawServer: RawPeer {
    /// What a client asked for on one stream.
    struct Request {
        let stream: HTTP2Stream
        /// Names and values in order.
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []
        var hasEnded = false
        var closeCode: HTTP2ErrorCode?
    }

    private(set) var requests: [Request] = []
    private(set) var pingCount = 0

    init(_ stream: MemoryStream, loop: EventLoop, configuration: HTTP2Configuration) throws {
        try super.init(.server, stream, loop: loop, configuration: configuration)
        try flush()
    }

    override func handle(_ event: HTTP2Event) {
        switch event {
        case .headers(let stream, let block, let continuation):
            var request = Request(stream: stream)
            block.forEach { name, value in
                request.fields.append(
                    (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
            }
            request.hasEnded = continuation == .end
            requests.append(request)
        case .data(let stream, let bytes, let continuation):
            update(stream) { request in
                request.body += bytes
                if continuation == .end { request.hasEnded = true }
            }
            if consumes { session.consume(stream, byteCount: bytes.count) }
        case .closed(let stream, let code, _): update(stream) { $0.closeCode = code }
        case .ping: pingCount += 1
        case .goAway, .trailers, .writable, .settings, .pingAcknowledged: break
        }
    }

    private func update(_ stream: HTTP2Stream, _ change: (inout Request) -> Void) {
        guard let index = requests.lastIndex(where: { $0.stream == stream }) else { return }
        change(&requests[index])
    }
}
