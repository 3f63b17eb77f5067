import EventLoops
import HTTP2
import RPCTransport
import Vocabulary

/// One connection of a server that says over HTTP/2 whatever a test wants.
final class RawServer: ByteStreamDelegate {
    /// What a client asked for on one stream.
    struct Request {
        let stream: HTTP2Stream
        /// Names and values in order.
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []
        var hasEnded = false
        var closeCode: HTTP2ErrorCode?
    }

    let session: HTTP2Session
    private let stream: MemoryStream
    private let loop: EventLoop
    private(set) var requests: [Request] = []
    private(set) var isClosed = false
    /// Everything that came, before HTTP/2 made sense of it.
    private(set) var received: [UInt8] = []
    /// Whether to keep what comes in `received`.
    var keepsReceived = false
    private(set) var pingCount = 0
    /// A server that has gone silent: it neither reads nor writes any more.
    var isDeaf = false
    var consumes = true

    init(_ stream: MemoryStream, loop: EventLoop, configuration: HTTP2Configuration) throws {
        self.stream = stream
        self.loop = loop
        session = try HTTP2Session(role: .server, configuration: configuration)
        stream.delegate = self
        stream.start()
        try flush()
    }

    func flush() throws {
        try session.drainOutput { bytes in
            guard case .sent(let count) = stream.send(bytes) else { return bytes.count }
            return count
        }
        takeEvents()
        stream.setWantsWritable(session.wantsWrite)
    }

    func close() { stream.close() }

    /// Sends bytes that the session knows nothing of.
    func send(raw bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            guard case .sent(bytes.count) = stream.send(bytes) else { preconditionFailure("the pipe is full") }
        }
    }

    func streamIsWritable() { try? flush() }

    func streamIsReadable() {
        guard !isDeaf else { return }
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            while true {
                switch stream.receive(into: buffer) {
                case .bytes(let count):
                    if keepsReceived { received += buffer[..<count] }
                    try? session.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: loop.now())
                    takeEvents()
                case .end, .failed:
                    isClosed = true
                    return
                case .wouldBlock: return
                }
            }
        }
        try? flush()
    }

    private func takeEvents() {
        while let event = session.nextEvent() {
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
    }

    private func update(_ stream: HTTP2Stream, _ change: (inout Request) -> Void) {
        guard let index = requests.lastIndex(where: { $0.stream == stream }) else { return }
        change(&requests[index])
    }
}
