import Vocabulary

/// Reads serialised protobuf field by field: of the few kinds that the test messages use.
///
/// - Source: protobuf.dev/programming-guides/encoding.
struct FieldReader {
    /// Bytes that are no protobuf.
    struct Failure: Error {}

    enum Value {
        case number(UInt64)
        case bytes(Bytes)
        /// A fixed-width number: no test message has one, so it is skipped.
        case skipped

        /// As an `int32`, `bool` or `enum` field; 0 for a field of another kind.
        var int32: Int32 {
            if case .number(let number) = self { Int32(truncatingIfNeeded: number) } else { 0 }
        }

        /// As a `bytes`, `string` or message field; empty for a field of another kind.
        var bytes: Bytes {
            if case .bytes(let bytes) = self { bytes } else { Bytes() }
        }
    }

    private let bytes: Bytes
    private var position = 0

    /// Calls `visit` with the number and the value of every field, in order.
    static func forEach(
        in bytes: Bytes, _ visit: (UInt64, Value) throws(Failure) -> Void
    ) throws(Failure) {
        var reader = FieldReader(bytes: bytes)
        while reader.position < bytes.count {
            let key = try reader.varint()
            switch key & 7 {
            case 0: try visit(key >> 3, .number(reader.varint()))
            case 1: try visit(key >> 3, reader.skip(8))
            case 2:
                let byteCount = try reader.varint()
                guard byteCount <= UInt64(bytes.count - reader.position) else { throw Failure() }
                let end = reader.position + Int(byteCount)
                try visit(key >> 3, .bytes(bytes[reader.position..<end]))
                reader.position = end
            case 5: try visit(key >> 3, reader.skip(4))
            default: throw Failure()
            }
        }
    }

    private init(bytes: Bytes) { self.bytes = bytes }

    private mutating func varint() throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < bytes.count else { throw Failure() }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Failure()
    }

    private mutating func skip(_ byteCount: Int) throws(Failure) -> Value {
        guard byteCount <= bytes.count - position else { throw Failure() }
        position += byteCount
        return .skipped
    }
}

/// Writes serialised protobuf field by field; zero and empty are left out, as proto3 does.
struct FieldWriter {
    private(set) var content: [UInt8] = []

    var bytes: Bytes { Bytes(content) }

    mutating func number(_ field: UInt64, _ value: Int32) {
        guard value != 0 else { return }
        varint(field << 3)
        varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func bytes(_ field: UInt64, _ value: Bytes) {
        guard !value.isEmpty else { return }
        message(field, value)
    }

    /// A message that is present is written even when it is empty.
    mutating func message(_ field: UInt64, _ value: Bytes) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        value.withUnsafeBytes { content.append(contentsOf: $0) }
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            content.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        content.append(UInt8(rest))
    }
}
