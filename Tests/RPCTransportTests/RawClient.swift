import EventLoops
import HTTP2
import RPC
import RPCTransport
import TestSupport
import Vocabulary

/// A client that says over HTTP/2 whatever a test wants, right or wrong, and writes down what comes back.
final class RawClient: RawPeer {
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

    private(set) var answers: [HTTP2Stream: Answer] = [:]
    private(set) var goAways: [GoAway] = []
    var goAwayCount: Int { goAways.count }
    /// PINGs the server sent.
    private(set) var pingCount = 0
    /// Payloads of answers to PINGs.
    private(set) var pongs: [UInt64] = []

    init(_ stream: MemoryStream, loop: EventLoop, configuration: HTTP2Configuration = HTTP2Configuration()) throws {
        try super.init(.client, stream, loop: loop, configuration: configuration)
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
        Bytes(Frames.message(message, flag: flag))
    }

    func answer(_ stream: HTTP2Stream) -> Answer { answers[stream] ?? Answer() }

    override func handle(_ event: HTTP2Event) {
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

    private static func dictionary(_ block: HeaderBlock) -> [String: String] {
        var fields: [String: String] = [:]
        block.forEach { name, value in
            fields[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        }
        return fields
    }
}
