/// Writes the fields of one message into memory whose size was reckoned before.
@usableFromInline
package struct WireWriter {
    @usableFromInline let bytes: UnsafeMutableRawBufferPointer
    @usableFromInline package internal(set) var position = 0

    @inlinable
    package init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

    /// One byte, such as a tag.
    @inlinable
    package mutating func byte(_ byte: UInt8) {
        bytes[position] = byte
        position += 1
    }

    /// An integer in as few bytes as it takes.
    @inlinable
    package mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(rest))
    }

    /// A run of bytes as they are.
    @inlinable
    package mutating func content(_ content: UnsafeRawBufferPointer) {
        guard content.count > 0 else { return }
        UnsafeMutableRawBufferPointer(rebasing: bytes[position..<position + content.count])
            .copyMemory(from: content)
        position += content.count
    }

    /// A text field; empty ones are left out, as proto3 has it.
    @inlinable
    package mutating func text(_ number: UInt8, _ text: String) {
        guard !text.utf8.isEmpty else { return }
        byte(WireTag.lengthPrefixed(number))
        varint(UInt64(text.utf8.count))
        var text = text
        text.withUTF8 { content(UnsafeRawBufferPointer($0)) }
    }

    /// The bytes of a varint.
    @inlinable
    package static func byteCount(_ value: UInt64) -> Int { (70 - (value | 1).leadingZeroBitCount) / 7 }

    /// The bytes of a length-prefixed field below number 16, tag and length included.
    @inlinable
    package static func byteCount(ofContent count: Int) -> Int { 1 + byteCount(UInt64(count)) + count }

    /// The bytes of a text field.
    @inlinable
    package static func byteCount(of text: String) -> Int {
        text.utf8.isEmpty ? 0 : byteCount(ofContent: text.utf8.count)
    }
}
