import Vocabulary

/// Goes along the bytes of one message, field by field, without a schema and without allocation.
///
/// Stricter than a decoder has to be: whatever it does not like is `nil`, and protobuf-c decides what to say about it.
///
/// - Source: protobuf.dev/programming-guides/encoding.
struct WireCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "\(range) of \(bytes.count) bytes")
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position == end }

    /// The tag of the next field: its number and its wire type.
    mutating func tag() -> UInt8? {
        guard position < end, bytes[position] < 0x80 else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    /// An integer of at most 64 bits.
    mutating func varint() -> UInt64? {
        guard position < end else { return nil }
        if bytes[position] < 0x80 {
            defer { position += 1 }
            return UInt64(bytes[position])
        }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return shift < 63 || byte <= 1 ? value : nil }
            shift += 7
        }
        return nil
    }

    /// The place of a length-prefixed value, which is passed over.
    mutating func content() -> Range<Int>? {
        guard let count = varint(), count <= UInt64(end - position) else { return nil }
        defer { position += Int(count) }
        return position..<position + Int(count)
    }

    /// A length-prefixed text; nil unless it is UTF-8.
    mutating func text() -> String? {
        guard let range = content() else { return nil }
        return String(validating: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }
}

/// The tags of length-prefixed and other fields whose number is below 16.
enum WireTag {
    static func lengthPrefixed(_ number: UInt8) -> UInt8 { number << 3 | 2 }
    static func varint(_ number: UInt8) -> UInt8 { number << 3 }
}

/// Writes the fields of one message into memory whose size was reckoned before.
struct WireWriter {
    private let bytes: UnsafeMutableRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

    mutating func byte(_ byte: UInt8) {
        bytes[position] = byte
        position += 1
    }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(rest))
    }

    mutating func content(_ content: UnsafeRawBufferPointer) {
        guard content.count > 0 else { return }
        UnsafeMutableRawBufferPointer(rebasing: bytes[position..<position + content.count])
            .copyMemory(from: content)
        position += content.count
    }

    /// A text field; empty ones are left out, as proto3 has it.
    mutating func text(_ number: UInt8, _ text: String) {
        guard !text.utf8.isEmpty else { return }
        byte(WireTag.lengthPrefixed(number))
        varint(UInt64(text.utf8.count))
        var text = text
        text.withUTF8 { content(UnsafeRawBufferPointer($0)) }
    }

    /// The bytes of a varint.
    static func byteCount(_ value: UInt64) -> Int { (70 - (value | 1).leadingZeroBitCount) / 7 }

    /// The bytes of a length-prefixed field below number 16, tag and length included.
    static func byteCount(ofContent count: Int) -> Int { 1 + byteCount(UInt64(count)) + count }

    /// The bytes of a text field.
    static func byteCount(of text: String) -> Int {
        text.utf8.isEmpty ? 0 : byteCount(ofContent: text.utf8.count)
    }
}
