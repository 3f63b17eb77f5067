import Vocabulary

/// Goes along the bytes of one message, field by field, without a schema and without allocation.
///
/// Stricter than a decoder has to be: whatever it does not like is `nil`, and protobuf-c decides what to say about it.
///
/// - Source: protobuf.dev/programming-guides/encoding.
@usableFromInline
package struct WireCursor {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    @usableFromInline package internal(set) var position: Int
    @usableFromInline let end: Int

    @inlinable
    package init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "\(range) of \(bytes.count) bytes")
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    @inlinable
    package var isAtEnd: Bool { position == end }

    /// The tag of the next field: its number and its wire type.
    @inlinable
    package mutating func tag() -> UInt8? {
        guard position < end, bytes[position] < 0x80 else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    /// An integer of at most 64 bits.
    @inlinable
    package mutating func varint() -> UInt64? {
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
    @inlinable
    package mutating func content() -> Range<Int>? {
        guard let count = varint(), count <= UInt64(end - position) else { return nil }
        defer { position += Int(count) }
        return position..<position + Int(count)
    }

    /// Passes over a value of a wire type; false when there is none.
    package mutating func skipValue(ofType type: UInt8) -> Bool {
        func skip(_ byteCount: Int) -> Bool {
            guard byteCount <= end - position else { return false }
            position += byteCount
            return true
        }
        return switch type {
        case 0: varint() != nil
        case 1: skip(8)
        case 2: content() != nil
        case 5: skip(4)
        default: false
        }
    }

    /// A length-prefixed text; nil unless it is UTF-8.
    package mutating func text() -> String? {
        guard let range = content() else { return nil }
        return String(utf8: UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
}

/// The tags of length-prefixed and other fields whose number is below 16.
@usableFromInline
package enum WireTag {
    @inlinable
    package static func lengthPrefixed(_ number: UInt8) -> UInt8 { number << 3 | 2 }
    @inlinable
    package static func varint(_ number: UInt8) -> UInt8 { number << 3 }
}
