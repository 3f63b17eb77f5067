import Vocabulary

/// How much of a file a reader accepts.
///
/// Why: a few bytes of protobuf can ask for many times their size in memory; each field we keep costs at most about
/// 200 bytes, so `fieldCountMax` bounds what a hostile file can make us allocate.
package struct ONNXLimits: Sendable {
    /// Messages inside messages.
    package var depthMax = 24
    /// Tags in the whole file, those of skipped fields included.
    package var fieldCountMax = 4_000_000
    /// Extents of one tensor or value.
    package var rankMax = 16

    package init() {}
}

/// What one decoding has left of its limits, shared by the readers of nested messages.
final class ProtobufBudget {
    let limits: ONNXLimits
    private var fieldCount = 0

    init(_ limits: ONNXLimits) { self.limits = limits }

    func takeField() throws(ONNXError) {
        guard fieldCount < limits.fieldCountMax else { throw ONNXError(.tooManyFields(maximum: limits.fieldCountMax)) }
        fieldCount += 1
    }
}

/// Reads the fields of one protobuf message; nothing is copied and nothing is trusted.
///
/// - Source: Protocol Buffers encoding guide, "Message Structure".
struct ProtobufReader {
    /// The payload of a field, by wire type.
    enum Payload {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(Bytes)
        case fixed32(UInt32)
    }

    struct Field {
        let number: UInt64
        let payload: Payload
    }

    let budget: ProtobufBudget
    private let depth: Int
    private let bytes: Bytes
    private var offset = 0

    init(_ bytes: Bytes, budget: ProtobufBudget) {
        self.init(bytes, budget: budget, depth: 0)
    }

    private init(_ bytes: Bytes, budget: ProtobufBudget, depth: Int) {
        self.bytes = bytes
        self.budget = budget
        self.depth = depth
    }

    /// The next field, nil at the end of the message.
    mutating func next() throws(ONNXError) -> Field? {
        guard offset < bytes.count else { return nil }
        try budget.takeField()
        let tag = try varint()
        let number = tag >> 3
        guard number > 0, number < 1 << 29 else { throw ONNXError(.malformedTag(tag)) }
        switch tag & 7 {
        case 0: return Field(number: number, payload: .varint(try varint()))
        case 1: return Field(number: number, payload: .fixed64(try fixed(UInt64.self)))
        case 2: return Field(number: number, payload: .bytes(try lengthDelimited()))
        case 5: return Field(number: number, payload: .fixed32(try fixed(UInt32.self)))
        default: throw ONNXError(.malformedTag(tag))
        }
    }

    /// A reader for the message inside `field`.
    func message(_ field: Field) throws(ONNXError) -> ProtobufReader {
        guard depth + 1 < budget.limits.depthMax else { throw ONNXError(.tooDeep(maximum: budget.limits.depthMax)) }
        return ProtobufReader(try field.bytes(), budget: budget, depth: depth + 1)
    }

    fileprivate var isAtEnd: Bool { offset == bytes.count }

    fileprivate mutating func varint() throws(ONNXError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard offset < bytes.count else { throw ONNXError(.truncated) }
            let byte = UInt64(bytes[offset])
            offset += 1
            // The tenth byte holds the one bit that is left of 64.
            guard shift < 63 || byte <= 1 else { throw ONNXError(.malformedVarint) }
            value |= (byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    private mutating func fixed<Value: FixedWidthInteger>(_ type: Value.Type) throws(ONNXError) -> Value {
        let size = MemoryLayout<Value>.size
        guard bytes.count - offset >= size else { throw ONNXError(.truncated) }
        defer { offset += size }
        return bytes.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
    }

    private mutating func lengthDelimited() throws(ONNXError) -> Bytes {
        let length = try varint()
        let available = bytes.count - offset
        guard length <= UInt64(available) else {
            throw ONNXError(.lengthBeyondEnd(length: length, available: available))
        }
        defer { offset += Int(length) }
        return bytes[offset..<offset + Int(length)]
    }
}

extension ProtobufReader.Field {
    func bytes() throws(ONNXError) -> Bytes {
        guard case .bytes(let bytes) = payload else { throw ONNXError(.wrongWireType) }
        return bytes
    }

    func text() throws(ONNXError) -> String {
        guard let text = try bytes().utf8String else { throw ONNXError(.invalidUTF8) }
        return text
    }

    /// An `int64`, `int32`, `uint64` or enum.
    func integer() throws(ONNXError) -> UInt64 {
        guard case .varint(let value) = payload else { throw ONNXError(.wrongWireType) }
        return value
    }

    func float() throws(ONNXError) -> Float {
        guard case .fixed32(let bits) = payload else { throw ONNXError(.wrongWireType) }
        return Float(bitPattern: bits)
    }

    /// Appends the elements of a repeated integer field, packed or one alone, as parsers have to accept both.
    func appendIntegers<Value>(
        to values: inout [Value], reader: ProtobufReader, _ convert: (UInt64) -> Value
    ) throws(ONNXError) {
        guard case .bytes(let packed) = payload else {
            values.append(convert(try integer()))
            return
        }
        var elements = ProtobufReader(packed, budget: reader.budget)
        while !elements.isAtEnd { values.append(convert(try elements.varint())) }
    }

    /// The little-endian bytes of a repeated `float` or `double` field, packed or one alone, appended to `data`.
    func appendFixedBytes(to data: inout [UInt8], elementByteCount: Int) throws(ONNXError) {
        switch payload {
        case .bytes(let packed):
            guard packed.count.isMultiple(of: elementByteCount) else { throw ONNXError(.truncated) }
            packed.withUnsafeBytes { data.append(contentsOf: $0) }
        case .fixed32(let bits) where elementByteCount == 4:
            withUnsafeBytes(of: bits.littleEndian) { data.append(contentsOf: $0) }
        case .fixed64(let bits) where elementByteCount == 8:
            withUnsafeBytes(of: bits.littleEndian) { data.append(contentsOf: $0) }
        default: throw ONNXError(.wrongWireType)
        }
    }
}
