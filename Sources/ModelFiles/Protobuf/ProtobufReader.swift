package import Vocabulary

/// How a kind of file wants its protobuf messages read: how much of them, and what it says where they are wrong.
package protocol ProtobufFormat {
    associatedtype Limits: ProtobufLimits
    associatedtype Failure: Error

    static func failure(_ problem: ProtobufProblem) -> Failure
}

/// How much of a file a reader accepts.
///
/// Why: a few bytes of protobuf can ask for many times their size in memory; with what a reader keeps of a field,
/// `fieldCountMax` bounds what a hostile file can make it allocate.
package protocol ProtobufLimits {
    /// Messages inside messages.
    var depthMax: Int { get }
    /// Tags in the whole file, those of skipped fields included.
    var fieldCountMax: Int { get }
}

/// Why bytes are no protobuf message, or not the one that was expected.
package enum ProtobufProblem: Error, Equatable, CustomStringConvertible {
    /// The bytes end inside a field.
    case truncated
    /// A length says more bytes than the enclosing message has left.
    case lengthBeyondEnd(length: UInt64, available: Int)
    /// More than ten bytes, or a value past 64 bits.
    case malformedVarint
    /// Field number 0 or past 29 bits, or wire type 3, 4, 6 or 7.
    case malformedTag(UInt64)
    /// A known field with another wire type than its declaration.
    case wrongWireType
    case invalidUTF8
    /// Messages nested deeper than the limit.
    case tooDeep(maximum: Int)
    /// More fields in the file than the limit.
    case tooManyFields(maximum: Int)

    package var description: String {
        switch self {
        case .truncated: "the data ends inside a field"
        case .lengthBeyondEnd(let length, let available): "a length of \(length) bytes, but \(available) are left"
        case .malformedVarint: "an integer of more than 64 bits"
        case .malformedTag(let tag): "no valid field tag: \(tag)"
        case .wrongWireType: "the field has another type than it is declared with"
        case .invalidUTF8: "the text is not UTF-8"
        case .tooDeep(let maximum): "messages nested deeper than \(maximum)"
        case .tooManyFields(let maximum): "more than \(maximum) fields"
        }
    }
}

/// Reads the fields of one protobuf message; nothing is copied and nothing is trusted.
///
/// - Source: Protocol Buffers encoding guide, "Message Structure".
package struct ProtobufReader<Format: ProtobufFormat> {
    /// The payload of a field, by wire type.
    package enum Payload {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(Bytes)
        case fixed32(UInt32)
    }

    /// What stands behind one tag.
    package struct Field {
        package let number: UInt64
        package let payload: Payload
    }

    /// What one decoding has left of its limits, shared by the readers of nested messages.
    package final class Budget {
        package let limits: Format.Limits
        private var fieldCount = 0

        package init(_ limits: Format.Limits) { self.limits = limits }

        fileprivate func takeField() throws(Format.Failure) {
            guard fieldCount < limits.fieldCountMax else {
                throw Format.failure(.tooManyFields(maximum: limits.fieldCountMax))
            }
            fieldCount += 1
        }
    }

    package let budget: Budget
    private let depth: Int
    private let bytes: Bytes
    private var offset = 0

    package init(_ bytes: Bytes, budget: Budget) {
        self.init(bytes, budget: budget, depth: 0)
    }

    private init(_ bytes: Bytes, budget: Budget, depth: Int) {
        self.bytes = bytes
        self.budget = budget
        self.depth = depth
    }

    /// The next field, nil at the end of the message.
    package mutating func next() throws(Format.Failure) -> Field? {
        guard offset < bytes.count else { return nil }
        try budget.takeField()
        let tag = try varint()
        let number = tag >> 3
        guard number > 0, number < 1 << 29 else { throw Format.failure(.malformedTag(tag)) }
        switch tag & 7 {
        case 0: return Field(number: number, payload: .varint(try varint()))
        case 1: return Field(number: number, payload: .fixed64(try fixed(UInt64.self)))
        case 2: return Field(number: number, payload: .bytes(try lengthDelimited()))
        case 5: return Field(number: number, payload: .fixed32(try fixed(UInt32.self)))
        default: throw Format.failure(.malformedTag(tag))
        }
    }

    /// A reader for the message inside `field`.
    package func message(_ field: Field) throws(Format.Failure) -> Self {
        guard depth + 1 < budget.limits.depthMax else {
            throw Format.failure(.tooDeep(maximum: budget.limits.depthMax))
        }
        return Self(try field.bytes(), budget: budget, depth: depth + 1)
    }

    fileprivate var isAtEnd: Bool { offset == bytes.count }

    fileprivate mutating func varint() throws(Format.Failure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard offset < bytes.count else { throw Format.failure(.truncated) }
            let byte = UInt64(bytes[offset])
            offset += 1
            // The tenth byte holds the one bit that is left of 64.
            guard shift < 63 || byte <= 1 else { throw Format.failure(.malformedVarint) }
            value |= (byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    private mutating func fixed<Value: FixedWidthInteger>(_ type: Value.Type) throws(Format.Failure) -> Value {
        let size = MemoryLayout<Value>.size
        guard bytes.count - offset >= size else { throw Format.failure(.truncated) }
        defer { offset += size }
        return bytes.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
    }

    private mutating func lengthDelimited() throws(Format.Failure) -> Bytes {
        let length = try varint()
        let available = bytes.count - offset
        guard length <= UInt64(available) else {
            throw Format.failure(.lengthBeyondEnd(length: length, available: available))
        }
        defer { offset += Int(length) }
        return bytes[offset..<offset + Int(length)]
    }
}

extension ProtobufReader.Field {
    package func bytes() throws(Format.Failure) -> Bytes {
        guard case .bytes(let bytes) = payload else { throw Format.failure(.wrongWireType) }
        return bytes
    }

    package func text() throws(Format.Failure) -> String {
        guard let text = try bytes().utf8String else { throw Format.failure(.invalidUTF8) }
        return text
    }

    /// An `int64`, `int32`, `uint64` or enum.
    package func integer() throws(Format.Failure) -> UInt64 {
        guard case .varint(let value) = payload else { throw Format.failure(.wrongWireType) }
        return value
    }

    package func float() throws(Format.Failure) -> Float {
        guard case .fixed32(let bits) = payload else { throw Format.failure(.wrongWireType) }
        return Float(bitPattern: bits)
    }

    /// Appends the elements of a repeated integer field, packed or one alone, as parsers have to accept both.
    package func appendIntegers<Value>(
        to values: inout [Value], reader: ProtobufReader<Format>, _ convert: (UInt64) -> Value
    ) throws(Format.Failure) {
        guard case .bytes(let packed) = payload else {
            values.append(convert(try integer()))
            return
        }
        var elements = ProtobufReader<Format>(packed, budget: reader.budget)
        while !elements.isAtEnd { values.append(convert(try elements.varint())) }
    }

    /// The little-endian bytes of a repeated `float` or `double` field, packed or one alone, appended to `data`.
    package func appendFixedBytes(to data: inout [UInt8], elementByteCount: Int) throws(Format.Failure) {
        switch payload {
        case .bytes(let packed):
            guard packed.count.isMultiple(of: elementByteCount) else { throw Format.failure(.truncated) }
            packed.withUnsafeBytes { data.append(contentsOf: $0) }
        case .fixed32(let bits) where elementByteCount == 4:
            withUnsafeBytes(of: bits.littleEndian) { data.append(contentsOf: $0) }
        case .fixed64(let bits) where elementByteCount == 8:
            withUnsafeBytes(of: bits.littleEndian) { data.append(contentsOf: $0) }
        default: throw Format.failure(.wrongWireType)
        }
    }
}
