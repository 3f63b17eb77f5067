import Vocabulary

/// A JSON value, with the keys of objects in the order they came and numbers as they were written.
package indirect enum JSONText: Equatable, Sendable {
    case object([Member])
    case array([JSONText])
    case string(String)
    case number(String)
    case bool(Bool)
    case null

    /// A key and its value.
    package struct Member: Equatable, Sendable {
        package let key: String
        package let value: JSONText
    }

    /// Values within values.
    static let depthMax = 128

    /// Reads a whole text.
    ///
    /// - Throws: what is wrong, and at which byte; also for an object with a key twice.
    /// - Source: RFC 8259.
    package init(parsing text: String) throws(JSONTextError) {
        var reader = JSONTextReader(Array(text.utf8))
        self = try reader.read()
    }

    /// The value of a key; nil when this is no object or does not have it.
    subscript(key: String) -> JSONText? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// As text without white space, except that strings are written as `escaped` has it.
    package var text: String {
        switch self {
        case .object(let members):
            "{" + members.map { "\(Self.quoted($0.key)):\($0.value.text)" }.joined(separator: ",") + "}"
        case .array(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
        case .string(let string): Self.quoted(string)
        case .number(let digits): digits
        case .bool(let value): value ? "true" : "false"
        case .null: "null"
        }
    }

    /// What JSON Schema calls it.
    var typeName: String {
        switch self {
        case .object: "object"
        case .array: "array"
        case .string: "string"
        case .number: "number"
        case .bool: "boolean"
        case .null: "null"
        }
    }

    static func quoted(_ string: String) -> String {
        "\"" + string.unicodeScalars.map(escaped).joined() + "\""
    }

    /// A character as it stands in a string.
    ///
    /// - Source: RFC 8259, section 7.
    static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\u{08}": return "\\b"
        case "\u{0C}": return "\\f"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\0"..."\u{1F}":
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: return String(scalar)
        }
    }
}

/// Why a text is not JSON.
package struct JSONTextError: Error, Equatable {
    package let problem: String
}

/// Reads JSON by recursive descent.
private struct JSONTextReader {
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func read() throws(JSONTextError) -> JSONText {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw error("something behind the value") }
        return value
    }

    private func error(_ problem: String) -> JSONTextError {
        JSONTextError(problem: "\(problem), at byte \(position)")
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(JSONTextError) -> JSONText {
        skipSpace()
        depth += 1
        defer { depth -= 1 }
        guard depth <= JSONText.depthMax else { throw error("more than \(JSONText.depthMax) values deep") }
        switch peek {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw error("the end, where a value was expected")
        case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte): return .number(try number())
        default: throw error("no value")
        }
    }

    private mutating func word(_ word: String, _ value: JSONText) throws(JSONTextError) -> JSONText {
        guard bytes[position...].starts(with: word.utf8) else { throw error("no value") }
        position += word.utf8.count
        return value
    }

    private mutating func object() throws(JSONTextError) -> JSONText {
        position += 1
        var members: [JSONText.Member] = []
        var keys: Set<String> = []
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw error("no key") }
            let key = try string()
            guard keys.insert(key).inserted else { throw error("the key \"\(key.shown())\" twice") }
            guard take(":") else { throw error("no : behind a key") }
            members.append(JSONText.Member(key: key, value: try value()))
        } while take(",")
        guard take("}") else { throw error("no , or } behind a value") }
        return .object(members)
    }

    private mutating func array() throws(JSONTextError) -> JSONText {
        position += 1
        var elements: [JSONText] = []
        if take("]") { return .array([]) }
        repeat { elements.append(try value()) } while take(",")
        guard take("]") else { throw error("no , or ] behind a value") }
        return .array(elements)
    }

    private mutating func number() throws(JSONTextError) -> String {
        let start = position
        if peek == UInt8(ascii: "-") { position += 1 }
        let leading = peek
        guard skipDigits() > 0 else { throw error("no digit") }
        let isPlain = bytes[start] == UInt8(ascii: "-") ? position - start == 2 : position - start == 1
        guard leading != UInt8(ascii: "0") || isPlain else { throw error("a number that begins with 0") }
        if peek == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() > 0 else { throw error("no digit behind the point") }
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() > 0 else { throw error("no digit in the exponent") }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte = peek, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(JSONTextError) -> String {
        position += 1
        var content: [UInt8] = []
        while true {
            guard let byte = peek else { throw error("a string without its end") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                // The bytes are those of a String, and escapes add whole characters.
                return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"): content += String(Character(try escape())).utf8
            case 0..<0x20: throw error("a control character in a string")
            default: content.append(byte)
            }
        }
    }

    private mutating func escape() throws(JSONTextError) -> Unicode.Scalar {
        guard let byte = peek else { throw error("a string without its end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try codeUnit()
            if let scalar = Unicode.Scalar(unit) { return scalar }
            guard unit < 0xDC00, peek == UInt8(ascii: "\\") else { throw error("half a surrogate pair") }
            position += 1
            guard peek == UInt8(ascii: "u") else { throw error("half a surrogate pair") }
            position += 1
            let low = try codeUnit()
            guard (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            else { throw error("half a surrogate pair") }
            return scalar
        default: throw error("an escape that JSON does not have")
        }
    }

    private mutating func codeUnit() throws(JSONTextError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw error("no hex digit")
            }
            value = value * 16 + UInt32(digit)
            position += 1
        }
        return value
    }
}
