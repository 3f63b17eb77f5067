/// Frames made by hand, for what a decent peer would never send.
///
/// - Source: RFC 9113 §4.1 and §6; RFC 7541 §6.2.2 (literal fields without indexing, no Huffman code).
enum Raw {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// Preface, empty SETTINGS and the acknowledgement of the server's.
    static let greeting = preface + frame(type: 4) + frame(type: 4, flags: 1)

    static func frame(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let length = UInt32(payload.count)
        return [UInt8(length >> 16 & 0xff), UInt8(length >> 8 & 0xff), UInt8(length & 0xff), type, flags]
            + bigEndian(stream) + payload
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xff), UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
    }

    /// A header block of literal fields.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0x00] + string($0.0) + string($0.1) }
    }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        var encoded: [UInt8] = [127]
        var rest = bytes.count - 127
        while rest >= 128 {
            encoded.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return encoded + [UInt8(rest)] + bytes
    }

    static let requestFields = [
        (":method", "POST"), (":scheme", "https"), (":path", "/test.Echo/Say"), (":authority", "localhost"),
        ("te", "trailers"), ("content-type", "application/grpc"),
    ]

    static func request(stream: UInt32, end: Bool = false, extra: [(String, String)] = []) -> [UInt8] {
        frame(type: 1, flags: end ? 0x5 : 0x4, stream: stream, block(requestFields + extra))
    }

    static func reset(stream: UInt32, code: UInt32 = 8) -> [UInt8] { frame(type: 3, stream: stream, bigEndian(code)) }
    static func data(stream: UInt32, _ bytes: [UInt8], end: Bool = false) -> [UInt8] {
        frame(type: 0, flags: end ? 1 : 0, stream: stream, bytes)
    }
    static func windowUpdate(stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(type: 8, stream: stream, bigEndian(increment))
    }
    static func ping() -> [UInt8] { frame(type: 6, [1, 2, 3, 4, 5, 6, 7, 8]) }
    static func settings() -> [UInt8] { frame(type: 4) }

    /// A frame as found in a byte stream.
    struct Parsed: Equatable {
        let type: UInt8
        let flags: UInt8
        let stream: UInt32
        let payload: [UInt8]

        /// The error code of a GOAWAY.
        var goAwayCode: UInt32? {
            guard type == 7, payload.count >= 8 else { return nil }
            return payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
        }
        var goAwayLastStream: UInt32? {
            guard type == 7, payload.count >= 8 else { return nil }
            return payload[0..<4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// The whole frames in `bytes`.
    static func parse(_ bytes: [UInt8]) -> [Parsed] {
        var frames: [Parsed] = []
        var offset = bytes.starts(with: preface) ? preface.count : 0
        while offset + 9 <= bytes.count {
            let length = Int(bytes[offset]) << 16 | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2])
            let stream = bytes[offset + 5..<offset + 9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let payload = Array(bytes[offset + 9..<min(offset + 9 + length, bytes.count)])
            frames.append(
                Parsed(type: bytes[offset + 3], flags: bytes[offset + 4], stream: stream, payload: payload))
            offset += 9 + length
        }
        return frames
    }
}
