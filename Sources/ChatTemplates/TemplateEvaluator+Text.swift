/// Values as text: Python's `str` and `repr`, and JSON as `json.dumps` writes it.
extension TemplateEvaluator {
    /// Python's `str(value)`.
    func text(_ value: TemplateValue) throws(TemplateError) -> String {
        if case .string(let text) = value { return text }
        if case .undefined = value { return "" }
        var output = ""
        try writeRepresentation(value, to: &output)
        try charge(output)
        return output
    }

    private func writeRepresentation(_ value: TemplateValue, to output: inout String) throws(TemplateError) {
        try charge()
        switch value {
        case .undefined: output += "Undefined"
        case .none: output += "None"
        case .bool(let value): output += value ? "True" : "False"
        case .int(let value): output += String(value)
        case .double(let value): output += "\(value)"
        case .string(let text):
            try charge(text)
            Self.quote(text, into: &output)
        case .array(let list):
            output += list.isTuple ? "(" : "["
            for (index, element) in list.elements.enumerated() {
                if index > 0 { output += ", " }
                try writeRepresentation(element, to: &output)
            }
            // A comma tells a tuple of one from a value in parentheses.
            output += list.isTuple ? (list.elements.count == 1 ? ",)" : ")") : "]"
        case .map(let map):
            output += "{"
            for (index, entry) in map.entries.enumerated() {
                if index > 0 { output += ", " }
                Self.quote(entry.key, into: &output)
                output += ": "
                try writeRepresentation(entry.value, to: &output)
            }
            output += "}"
        case .namespace, .function: throw failure("\(value.kind) as text")
        }
        guard output.utf8.count <= limits.byteCountMax else {
            throw exceeded("\(limits.byteCountMax) bytes in a string")
        }
    }

    /// Python's `repr` of a string.
    private static func quote(_ text: String, into output: inout String) {
        let scalars = text.unicodeScalars
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        output.unicodeScalars.append(quote)
        for scalar in scalars {
            switch scalar {
            case "\\": output += "\\\\"
            case quote: output += "\\\(scalar)"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            default:
                if isPrintable(scalar) {
                    output.unicodeScalars.append(scalar)
                } else if scalar.value < 0x100 {
                    output += "\\x" + hexadecimal(scalar.value, width: 2)
                } else if scalar.value < 0x10000 {
                    output += "\\u" + hexadecimal(scalar.value, width: 4)
                } else {
                    output += "\\U" + hexadecimal(scalar.value, width: 8)
                }
            }
        }
        output.unicodeScalars.append(quote)
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    private static func hexadecimal(_ value: UInt32, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    // MARK: JSON

    /// How `tojson` writes.
    struct JSONStyle {
        var indent: Int?
        var itemSeparator = ", "
        var keySeparator = ": "
        var isASCII = false
        var sortsKeys = false
    }

    /// The filter `tojson` as Hugging Face's transformers defines it: `json.dumps` without escaping for HTML.
    func json(_ value: TemplateValue, _ call: TemplateCall) throws(TemplateError) -> TemplateValue {
        var style = JSONStyle()
        if let isASCII = call.argument(0, "ensure_ascii") { style.isASCII = isASCII.isTrue }
        if let indent = call.argument(1, "indent"), let count = indent.integer {
            guard count <= 64 else { throw exceeded("an indent of 64") }
            style.indent = max(0, count)
            style.itemSeparator = ","
        }
        if case .array(let separators)? = call.argument(2, "separators") {
            guard separators.elements.count == 2 else { throw failure("separators that are not two") }
            style.itemSeparator = try text(separators.elements[0])
            style.keySeparator = try text(separators.elements[1])
        }
        if let sortsKeys = call.argument(3, "sort_keys") { style.sortsKeys = sortsKeys.isTrue }
        var output = ""
        try writeJSON(value, style, level: 0, to: &output)
        try charge(output)
        return .string(output)
    }

    private func writeJSON(
        _ value: TemplateValue, _ style: JSONStyle, level: Int, to output: inout String
    ) throws(TemplateError) {
        try charge()
        switch value {
        case .none: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .int(let value): output += String(value)
        case .double(let value):
            output += value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : "\(value)"
        case .string(let text):
            try charge(text)
            Self.writeJSON(text, isASCII: style.isASCII, to: &output)
        case .array(let list):
            output += "["
            for (index, element) in list.elements.enumerated() {
                if index > 0 { output += style.itemSeparator }
                newLine(style, level: level + 1, to: &output)
                try writeJSON(element, style, level: level + 1, to: &output)
            }
            if !list.elements.isEmpty { newLine(style, level: level, to: &output) }
            output += "]"
        case .map(let map):
            var entries = map.entries
            if style.sortsKeys {
                entries.sort { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
            }
            output += "{"
            for (index, entry) in entries.enumerated() {
                if index > 0 { output += style.itemSeparator }
                newLine(style, level: level + 1, to: &output)
                Self.writeJSON(entry.key, isASCII: style.isASCII, to: &output)
                output += style.keySeparator
                try writeJSON(entry.value, style, level: level + 1, to: &output)
            }
            if !entries.isEmpty { newLine(style, level: level, to: &output) }
            output += "}"
        case .undefined, .namespace, .function: throw failure("\(value.kind) as JSON")
        }
        guard output.utf8.count <= limits.byteCountMax else {
            throw exceeded("\(limits.byteCountMax) bytes in a string")
        }
    }

    private func newLine(_ style: JSONStyle, level: Int, to output: inout String) {
        guard let indent = style.indent else { return }
        output += "\n" + String(repeating: " ", count: indent * level)
    }

    private static func writeJSON(_ text: String, isASCII: Bool, to output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\u{8}": output += "\\b"
            case "\u{C}": output += "\\f"
            default:
                if scalar.value < 0x20 || (isASCII && scalar.value > 0x7F) {
                    for unit in String(scalar).utf16 { output += "\\u" + hexadecimal(UInt32(unit), width: 4) }
                } else {
                    output.unicodeScalars.append(scalar)
                }
            }
        }
        output += "\""
    }
}
