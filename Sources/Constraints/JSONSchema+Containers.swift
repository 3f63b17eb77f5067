import Vocabulary

extension JSONSchema {
    /// Adds objects: `{`, properties in order with commas between those that are there, further ones, `}`.
    ///
    /// ```
    /// bare[i]   nothing written yet, property i may come       ──▶ key i ──▶ value ──▶ after[i+1]
    /// after[i]  something written, property i may come         ──, ──▶ key i
    /// ```
    mutating func addObject(
        _ schema: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        let patterns = try patternProperties(of: schema, at: path)
        let properties = try properties(of: schema, patterns, at: path)
        let further = furtherProperties(of: schema, at: path)
        var bare: Int32? = grammar.addState()
        var after: Int32?
        add("{", from: start, to: bare!)
        for property in properties {
            if property.schema == .bool(false) {
                guard property.isRequired else { continue }
                throw JSONSchemaError("\(path): '\(property.name.shown())' is required, and may not be there")
            }
            let (key, next) = (grammar.addState(), grammar.addState())
            if let bare { grammar.add(.empty(to: key), from: bare) }
            if let after { addSeparator(",", from: after, to: key) }
            let (value, colon) = (grammar.addState(), grammar.addState())
            grammar.add(bytes: JSONText.quoted(property.name).utf8, from: key, to: colon)
            addSeparator(":", from: colon, to: value)
            addCall(property.schema, at: property.path, from: value, to: next)
            if property.isRequired {
                bare = nil
            } else if let after {
                grammar.add(.empty(to: next), from: after)
            }
            after = next
        }
        let last = after ?? grammar.addState()
        if let bare { add("}", from: bare, to: end) }
        add("}", from: last, to: end)
        guard further != nil || !patterns.isEmpty else { return }
        let key = grammar.addState()
        if let bare { grammar.add(.empty(to: key), from: bare) }
        addSeparator(",", from: last, to: key)
        let names = properties.map(\.name)
        guard patterns.isEmpty else {
            return try addKeys(patterns, further, except: names, at: path, from: key, to: last)
        }
        if let further { addKey(except: names, from: key, to: addColon(further.schema, at: further.path, to: last)) }
    }

    /// A state behind a key: what is read from it is a colon and a value.
    mutating func addColon(_ schema: JSONText, at path: String, to end: Int32) -> Int32 {
        let (colon, value) = (grammar.addState(), grammar.addState())
        addSeparator(":", from: colon, to: value)
        addCall(schema, at: path, from: value, to: end)
        return colon
    }

    private struct Property {
        let name: String
        let schema: JSONText
        let path: String
        let isRequired: Bool
    }

    /// The declared properties in order, then those that are only required.
    private func properties(
        of schema: JSONText, _ patterns: [PatternProperty], at path: String
    ) throws(JSONSchemaError) -> [Property] {
        var required: [String] = []
        var isRequired: Set<String> = []
        switch schema["required"] {
        case nil: break
        case .array(let names)?:
            for name in names {
                guard case .string(let name) = name else {
                    throw JSONSchemaError("\(path): 'required': expected strings, got \(name.typeName)")
                }
                if isRequired.insert(name).inserted { required.append(name) }
            }
        case let other?: throw JSONSchemaError("\(path): 'required': expected a list, got \(other.typeName)")
        }
        var properties: [Property] = []
        switch schema["properties"] {
        case nil: break
        case .object(let members)?:
            properties = members.map { member in
                Property(
                    name: member.key, schema: member.value, path: "\(path)/properties/\(Self.escaped(member.key))",
                    isRequired: isRequired.contains(member.key))
            }
        case let other?: throw JSONSchemaError("\(path): 'properties': expected an object, got \(other.typeName)")
        }
        let further = schema["additionalProperties"] ?? .bool(true)
        let declared = Set(properties.map(\.name))
        for name in required where !declared.contains(name) {
            let matching = try Self.first(of: patterns, matching: name)
            properties.append(
                Property(
                    name: name, schema: matching?.schema ?? further,
                    path: matching?.path ?? "\(path)/additionalProperties", isRequired: true))
        }
        for property in properties {
            // Both would have to hold; nobody writes that of one name but by mistake.
            for pattern in patterns where pattern.schema != property.schema && pattern.schema != .bool(true) {
                guard try !pattern.matches(property.name) else {
                    throw JSONSchemaError(
                        "\(path): '\(property.name.shown())' matches a pattern with another schema: \(pattern.path)")
                }
            }
        }
        return properties
    }

    /// What further properties look like; nil where none are written.
    func furtherProperties(of schema: JSONText, at path: String) -> (schema: JSONText, path: String)? {
        switch schema["additionalProperties"] {
        case .bool(false)?: return nil
        case let further?: return (further, "\(path)/additionalProperties")
        case nil:
            let isClosed = schema["properties"] != nil || schema["patternProperties"] != nil
            return isClosed ? nil : (.bool(true), "\(path)/additionalProperties")
        }
    }

    /// As part of a JSON pointer.
    static func escaped(_ name: String) -> String {
        var part = ""
        for character in name { part += character == "~" ? "~0" : character == "/" ? "~1" : String(character) }
        return part
    }

    /// Adds a key in quotation marks that is none of `names`.
    ///
    /// Along a tree of the names' characters: whoever leaves it writes what they like.
    private mutating func addKey(except names: [String], from start: Int32, to end: Int32) {
        let plain = ScalarSet([0...0x1F, 0x22...0x22, 0x5C...0x5C]).complement
        let free = grammar.addState()
        grammar.add(plain, from: free, to: free, as: .plain)
        add("\"", from: free, to: end)
        let opened = grammar.addState()
        add("\"", from: start, to: opened)
        var open: [(state: Int32, names: [Substring.UnicodeScalarView])] = [
            (opened, names.map { $0[...].unicodeScalars })
        ]
        while let (state, names) = open.popLast() {
            guard !grammar.isTooLarge else { return }
            if !names.contains(where: \.isEmpty) { add("\"", from: state, to: end) }
            var others = plain
            for first in Set(names.compactMap(\.first)).sorted(by: { $0.value < $1.value }) {
                others = others.subtracting(ScalarSet(first))
                guard plain.contains(first) else { continue }
                let next = grammar.addState()
                grammar.add(ScalarSet(first), from: state, to: next, as: .plain)
                open.append((next, names.filter { $0.first == first }.map { $0.dropFirst() }))
            }
            grammar.add(others, from: state, to: free, as: .plain)
        }
    }

    /// Adds arrays: `[`, elements with commas between them, `]`.
    mutating func addArray(
        _ schema: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        var first: [JSONText] = []
        switch schema["prefixItems"] {
        case nil: break
        case .array(let schemas)?: first = schemas
        case let other?: throw JSONSchemaError("\(path): 'prefixItems': expected a list, got \(other.typeName)")
        }
        let rest = schema["items"] ?? .bool(true)
        let min = try count("minItems", in: schema, at: path) ?? 0
        var max = try count("maxItems", in: schema, at: path)
        if rest == .bool(false) { max = Swift.min(max ?? first.count, first.count) }
        guard min <= max ?? min else { throw JSONSchemaError("\(path): 'minItems' is more than there may be") }
        // After `explicit` elements each is like the one before.
        let explicit = max ?? Swift.max(min, first.count)
        var state = grammar.addState()
        add("[", from: start, to: state)
        for index in 0...explicit {
            guard !grammar.isTooLarge else { return }
            if index >= min { add("]", from: state, to: end) }
            guard index < explicit || max == nil else { return }
            let next = index == explicit && index > 0 ? state : grammar.addState()
            var element = state
            if index > 0 {
                element = grammar.addState()
                addSeparator(",", from: state, to: element)
            }
            let isFirst = index < first.count
            addCall(
                isFirst ? first[index] : rest, at: isFirst ? "\(path)/prefixItems/\(index)" : "\(path)/items",
                from: element, to: next)
            state = next
        }
        // Only an array of any number of elements without any explicit one comes here with elements to come.
        guard explicit == 0 else { return }
        add("]", from: state, to: end)
        let element = grammar.addState()
        addSeparator(",", from: state, to: element)
        addCall(rest, at: "\(path)/items", from: element, to: state)
    }

    /// A keyword that counts something.
    func count(_ name: String, in schema: JSONText, at path: String) throws(JSONSchemaError) -> Int? {
        guard let value = schema[name] else { return nil }
        guard case .number(let digits) = value, let count = Int(digits), (0...Self.countMax).contains(count) else {
            throw JSONSchemaError(
                "\(path): '\(name)': expected an integer in 0 to \(Self.countMax), got "
                    + value.text.shown(byteCountMax: 32))
        }
        return count
    }

    mutating func add(_ text: String, from start: Int32, to end: Int32) {
        grammar.add(bytes: text.utf8, from: start, to: end)
    }

    /// Adds `text` and a space, if the model likes.
    private mutating func addSeparator(_ text: String, from start: Int32, to end: Int32) {
        let state = grammar.addState()
        add(text, from: start, to: state)
        add(" ", from: state, to: end)
        grammar.add(.empty(to: end), from: state)
    }
}
