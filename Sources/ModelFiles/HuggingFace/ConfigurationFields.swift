import Vocabulary

/// The fields of a `config.json`, or of an object in it, checked as they are read.
///
/// A field that is null counts as missing, except to `isNull`. Errors name the file and the path of the field.
package struct ConfigurationFields: Sendable {
    package let file: String
    /// Names of the objects around, each followed by a dot.
    private let path: String
    private let values: [String: FieldValue]

    /// Reads the object in the file at `path`.
    ///
    /// - Throws: `ModelFileError` when there is none.
    package init(path file: String) throws(ModelFileError) {
        self.init(
            file: file, path: "",
            values: try JSONFile.decode([String: FieldValue].self, path: file, byteCountMax: 1 << 20))
    }

    private init(file: String, path: String, values: [String: FieldValue]) {
        self.file = file
        self.path = path
        self.values = values
    }

    /// An error about the field of that name.
    package func error(_ name: String, _ problem: String) -> ModelFileError {
        ModelFileError(file: file, field: "\"\(path)\(name)\"", problem: problem)
    }

    /// Whether the field has a value.
    package func has(_ name: String) -> Bool { value(name) != nil }

    /// Whether the field is there, and null.
    package func isNull(_ name: String) -> Bool { values[name] == .null }

    private func value(_ name: String) -> FieldValue? { values[name].flatMap { $0 == .null ? nil : $0 } }

    /// A size in `1...max`; `fallback` when it is missing.
    package func size(_ name: String, max: Int, or fallback: Int? = nil) throws(ModelFileError) -> Int {
        guard let size = try optionalSize(name, max: max) ?? fallback else { throw error(name, "is missing") }
        return size
    }

    /// A size in `1...max`, nil when it is missing.
    package func optionalSize(_ name: String, max: Int) throws(ModelFileError) -> Int? {
        guard let value = value(name) else { return nil }
        guard case .integer(let size) = value else { throw error(name, "expected a whole number, got \(value)") }
        guard (1...max).contains(size) else { throw error(name, "expected 1...\(max), got \(size)") }
        return size
    }

    /// A finite number, nil when it is missing.
    package func number(_ name: String) throws(ModelFileError) -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.number, number.isFinite else { throw error(name, "expected a number, got \(value)") }
        return number
    }

    /// A number greater than zero, nil when it is missing.
    package func positiveNumber(_ name: String) throws(ModelFileError) -> Double? {
        guard let number = try number(name) else { return nil }
        guard number > 0, Float(number).isNormal else { throw error(name, "expected more than 0, got \(number)") }
        return number
    }

    /// `count` numbers greater than zero.
    package func positiveNumbers(_ name: String, count: Int) throws(ModelFileError) -> [Double] {
        guard let value = value(name) else { throw error(name, "is missing") }
        guard case .array(let elements) = value else { throw error(name, "expected \(count) numbers, got \(value)") }
        let numbers = elements.compactMap(\.number).filter { $0 > 0 && $0.isFinite }
        guard elements.count == count, numbers.count == count else {
            throw error(name, "expected \(count) numbers greater than 0, got \(elements.count) elements")
        }
        return numbers
    }

    package func flag(_ name: String) throws(ModelFileError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .bool(let flag) = value else { throw error(name, "expected true or false, got \(value)") }
        return flag
    }

    package func string(_ name: String) throws(ModelFileError) -> String? {
        guard let value = value(name) else { return nil }
        guard case .string(let text) = value else { throw error(name, "expected a string, got \(value)") }
        return text
    }

    /// A list of strings, nil when it is missing.
    package func strings(_ name: String) throws(ModelFileError) -> [String]? {
        guard let value = value(name) else { return nil }
        guard case .array(let elements) = value else { throw error(name, "expected a list, got \(value)") }
        var strings: [String] = []
        for element in elements {
            guard case .string(let text) = element else { throw error(name, "expected strings, got \(element)") }
            strings.append(text)
        }
        return strings
    }

    /// One token id or a list of them, each in `0 ..< vocabularySize`.
    package func tokenIDs(_ name: String, vocabularySize: Int) throws(ModelFileError) -> [Int32] {
        let elements: [FieldValue] =
            switch value(name) {
            case nil: []
            case .array(let elements)?: elements
            case let one?: [one]
            }
        var ids: [Int32] = []
        for element in elements {
            guard case .integer(let id) = element, (0..<vocabularySize).contains(id) else {
                throw error(name, "\(element) is not in the vocabulary of \(vocabularySize)")
            }
            ids.append(Int32(id))
        }
        return ids
    }

    /// The fields of an object, nil when it is missing.
    package func object(_ name: String) throws(ModelFileError) -> ConfigurationFields? {
        guard let value = value(name) else { return nil }
        guard case .object(let values) = value else { throw error(name, "expected an object, got \(value)") }
        return ConfigurationFields(file: file, path: "\(path)\(name).", values: values)
    }

    /// Refuses a field that has another value than the one the result would not change for.
    package func require(_ name: String, _ flag: Bool) throws(ModelFileError) {
        if let value = try self.flag(name), value != flag {
            throw error(name, "is not supported, expected \(flag)")
        }
    }

    /// Refuses a field that has a value.
    package func refuse(_ name: String) throws(ModelFileError) {
        if has(name) { throw error(name, "is not supported, expected null") }
    }
}

/// What stands in a field.
private enum FieldValue: Decodable, Sendable, Equatable, CustomStringConvertible {
    case null
    case bool(Bool)
    case integer(Int)
    case real(Double)
    case string(String)
    case array([FieldValue])
    case object([String: FieldValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .real(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([FieldValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: FieldValue].self))
        }
    }

    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }

    /// Short, for messages.
    var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .string(let value): "\"\(value.shown())\""
        case .array(let elements): "a list of \(elements.count)"
        case .object: "an object"
        }
    }
}
