package import ModelFiles

/// A value of a chat template.
package enum TemplateValue: Sendable, Equatable {
    case undefined
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case list([TemplateValue])
    /// In the order that the members were given.
    case map([Member])

    /// A key and what it stands for.
    package struct Member: Sendable, Equatable {
        package var key: String
        package var value: TemplateValue

        package init(_ key: String, _ value: TemplateValue) {
            self.key = key
            self.value = value
        }
    }

    /// The value that JSON text means.
    package init(_ json: JSONValue) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .int(value)
        case .number(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .array(let values): self = .list(values.map(TemplateValue.init))
        case .object(let members): self = .map(members.map { Member($0.key, TemplateValue($0.value)) })
        }
    }

    /// The member of a map; undefined where there is none.
    subscript(key: String) -> TemplateValue {
        guard case .map(let members) = self else { return .undefined }
        return members.first { $0.key == key }?.value ?? .undefined
    }

    /// What counts as true, as in Python.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .double(let value): value != 0
        case .string(let value): !value.isEmpty
        case .list(let values): !values.isEmpty
        case .map(let members): !members.isEmpty
        }
    }

    var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// Python's name of the type, for errors.
    var typeName: String {
        switch self {
        case .undefined: "undefined"
        case .none: "none"
        case .bool: "bool"
        case .int: "int"
        case .double: "float"
        case .string: "str"
        case .list: "list"
        case .map: "dict"
        }
    }

    /// As Python compares: numbers by value, whatever their types.
    func equals(_ other: TemplateValue) -> Bool {
        switch (self, other) {
        case (.string(let left), .string(let right)): return left.unicodeScalars.elementsEqual(right.unicodeScalars)
        case (.list(let left), .list(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.equals($1) }
        default:
            if let left = number, let right = other.number { return left == right }
            return self == other
        }
    }

    /// What `{{ }}` writes: Python's `str`.
    var text: String {
        switch self {
        case .undefined: ""
        case .string(let value): value
        default: quoted
        }
    }

    /// Python's `repr`.
    private var quoted: String {
        switch self {
        case .undefined: return "Undefined"
        case .none: return "None"
        case .bool(let value): return value ? "True" : "False"
        case .int(let value): return String(value)
        case .double(let value): return "\(value)"
        case .string(let value):
            let quote = value.contains("'") && !value.contains("\"") ? "\"" : "'"
            var result = quote
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\n": result += "\\n"
                case "\r": result += "\\r"
                case "\t": result += "\\t"
                case "\\": result += "\\\\"
                default:
                    if String(scalar) == quote { result += "\\" }
                    result.unicodeScalars.append(scalar)
                }
            }
            return result + quote
        case .list(let values): return "[" + values.map(\.quoted).joined(separator: ", ") + "]"
        case .map(let members):
            return "{"
                + members.map { "\(TemplateValue.string($0.key).quoted): \($0.value.quoted)" }
                .joined(separator: ", ") + "}"
        }
    }

    /// JSON as `tojson` of chat templates writes it: `", "` and `": "` between things, other than ASCII as it is.
    func json(indent: Int?, level: Int = 0) -> String {
        func block(_ open: String, _ items: [String], _ close: String) -> String {
            guard !items.isEmpty else { return open + close }
            guard let indent else { return open + items.joined(separator: ", ") + close }
            let outer = "\n" + String(repeating: " ", count: indent * level)
            let inner = "\n" + String(repeating: " ", count: indent * (level + 1))
            return open + inner + items.joined(separator: "," + inner) + outer + close
        }
        switch self {
        case .undefined, .none: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .int(let value): return String(value)
        case .double(let value): return "\(value)"
        case .string(let value): return Self.jsonText(value)
        case .list(let values): return block("[", values.map { $0.json(indent: indent, level: level + 1) }, "]")
        case .map(let members):
            return block(
                "{", members.map { Self.jsonText($0.key) + ": " + $0.value.json(indent: indent, level: level + 1) }, "}"
            )
        }
    }

    private static func jsonText(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{C}": result += "\\f"
            default:
                if scalar.value < 0x20 {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
