import Vocabulary

extension JSONSchema {
    /// Adds strings.
    mutating func addString(
        _ schema: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        let min = try count("minLength", in: schema, at: path)
        let max = try count("maxLength", in: schema, at: path)
        let kinds = ["pattern", "format"].filter { schema[$0] != nil } + ((min ?? max) == nil ? [] : ["a length"])
        guard kinds.count <= 1 else {
            throw JSONSchemaError("\(path): '\(kinds[0])' together with \(kinds[1]) is not supported")
        }
        guard schema["pattern"] == nil, schema["format"] == nil else {
            let content: Pattern
            if let pattern = schema["pattern"] {
                content = try Self.pattern(pattern, at: path)
            } else {
                content = try Self.format(schema["format"], at: path)
            }
            let (opened, closed) = (grammar.addState(), grammar.addState())
            add("\"", from: start, to: opened)
            grammar.add(content, from: opened, to: closed, as: .jsonString)
            return add("\"", from: closed, to: end)
        }
        guard min ?? 0 > 0 || max != nil else { return addCall(.string, from: start, to: end) }
        guard min ?? 0 <= max ?? .max else { throw JSONSchemaError("\(path): 'minLength' is more than 'maxLength'") }
        let (opened, closed) = (grammar.addState(), grammar.addState())
        add("\"", from: start, to: opened)
        let character = rule(of: .stringCharacter)
        grammar.addRepeated(min: min ?? 0, max: max, from: opened, to: closed) { grammar, from, to in
            grammar.add(.call(rule: character, to: to), from: from)
        }
        add("\"", from: closed, to: end)
    }

    static func pattern(_ value: JSONText, at path: String) throws(JSONSchemaError) -> Pattern {
        guard case .string(let text) = value else {
            throw JSONSchemaError("\(path): 'pattern': expected a string, got \(value.typeName)")
        }
        do {
            return try RegularExpression(text).anywhere
        } catch {
            throw JSONSchemaError("\(path): 'pattern': \(error.problem)")
        }
    }

    private static let formats = [
        "date": dateFormat, "time": timeFormat, "date-time": dateFormat + "T" + timeFormat,
        "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "email": "[A-Za-z0-9]{1,20}([._+-][A-Za-z0-9]{1,20}){0,3}@([A-Za-z0-9]{1,20}[.-]){1,4}[A-Za-z]{2,10}",
        "ipv4": "((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)",
    ]
    // Without the 29th of February, which not every year has.
    private static let dateFormat =
        "[1-9]\\d{3}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))"
    private static let timeFormat = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"

    static func format(_ value: JSONText?, at path: String) throws(JSONSchemaError) -> Pattern {
        guard case .string(let name)? = value, let text = formats[name] else {
            throw JSONSchemaError(
                "\(path): 'format': \(value?.text.shown() ?? "") is not supported; \(formats.keys.sorted()) are")
        }
        do {
            return try RegularExpression(text).wholeText
        } catch {
            preconditionFailure("format \(name): \(error.problem)")
        }
    }

    /// Adds numbers: multiples, and within their bounds, if there are any.
    mutating func addNumber(
        _ schema: JSONText, isInteger: Bool, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        let lower = try lowerBound(in: schema, at: path)
        let upper = try upperBound(in: schema, at: path)
        let multiple = try multiple(in: schema, at: path)
        guard lower != nil || upper != nil || multiple != nil else {
            let text = isInteger ? "-?[1-9]\\d{0,17}|0" : "-?(0|[1-9]\\d{0,17})(\\.\\d{1,18})?([eE][+-]?\\d{1,2})?"
            return addNumber(matching: text, from: start, to: end)
        }
        let range = NumberRange(lower: lower, upper: upper, isInteger: isInteger, multiple: multiple)
        range.add(to: &grammar, from: start, to: end)
    }

    private mutating func addNumber(matching text: String, from start: Int32, to end: Int32) {
        do {
            grammar.add(try RegularExpression(text).wholeText, from: start, to: end, as: .plain)
        } catch {
            preconditionFailure("\(text): \(error.problem)")
        }
    }

    func lowerBound(in schema: JSONText, at path: String) throws(JSONSchemaError) -> NumberRange.Bound? {
        try bound("minimum", "exclusiveMinimum", in: schema, at: path) { $0 > $1 }
    }

    func upperBound(in schema: JSONText, at path: String) throws(JSONSchemaError) -> NumberRange.Bound? {
        try bound("maximum", "exclusiveMaximum", in: schema, at: path) { $0 < $1 }
    }

    /// The tighter of two bounds.
    private func bound(
        _ inclusive: String, _ exclusive: String, in schema: JSONText, at path: String,
        isTighter: (Decimal, Decimal) -> Bool
    ) throws(JSONSchemaError) -> NumberRange.Bound? {
        let first = try decimal(inclusive, in: schema, at: path).map { NumberRange.Bound(value: $0, isInclusive: true) }
        let second = try decimal(exclusive, in: schema, at: path)
            .map { NumberRange.Bound(value: $0, isInclusive: false) }
        guard let first, let second else { return first ?? second }
        return isTighter(first.value, second.value) ? first : second
    }

    func multiple(in schema: JSONText, at path: String) throws(JSONSchemaError) -> DecimalMultiple? {
        guard let value = try decimal("multipleOf", in: schema, at: path) else { return nil }
        guard let multiple = DecimalMultiple(value) else {
            throw JSONSchemaError(
                "\(path): 'multipleOf': expected 1 to \(DecimalMultiple.modulusMax), which zeros may follow or up to "
                    + "\(DecimalMultiple.decimalCountMax) decimals be cut from, got "
                    + (schema["multipleOf"]?.text.shown() ?? ""))
        }
        return multiple
    }

    func decimal(_ name: String, in schema: JSONText, at path: String) throws(JSONSchemaError) -> Decimal? {
        guard let value = schema[name] else { return nil }
        guard case .number(let text) = value, let decimal = Decimal(text) else {
            throw JSONSchemaError(
                "\(path): '\(name)': expected a number of at most \(Decimal.digitCountMax) digits, got "
                    + value.text.shown())
        }
        return decimal
    }

    /// Adds whatever is JSON.
    mutating func addAnyValue(from start: Int32, to end: Int32) { addCall(.anyValue, from: start, to: end) }

    private mutating func addCall(_ kind: CommonRule, from start: Int32, to end: Int32) {
        let rule = rule(of: kind)
        grammar.add(.call(rule: rule, to: end), from: start)
    }

    /// A rule that many schemas share, made when it is first asked for.
    private mutating func rule(of kind: CommonRule) -> Int32 {
        if let known = commonRules[kind] { return known }
        let rule = grammar.addRule()
        commonRules[kind] = rule
        let (start, end) = (grammar.rules[Int(rule)].start, grammar.rules[Int(rule)].end)
        switch kind {
        case .stringCharacter: addStringCharacter(from: start, to: end)
        case .string:
            let content = grammar.addState()
            let character = self.rule(of: .stringCharacter)
            add("\"", from: start, to: content)
            grammar.add(.call(rule: character, to: content), from: content)
            add("\"", from: content, to: end)
        case .anyValue:
            addCall(.string, from: start, to: end)
            addNumber(matching: "-?(0|[1-9]\\d{0,17})(\\.\\d{1,18})?([eE][+-]?\\d{1,2})?", from: start, to: end)
            for word in ["true", "false", "null"] { add(word, from: start, to: end) }
            // Schemas without keywords, whose elements and further properties are any value.
            do {
                try addObject(.object([]), at: "any", from: start, to: end)
                try addArray(.object([]), at: "any", from: start, to: end)
            } catch {
                preconditionFailure("an empty schema: \(error.problem)")
            }
        }
        return rule
    }

    /// Adds one character of a string, as it is or escaped.
    ///
    /// - Source: RFC 8259, section 7.
    private mutating func addStringCharacter(from start: Int32, to end: Int32) {
        grammar.add(ScalarSet([0...0x1F, 0x22...0x22, 0x5C...0x5C]).complement, from: start, to: end, as: .plain)
        let escape =
            "\\\\([\"\\\\/bfnrt]|u([0-9A-CE-Fa-ce-f][0-9A-Fa-f]{3}|[Dd][0-7][0-9A-Fa-f]{2}"
            + "|[Dd][89ABab][0-9A-Fa-f]{2}\\\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}))"
        do {
            grammar.add(try RegularExpression(escape).wholeText, from: start, to: end, as: .plain)
        } catch {
            preconditionFailure("\(escape): \(error.problem)")
        }
    }
}
