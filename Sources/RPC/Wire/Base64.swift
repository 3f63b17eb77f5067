package import Vocabulary

/// Base64 of the values of `-bin` headers: the standard alphabet; written without padding, read with or without.
///
/// - Source: RFC 4648 §4; grpc/grpc `doc/PROTOCOL-HTTP2.md`.
package enum Base64 {
    private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each character; 255 for what is not in the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// The unpadded encoding of `bytes`.
    package static func encode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var index = 0
        while index < bytes.count {
            let taken = min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < taken ? UInt32(bytes[index + offset]) : 0)
            }
            for character in 0...taken {
                text.append(alphabet[Int(group >> UInt32(18 - 6 * character)) & 63])
            }
            index += taken
        }
        return text
    }

    /// What `text` encodes, or nil when it is not base64.
    package static func decode(_ text: UnsafeRawBufferPointer) -> Bytes? {
        guard let characterCount = encodedCount(of: text) else { return nil }
        return Bytes(byteCount: characterCount * 3 / 4) { destination in
            var bits: UInt32 = 0
            var bitCount = 0
            var index = 0
            for character in text.prefix(characterCount) {
                bits = bits << 6 | UInt32(values[Int(character)])
                bitCount += 6
                guard bitCount >= 8 else { continue }
                bitCount -= 8
                destination[index] = UInt8(truncatingIfNeeded: bits >> UInt32(bitCount))
                index += 1
            }
        }
    }

    /// Whether `text` is base64; allocates nothing.
    package static func isValid(_ text: UnsafeRawBufferPointer) -> Bool { encodedCount(of: text) != nil }

    /// The number of characters before the padding, or nil when `text` is not base64.
    private static func encodedCount(of text: UnsafeRawBufferPointer) -> Int? {
        var count = text.count
        while count > 0, text.count - count < 2, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
        let isPadded = count < text.count
        guard count % 4 != 1, !isPadded || text.count % 4 == 0 else { return nil }
        return text.prefix(count).allSatisfy { values[Int($0)] != 255 } ? count : nil
    }
}
