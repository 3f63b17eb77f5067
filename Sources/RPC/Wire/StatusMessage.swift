/// The percent-encoding of the `grpc-message` header.
///
/// - Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`.
package enum StatusMessage {
    /// The longest message sent, in bytes before encoding; longer ones are cut, because a header list that a peer
    /// refuses would lose the status as well.
    package static let byteCountMax = 2_048

    private static let hexDigits = [UInt8]("0123456789ABCDEF".utf8)

    /// The bytes that stand for `message`: printable ASCII but `%` as it is, every other byte of its UTF-8 as `%XX`.
    package static func encode(_ message: String) -> [UInt8] {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(message.utf8.count)
        for byte in wholeCharacters(of: message) {
            if byte >= 0x20 && byte <= 0x7E && byte != UInt8(ascii: "%") {
                encoded.append(byte)
            } else {
                encoded.append(UInt8(ascii: "%"))
                encoded.append(hexDigits[Int(byte >> 4)])
                encoded.append(hexDigits[Int(byte & 15)])
            }
        }
        return encoded
    }

    /// The message `text` stands for.
    ///
    /// Never fails: a `%` without two hexadecimal digits stays, and what is not UTF-8
    /// becomes U+FFFD.
    package static func decode(_ text: UnsafeRawBufferPointer) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "%"), index + 2 < text.count, let high = hexValue(text[index + 1]),
                let low = hexValue(text[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(text[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The UTF-8 of as much of `message` as fits, never half a character.
    private static func wholeCharacters(of message: String) -> Substring.UTF8View {
        guard message.utf8.count > byteCountMax else { return message[...].utf8 }
        var end = message.utf8.index(message.startIndex, offsetBy: byteCountMax)
        // Step back over continuation bytes (10xxxxxx) to the start of the character that does not fit.
        while end > message.startIndex, message.utf8[end] & 0xC0 == 0x80 { end = message.utf8.index(before: end) }
        return message[..<end].utf8
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
