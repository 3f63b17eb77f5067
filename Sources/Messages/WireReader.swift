import Vocabulary

/// Reads the fields of serialised protobuf, one after the other, without a schema.
///
/// Only for descriptors, which protobuf-c knows nothing of and which are our own: what comes from a peer goes through
/// `Message`.
///
/// - Source: protobuf.dev/programming-guides/encoding.
struct WireReader: IteratorProtocol, Sequence {
    /// A field number and what stands there.
    struct Field {
        let number: Int
        let value: Value
    }

    /// What a field holds, as far as its wire type tells.
    enum Value {
        case varint(UInt64)
        case fixed32
        case fixed64
        case bytes(Bytes)
    }

    private let bytes: Bytes
    private(set) var position = 0

    init(_ bytes: Bytes) {
        self.bytes = bytes
    }

    /// The next field; nil at the end, and where the bytes are no protobuf.
    mutating func next() -> Field? {
        guard position < bytes.count, let key = varint() else { return nil }
        let value: Value? =
            switch key & 7 {
            case 0: varint().map(Value.varint)
            case 1: take(8).map { _ in .fixed64 }
            case 2: varint().flatMap { take($0) }.map(Value.bytes)
            case 5: take(4).map { _ in .fixed32 }
            default: nil
            }
        guard let value else {
            position = bytes.count
            return nil
        }
        return Field(number: Int(key >> 3), value: value)
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private mutating func take(_ byteCount: UInt64) -> Bytes? {
        guard byteCount <= UInt64(bytes.count - position) else { return nil }
        let start = position
        position += Int(byteCount)
        return bytes[start..<position]
    }
}

extension WireReader {
    /// The contents of the length-prefixed fields of that number.
    static func contents(of bytes: Bytes, number: Int) -> [Bytes] {
        WireReader(bytes).compactMap { field in
            guard field.number == number, case .bytes(let contents) = field.value else { return nil }
            return contents
        }
    }

    /// The text of the last field of that number, empty when there is none.
    static func text(of bytes: Bytes, number: Int) -> String {
        contents(of: bytes, number: number).last?.utf8String ?? ""
    }
}
