package import Vocabulary

/// A JSON document as it stands in the file: members keep their order, and keys that differ in bytes stay apart.
///
/// Why not `JSONDecoder`: dictionaries of Swift strings take canonically equivalent keys for one, and vocabularies
/// have both "é" and "e" with an accent.
///
/// - Source: RFC 8259.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// A key of an object and what it stands for.
    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: JSONValue

        package init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Arrays and objects inside each other, at most.
    package static let depthMax = 128

    /// Reads `bytes`; `file` is only named in errors.
    package init(parsing bytes: Bytes, file: String) throws(ModelFileError) {
        var parser = JSONParser(bytes: bytes.array, file: file)
        self = try parser.document()
    }

    /// The value of the first member with this key; nil also for JSON's null.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        guard let value = members.first(where: { $0.key.utf8.elementsEqual(key.utf8) })?.value, value != .null else {
            return nil
        }
        return value
    }

    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var int: Int? { if case .integer(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var members: [Member]? { if case .object(let value) = self { value } else { nil } }
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    let file: String
    var offset = 0
    var depth = 0

    init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    private func malformed(_ problem: String) -> ModelFileError {
        ModelFileError(file: file, problem: "is not JSON: \(problem) at byte \(offset)")
    }

    mutating func document() throws(ModelFileError) -> JSONValue {
        let value = try self.value()
        skipSpace()
        guard offset == bytes.count else { throw malformed("more text") }
        return value
    }

    private mutating func skipSpace() {
        while offset < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[offset]) { offset += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private mutating func value() throws(ModelFileError) -> JSONValue {
        LoadPause.takeIfDue()
        skipSpace()
        guard offset < bytes.count else { throw malformed("the end") }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return try nested { parser throws(ModelFileError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { parser throws(ModelFileError) in try parser.list() }
        case UInt8(ascii: "\""): return .string(try text())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(ModelFileError) -> JSONValue
    ) throws(ModelFileError) -> JSONValue {
        guard depth < JSONValue.depthMax else { throw malformed("more than \(JSONValue.depthMax) levels") }
        depth += 1
        offset += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func object() throws(ModelFileError) -> JSONValue {
        var members: [JSONValue.Member] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        while true {
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw malformed("no key") }
            let key = try text()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw malformed("no colon") }
            members.append(.init(key: key, value: try value()))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw malformed("no comma") }
        }
    }

    private mutating func list() throws(ModelFileError) -> JSONValue {
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while true {
            values.append(try value())
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(values) }
            guard take(UInt8(ascii: ",")) else { throw malformed("no comma") }
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(ModelFileError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard take(word.withUTF8Buffer { $0[index] }) else { throw malformed("an unknown word") }
        }
        return value
    }

    private mutating func number() throws(ModelFileError) -> JSONValue {
        let start = offset
        while offset < bytes.count, "+-.0123456789eE".utf8.contains(bytes[offset]) { offset += 1 }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
            throw malformed("an unknown value")
        }
        if let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw malformed("no number") }
        return .number(number)
    }

    private mutating func text() throws(ModelFileError) -> String {
        offset += 1
        var result: [UInt8] = []
        var start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                result += bytes[start..<offset]
                offset += 1
                guard let text = String(validating: result, as: UTF8.self) else { throw malformed("not UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                result += bytes[start..<offset]
                offset += 1
                result += UTF8.encode(try escaped())!
                start = offset
            case 0..<0x20: throw malformed("a control character")
            default: offset += 1
            }
        }
        throw malformed("a text without end")
    }

    private mutating func escaped() throws(ModelFileError) -> Unicode.Scalar {
        guard offset < bytes.count else { throw malformed("a text without end") }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "u"): break
        default: throw malformed("an unknown escape")
        }
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw malformed("half a pair") }
        let second = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(second) else { throw malformed("half a pair") }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))!
    }

    private mutating func hexadecimal() throws(ModelFileError) -> UInt32 {
        guard bytes.count - offset >= 4,
            let value = UInt32(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
        else { throw malformed("an unknown escape") }
        offset += 4
        return value
    }
}
