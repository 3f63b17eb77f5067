import EventLoops
import HTTP2
import RPC
import RPCTransport
import Vocabulary

/// A client that says over HTTP/2 whatever a test wants, right or wrong, and writes down what comes back.
final class RawClient: ByteStreamDelegate {
    /// What came back on one stream.
    struct Answer {
        var headers: [String: String] = [:]
        var trailers: [String: String] = [:]
        var body: [UInt8] = []
        var closeCode: HTTP2ErrorCode?

        /// From the trailers, or from the headers of a Trailers-Only response.
        var status: Int? { (trailers["grpc-status"] ?? headers["grpc-status"]).flatMap { Int($0) } }
    }

    struct GoAway: Equatable {
        let lastStreamID: Int32
        let code: HTTP2ErrorCode
        let text: String
    }

    let session: HTTP2Session
    private let stream: MemoryStream
    private let loop: EventLoop
    private(set) var answers: [HTTP2Stream: Answer] = [:]
    private(set) var goAways: [GoAway] = []
    var goAwayCount: Int { goAways.count }
    /// PINGs the server sent.
    private(set) var pingCount = 0
    /// Payloads of answers to PINGs.
    private(set) var pongs: [UInt64] = []
    private(set) var isClosed = false
    /// Everything that came, before HTTP/2 made sense of it.
    private(set) var received: [UInt8] = []
    /// Whether to keep what comes in `received`.
    var keepsReceived = false
    /// Whether to give received bytes back to the window.
    var consumes = true
    /// A client that has gone silent: it reads nothing any more.
    var isDeaf = false

    init(_ stream: MemoryStream, loop: EventLoop, configuration: HTTP2Configuration = HTTP2Configuration()) throws {
        self.stream = stream
        self.loop = loop
        session = try HTTP2Session(role: .client, configuration: configuration)
        stream.delegate = self
        stream.start()
    }

    static func headers(
        path: String = "/test.Echo/Unary", method: String = "POST", contentType: String? = "application/grpc",
        _ more: [(String, String)] = []
    ) throws -> HeaderList {
        var list = HeaderList()
        try list.append(name: ":method", value: method)
        try list.append(name: ":scheme", value: "http")
        try list.append(name: ":path", value: path)
        try list.append(name: ":authority", value: "localhost")
        try list.append(name: "te", value: "trailers")
        if let contentType { try list.append(name: "content-type", value: contentType) }
        for (name, value) in more { try list.append(name: name, value: value) }
        return list
    }

    /// A message with its prefix.
    static func frame(_ message: [UInt8], flag: UInt8 = 0) -> Bytes {
        let count = message.count
        return Bytes(
            [flag, UInt8(count >> 24 & 255), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
                + message)
    }

    func answer(_ stream: HTTP2Stream) -> Answer { answers[stream] ?? Answer() }

    /// Sends what the session has for the server.
    func flush() throws {
        try session.drainOutput { bytes in
            guard case .sent(let count) = stream.send(bytes) else { return bytes.count }
            return count
        }
        takeEvents()
        stream.setWantsWritable(session.wantsWrite)
    }

    func close() { stream.close() }

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
            case .headers(let stream, let block, _): answers[stream, default: Answer()].headers = Self.dictionary(block)
            case .trailers(let stream, let block): answers[stream, default: Answer()].trailers = Self.dictionary(block)
            case .data(let stream, let bytes, _):
                answers[stream, default: Answer()].body += bytes
                if consumes { session.consume(stream, byteCount: bytes.count) }
            case .closed(let stream, let code, _): answers[stream, default: Answer()].closeCode = code
            case .goAway(let last, let code, let debugData):
                goAways.append(GoAway(lastStreamID: last, code: code, text: debugData.utf8String ?? ""))
            case .ping: pingCount += 1
            case .pingAcknowledged(let payload): pongs.append(payload)
            case .writable, .settings: break
            }
        }
    }

    private static func dictionary(_ block: HeaderBlock) -> [String: String] {
        var fields: [String: String] = [:]
        block.forEach { name, value in
            fields[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        }
        return fields
    }
}
