/// HTTP/2 frames as bytes, right or wrong.
///
/// - Source: RFC 9113 §4.1 and §6; RFC 7541 §6.2.2 (literal fields without indexing, no Huffman code).
package enum Frames {
    package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// Preface, empty SETTINGS and the acknowledgement of the server's.
    package static let clientGreeting = preface + settings() + frame(type: 4, flags: 1)
    /// Empty SETTINGS and the acknowledgement of the client's.
    package static let serverGreeting = settings() + frame(type: 4, flags: 1)

    package static let headerByteCount = 9

    package static func frame(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let length = UInt32(payload.count)
        return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
            + bigEndian(stream) + payload
    }

    package static func bigEndian(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    package static func data(_ stream: UInt32, _ bytes: [UInt8], end: Bool = false) -> [UInt8] {
        frame(type: 0, flags: end ? 1 : 0, stream: stream, bytes)
    }

    package static func headers(_ stream: UInt32, _ fields: [(String, String)], end: Bool = false) -> [UInt8] {
        frame(type: 1, flags: end ? 5 : 4, stream: stream, block(fields))
    }

    package static func reset(_ stream: UInt32, code: UInt32 = 8) -> [UInt8] {
        frame(type: 3, stream: stream, bigEndian(code))
    }

    package static func settings(_ values: [(UInt8, UInt32)] = []) -> [UInt8] {
        frame(type: 4, values.flatMap { [0, $0.0] + bigEndian($0.1) })
    }

    package static func ping(flags: UInt8 = 0) -> [UInt8] { frame(type: 6, flags: flags, [1, 2, 3, 4, 5, 6, 7, 8]) }

    package static func goAway(last: UInt32, code: UInt32 = 0, text: String = "") -> [UInt8] {
        frame(type: 7, bigEndian(last) + bigEndian(code) + Array(text.utf8))
    }

    package static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(type: 8, stream: stream, bigEndian(increment))
    }

    /// A gRPC message with its prefix.
    package static func message(_ bytes: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag] + bigEndian(UInt32(bytes.count)) + bytes
    }

    /// A header block of literal fields.
    package static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0x00] + literal(Array($0.0.utf8)) + literal(Array($0.1.utf8)) }
    }

    /// A string of HPACK, uncompressed.
    package static func literal(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        var encoded: [UInt8] = [127]
        var rest = bytes.count - 127
        while rest >= 128 {
            encoded.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return encoded + [UInt8(rest)] + bytes
    }

    /// Cuts bytes where frames begin, as far as their lengths make sense; a preface is a piece of its own.
    package static func split(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var offset = 0
        if bytes.starts(with: preface) {
            pieces.append(0..<preface.count)
            offset = preface.count
        }
        while offset < bytes.count {
            guard offset + headerByteCount <= bytes.count else {
                pieces.append(offset..<bytes.count)
                break
            }
            let length = Int(bytes[offset]) << 16 | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2])
            let end = min(offset + headerByteCount + length, bytes.count)
            pieces.append(offset..<end)
            offset = end
        }
        return pieces
    }
}
