package import Vocabulary

/// A value of the metadata of a GGUF file.
package enum GGUFValue: Sendable, Equatable {
    /// Of any width, signed or not.
    case integer(Int64)
    /// An unsigned one that no `Int64` holds.
    case large(UInt64)
    case float(Double)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)

    /// Short, for messages.
    package var summary: String {
        switch self {
        case .integer(let value): "\(value)"
        case .large(let value): "\(value)"
        case .float(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): "\"\(value.shown())\""
        case .array(let array): "a list of \(array.count)"
        }
    }
}

/// An array of the metadata of a GGUF file, read when it is asked for: vocabularies are large.
package struct GGUFArray: Sendable, Equatable {
    /// The type of the elements, as in the file.
    let elementType: GGUFValueType
    package let count: Int
    /// The elements as they stand in the file; their layout was checked.
    let data: Bytes

    /// The elements, when they are whole numbers of at most 63 bits or truth values (0 and 1), or else nil.
    package var integers: [Int64]? {
        guard elementType.isInteger || elementType == .bool else { return nil }
        var cursor = GGUFCursor(data, file: "")
        var values: [Int64] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            switch try? elementType.scalar(&cursor, "") {
            case .integer(let value): values.append(value)
            case .bool(let value): values.append(value ? 1 : 0)
            default: return nil
            }
        }
        return values
    }

    /// The elements, when they are F32 or F64; nil when they are others.
    package var floats: [Float]? {
        guard elementType == .float32 || elementType == .float64 else { return nil }
        var cursor = GGUFCursor(data, file: "")
        var values: [Float] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            guard case .float(let value)? = try? elementType.scalar(&cursor, "") else { return nil }
            values.append(Float(value))
        }
        return values
    }

    /// The bytes of the elements, when they are strings, which need not be UTF-8; nil when they are others.
    package var strings: [Bytes]? {
        guard elementType == .string else { return nil }
        var cursor = GGUFCursor(data, file: "")
        var values: [Bytes] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            guard let string = try? cursor.string("") else { return nil }
            values.append(string)
        }
        return values
    }

    /// The elements, when they are arrays; nil when they are others.
    package var arrays: [GGUFArray]? {
        guard elementType == .array else { return nil }
        var cursor = GGUFCursor(data, file: "")
        var values: [GGUFArray] = []
        for _ in 0..<count {
            guard let array = try? GGUFArray(&cursor, depth: 0, "") else { return nil }
            values.append(array)
        }
        return values
    }
}

/// The types of metadata values by their numbers in the file.
///
/// - Source: the GGUF specification, `gguf_metadata_value_type`.
enum GGUFValueType: UInt32, Sendable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// The fewest bytes that a value takes.
    var byteCountMin: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .string: 8
        case .array: 12
        }
    }

    var isInteger: Bool {
        switch self {
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: true
        case .float32, .float64, .bool, .string, .array: false
        }
    }

    init(_ cursor: inout GGUFCursor, _ field: String) throws(ModelFileError) {
        let number = try cursor.number(UInt32.self, field)
        guard let type = GGUFValueType(rawValue: number) else {
            throw ModelFileError(file: cursor.file, field: field, problem: "has unknown value type \(number)")
        }
        self = type
    }

    /// The next value, of this type.
    func value(_ cursor: inout GGUFCursor, _ field: String) throws(ModelFileError) -> GGUFValue {
        switch self {
        case .array: return .array(try GGUFArray(&cursor, depth: 0, field))
        case .string:
            guard let text = try cursor.string(field).utf8String else {
                throw ModelFileError(file: cursor.file, field: field, problem: "is not UTF-8")
            }
            return .string(text)
        default: return try scalar(&cursor, field)
        }
    }

    /// - Precondition: not a string, not an array.
    func scalar(_ cursor: inout GGUFCursor, _ field: String) throws(ModelFileError) -> GGUFValue {
        switch self {
        case .uint8: return .integer(Int64(try cursor.number(UInt8.self, field)))
        case .int8: return .integer(Int64(try cursor.number(Int8.self, field)))
        case .uint16: return .integer(Int64(try cursor.number(UInt16.self, field)))
        case .int16: return .integer(Int64(try cursor.number(Int16.self, field)))
        case .uint32: return .integer(Int64(try cursor.number(UInt32.self, field)))
        case .int32: return .integer(Int64(try cursor.number(Int32.self, field)))
        case .int64: return .integer(try cursor.number(Int64.self, field))
        case .uint64:
            let value = try cursor.number(UInt64.self, field)
            return Int64(exactly: value).map(GGUFValue.integer) ?? .large(value)
        case .float32: return .float(Double(Float(bitPattern: try cursor.number(UInt32.self, field))))
        case .float64: return .float(Double(bitPattern: try cursor.number(UInt64.self, field)))
        case .bool:
            let byte = try cursor.number(UInt8.self, field)
            guard byte <= 1 else {
                throw ModelFileError(file: cursor.file, field: field, problem: "expected 0 or 1, got \(byte)")
            }
            return .bool(byte == 1)
        case .string, .array: preconditionFailure("\(self) is not a scalar")
        }
    }
}

extension GGUFArray {
    /// Deeper nesting is refused.
    static let depthMax = 4

    /// Reads the type and count, and moves past the elements, which are only checked.
    init(_ cursor: inout GGUFCursor, depth: Int, _ field: String) throws(ModelFileError) {
        guard depth < Self.depthMax else {
            throw ModelFileError(file: cursor.file, field: field, problem: "is nested more than \(Self.depthMax) deep")
        }
        let type = try GGUFValueType(&cursor, field)
        let count = try cursor.count(ofAtLeast: type.byteCountMin, field)
        let start = cursor.offset
        switch type {
        case .string: for _ in 0..<count { _ = try cursor.string(field) }
        case .array: for _ in 0..<count { _ = try GGUFArray(&cursor, depth: depth + 1, field) }
        case .bool: for _ in 0..<count { _ = try type.scalar(&cursor, field) }
        default: try cursor.skip(byteCount: UInt64(count * type.byteCountMin), field)
        }
        self.init(elementType: type, count: count, data: cursor.bytes[start..<cursor.offset])
    }
}
