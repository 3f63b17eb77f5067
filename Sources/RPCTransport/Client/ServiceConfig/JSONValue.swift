/// JSON text as values: strict, and bounded in depth.
///
/// Why not Foundation: this module is on the way of every call, and a service configuration is all the JSON it reads.
/// - Source: RFC 8259.
enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// In order; names are unique.
    case object([Member])

    struct Member: Equatable, Sendable {
        let name: String
        let value: JSONValue
    }

    /// Arrays and objects within each other, at most.
    static let depthMax = 32

    /// Reads one value and nothing after it.
    ///
    /// - Throws: `JSONError` with the position of the first byte that is wrong.
    init(_ text: String) throws(JSONError) {
        var parser = JSONParser(Array(text.utf8))
        self = try parser.parseDocument()
    }
}

/// Where text stops being JSON.
struct JSONError: Error, Equatable, Sendable {
    /// In UTF-8 bytes.
    let byteOffset: Int
}

/// A recursive-descent parser over UTF-8.
private struct JSONParser {
    private let text: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ text: [UInt8]) { self.text = text }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        let value = try parseValue()
        skipSpace()
        guard position == text.count else { throw error }
        return value
    }

    private var error: JSONError { JSONError(byteOffset: position) }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipSpace() {
        while let next, [0x20, 0x09, 0x0A, 0x0D].contains(next) { position += 1 }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard next == character.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Character) throws(JSONError) {
        guard take(character) else { throw error }
    }

    private mutating func parseValue() throws(JSONError) -> JSONValue {
        skipSpace()
        switch next.map({ Character(UnicodeScalar($0)) }) {
        case "{": return try nested { (parser) throws(JSONError) in try parser.parseObject() }
        case "[": return try nested { (parser) throws(JSONError) in try parser.parseArray() }
        case "\"": return .string(try parseString())
        case "t": return try parse(word: "true", .bool(true))
        case "f": return try parse(word: "false", .bool(false))
        case "n": return try parse(word: "null", .null)
        default: return .number(try parseNumber())
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard depth < JSONValue.depthMax else { throw error }
        depth += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func parse(word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard text[position...].starts(with: word.utf8) else { throw error }
        position += word.utf8.count
        return value
    }

    private mutating func parseObject() throws(JSONError) -> JSONValue {
        try expect("{")
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            let name = try parseString()
            guard names.insert(name).inserted else { throw error }
            try expect(":")
            members.append(JSONValue.Member(name: name, value: try parseValue()))
        } while take(",")
        try expect("}")
        return .object(members)
    }

    private mutating func parseArray() throws(JSONError) -> JSONValue {
        try expect("[")
        var values: [JSONValue] = []
        if take("]") { return .array([]) }
        repeat { values.append(try parseValue()) } while take(",")
        try expect("]")
        return .array(values)
    }

    private mutating func parseString() throws(JSONError) -> String {
        guard next == UInt8(ascii: "\"") else { throw error }
        position += 1
        var bytes: [UInt8] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw error }
            position += 1
            if byte == UInt8(ascii: "\\") { try parseEscape(into: &bytes) } else { bytes.append(byte) }
        }
        guard next != nil else { throw error }
        position += 1
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func parseEscape(into bytes: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw error }
        position += 1
        switch Character(UnicodeScalar(byte)) {
        case "\"", "\\", "/": bytes.append(byte)
        case "b": bytes.append(0x08)
        case "f": bytes.append(0x0C)
        case "n": bytes.append(0x0A)
        case "r": bytes.append(0x0D)
        case "t": bytes.append(0x09)
        case "u": bytes += Array(String(Character(try parseScalar())).utf8)
        default: throw error
        }
    }

    /// Four hexadecimal digits, or two surrogates of four each.
    private mutating func parseScalar() throws(JSONError) -> UnicodeScalar {
        let unit = try parseHex()
        guard (0xD800..<0xE000).contains(unit) else { return UnicodeScalar(unit)! }
        guard unit < 0xDC00, text[position...].starts(with: "\\u".utf8) else { throw error }
        position += 2
        let low = try parseHex()
        guard (0xDC00..<0xE000).contains(low) else { throw error }
        return UnicodeScalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))!
    }

    private mutating func parseHex() throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(UnicodeScalar(byte)).hexDigitValue else { throw error }
            unit = unit << 4 + UInt32(digit)
            position += 1
        }
        return unit
    }

    /// An optional minus, digits without a leading zero, perhaps a fraction and an exponent.
    private mutating func parseNumber() throws(JSONError) -> Double {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") { position += 1 } else { try parseDigits() }
        if next == UInt8(ascii: ".") {
            position += 1
            try parseDigits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try parseDigits()
        }
        guard let number = Double(String(decoding: text[start..<position], as: UTF8.self)), number.isFinite else {
            throw error
        }
        return number
    }

    private mutating func parseDigits() throws(JSONError) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw error }
    }
}
