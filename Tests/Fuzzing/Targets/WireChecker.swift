import Compression
import RPC
import TestSupport
import Vocabulary

/// Reads what one side of ours has written to the wire, and says what a strict peer would object to.
///
/// Flow control is not among it: nghttp2 keeps those accounts on our side.
struct WireChecker {
    enum Side {
        case server
        case client
    }

    private struct Stream {
        var blockCount = 0
        var isGRPC = false
        var hasEnded = false
        var wasReset = false
        /// What its messages may be compressed with, by its headers.
        var encoding: CompressionFormat?
        var body: [UInt8] = []
    }

    private let side: Side
    private let inflater = HeaderInflater()
    private var streams: [UInt32: Stream] = [:]
    /// The stream of a header block that goes on in the next frame.
    private var block: (stream: UInt32, flags: UInt8, bytes: [UInt8])?
    private var frameCount = 0

    private init(side: Side) { self.side = side }

    /// Checks everything that was written on one connection; only its last frame may be cut short.
    ///
    /// - Throws: `FuzzFinding`.
    static func check(_ output: [UInt8], of side: Side) throws {
        var checker = WireChecker(side: side)
        try output.withUnsafeBytes { bytes in
            if side == .client {
                try require(
                    bytes.starts(with: Frames.preface.prefix(bytes.count)), "a client begins with the preface")
            }
            for range in Frames.split(bytes) {
                let piece = Array(bytes[range])
                guard piece.count >= Frames.headerByteCount, piece != Frames.preface else { continue }
                let byteCount = Int(piece[0]) << 16 | Int(piece[1]) << 8 | Int(piece[2])
                guard piece.count == Frames.headerByteCount + byteCount else { continue }
                try checker.take(piece)
            }
            for (id, stream) in checker.streams where !stream.hasEnded { try checker.checkBody(stream, id) }
        }
    }

    private mutating func take(_ frame: [UInt8]) throws {
        let (type, flags) = (frame[3], frame[4])
        let stream = frame[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let payload = Array(frame[9...])
        if frameCount == 0 { try require(type == 4 && flags == 0, "the first frame is SETTINGS, not type \(type)") }
        frameCount += 1
        if let block { try require(type == 9 && stream == block.stream, "type \(type) inside a header block") }
        switch type {
        case 0: try takeData(stream, flags, payload)
        case 1: try beginBlock(stream, flags, payload)
        case 3: try takeReset(stream, payload)
        case 4, 6, 7: try require(stream == 0, "type \(type) on stream \(stream)")
        case 8: try require(payload.count == 4 && payload != [0, 0, 0, 0], "WINDOW_UPDATE \(payload)")
        case 9: try continueBlock(flags, payload)
        default: throw FuzzFinding(description: "a frame of type \(type) was sent")
        }
    }

    private mutating func takeData(_ id: UInt32, _ flags: UInt8, _ payload: [UInt8]) throws {
        guard var stream = streams[id], !stream.hasEnded, !stream.wasReset else {
            throw FuzzFinding(description: "DATA on stream \(id) before its headers or after its end")
        }
        stream.body += payload
        if flags & 1 != 0 {
            stream.hasEnded = true
            try checkBody(stream, id)
        }
        streams[id] = stream
    }

    private mutating func takeReset(_ id: UInt32, _ payload: [UInt8]) throws {
        // A stream that nothing was sent on may be reset too.
        try require(id != 0 && payload.count == 4, "RST_STREAM of stream \(id) with \(payload.count) bytes")
        streams[id, default: Stream()].wasReset = true
    }

    private mutating func beginBlock(_ id: UInt32, _ flags: UInt8, _ payload: [UInt8]) throws {
        try require(id & 1 == 1 && flags & 0x28 == 0, "HEADERS with flags \(flags) on stream \(id)")
        block = (id, flags, payload)
        if flags & 4 != 0 { try finishBlock() }
    }

    private mutating func continueBlock(_ flags: UInt8, _ payload: [UInt8]) throws {
        try require(block != nil, "CONTINUATION without HEADERS")
        block?.bytes += payload
        if flags & 4 != 0 { try finishBlock() }
    }

    private mutating func finishBlock() throws {
        guard let (id, flags, bytes) = block else { return }
        block = nil
        guard let fields = inflater.fields(of: bytes) else {
            throw FuzzFinding(description: "a header block of stream \(id) does not decompress")
        }
        try checkFields(fields, id)
        var stream = streams[id, default: Stream()]
        if stream.blockCount == 0 {
            let encoding = fields.first { $0.name == "grpc-encoding" }?.value
            stream.encoding = encoding.flatMap(CompressionFormat.init)
        }
        try require(!stream.hasEnded && !stream.wasReset, "HEADERS on stream \(id) after its end")
        let isEnd = flags & 1 != 0
        stream.blockCount += 1
        try require(stream.blockCount <= 2 && (stream.blockCount == 1 || isEnd), "headers in mid-stream \(id)")
        switch side {
        case .server: try checkResponse(fields, &stream, isEnd: isEnd, id)
        case .client: try checkRequest(fields, &stream, id)
        }
        stream.hasEnded = isEnd
        if isEnd { try checkBody(stream, id) }
        streams[id] = stream
    }

    /// What holds for every header that HTTP/2 or gRPC knows.
    private func checkFields(_ fields: [(name: String, value: String)], _ id: UInt32) throws {
        for (name, value) in fields {
            let isName = name.utf8.dropFirst(name.hasPrefix(":") ? 1 : 0).allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || "-_.".utf8.contains($0)
            }
            try require(isName && !name.isEmpty, "the name '\(name)' on stream \(id)")
            try require(
                !["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].contains(name),
                "'\(name)' belongs to HTTP/1.1")
            try require(
                value.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "'\(name)' has the value '\(value)'")
            guard name.hasSuffix("-bin") else { continue }
            let parts = value.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            try require(
                parts.allSatisfy { Array($0).withUnsafeBytes(Base64.isValid) }, "'\(name)' has the value '\(value)'")
        }
    }

    private func checkResponse(
        _ fields: [(name: String, value: String)], _ stream: inout Stream, isEnd: Bool, _ id: UInt32
    ) throws {
        if stream.blockCount == 1 {
            try require(fields.first?.name == ":status", "the response on stream \(id) has no status: \(fields)")
            stream.isGRPC = fields.contains { $0.name == "content-type" && $0.value.hasPrefix("application/grpc") }
        } else {
            try require(!fields.contains { $0.name.hasPrefix(":") }, "pseudo headers in trailers: \(fields)")
        }
        guard isEnd, stream.isGRPC else { return }
        let statuses = fields.filter { $0.name == "grpc-status" }
        try require(
            statuses.count == 1 && Int(statuses[0].value).map { (0...16).contains($0) } == true,
            "the end of stream \(id) has the statuses \(statuses)")
    }

    private func checkRequest(
        _ fields: [(name: String, value: String)], _ stream: inout Stream, _ id: UInt32
    ) throws {
        try require(stream.blockCount == 1, "a client sent trailers on stream \(id)")
        stream.isGRPC = true
        for name in [":method", ":scheme", ":path", ":authority", "te", "content-type"] {
            try require(fields.filter { $0.name == name }.count == 1, "not one \(name) on stream \(id): \(fields)")
        }
    }

    /// A body is messages, each compressed only as it was announced; one that ended is whole messages.
    private func checkBody(_ stream: Stream, _ id: UInt32) throws {
        guard stream.isGRPC else { return }
        var rest = stream.body[...]
        while rest.count >= 5 {
            let count = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            try require(rest[rest.startIndex] <= 1, "a message of stream \(id) has other flags than 0 and 1")
            guard rest.count >= 5 + count else { break }
            if rest.first == 1 { try checkCompressed(Bytes(rest.dropFirst(5).prefix(count)), stream, id) }
            rest = rest.dropFirst(5 + count)
        }
        try require(rest.isEmpty || !stream.hasEnded, "stream \(id) ended inside a message of its own")
    }

    private func checkCompressed(_ message: Bytes, _ stream: Stream, _ id: UInt32) throws {
        guard let format = stream.encoding else {
            throw FuzzFinding(description: "a message of stream \(id) is compressed, and its headers do not say how")
        }
        let opened = try? Codec().decompress(message, format, byteCountMax: 1 << 20)
        try require(opened != nil, "a message of stream \(id) is no \(format)")
    }
}
