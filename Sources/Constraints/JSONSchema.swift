import Vocabulary

/// Compiles a JSON Schema into a grammar of JSON texts that are valid against it.
///
/// Not of all of them: the grammar writes a subset that is good to generate.
///
/// - No white space but one space, if the model likes, behind each `:` and `,`.
/// - Properties in the order of the schema, optional ones possibly left out. Others follow only where
///   `patternProperties` or `additionalProperties` say what they look like, or the schema names no properties at all;
///   their keys have no escapes, and are none for which patterns say different things.
/// - Integers have up to 18 digits; numbers up to 18 before and behind the point, and exponents up to 2. With bounds
///   and as multiples, up to 15 in all and no exponent, so that what a reader makes of them keeps the bounds.
/// - A schema that only makes sense for one type (`properties`, `items`, `minLength` …) means that type.
///
/// Every keyword is heeded, is an annotation, or is refused by name:
///
/// ```
/// any        type (one or several), enum, const, anyOf, allOf of one schema, $ref to # and #/…, $defs, definitions;
///            oneOf of schemas that are seen to exclude each other, see `addExclusiveAlternatives`
/// object     properties, required, additionalProperties, patternProperties
/// array      items, prefixItems, minItems, maxItems
/// string     minLength, maxLength; pattern; format date, time, date-time, uuid, email or ipv4 (one of these three)
/// number     minimum, maximum, exclusiveMinimum, exclusiveMaximum; multipleOf 1 to 1000, with zeros behind it or up to
///            9 decimals cut from it, such as 86400 and 0.25
/// ```
///
/// - Source: JSON Schema 2020-12, Core and Validation; RFC 8259; RFC 3339, section 5.6 (formats).
struct JSONSchema {
    private let root: JSONText
    var grammar = Grammar()
    /// The rule of each schema that was met, by its JSON pointer.
    private var rules: [String: Int32] = [:]
    /// Rules that are still empty.
    private var open: [(rule: Int32, schema: JSONText, path: String)] = []
    var commonRules: [CommonRule: Int32] = [:]
    let work = SchemaWork()

    /// Rules that many schemas share.
    enum CommonRule { case anyValue, stringCharacter, string }

    /// The text of a schema may be so long.
    static let byteCountMax = 1 << 18
    /// Elements of an array or characters of a string that a schema may ask for one by one.
    static let countMax = 10_000

    /// - Throws: what is wrong, at which JSON pointer.
    static func grammar(of text: String) throws(JSONSchemaError) -> Grammar {
        guard text.utf8.count <= byteCountMax else {
            throw JSONSchemaError("is \(text.utf8.count) bytes long, more than \(byteCountMax)")
        }
        let root: JSONText
        do {
            root = try JSONText(parsing: text)
        } catch {
            throw JSONSchemaError("is not JSON: \(error.problem)")
        }
        var schema = JSONSchema(root: root)
        return try schema.compile()
    }

    init(root: JSONText) { self.root = root }

    private mutating func compile() throws(JSONSchemaError) -> Grammar {
        _ = rule(of: root, at: "#")
        while let (rule, schema, path) = open.popLast() {
            try add(schema, at: path, from: grammar.rules[Int(rule)].start, to: grammar.rules[Int(rule)].end)
            guard !grammar.isTooLarge else {
                throw JSONSchemaError("needs more than \(Grammar.stateCountMax) states")
            }
        }
        if let rule = grammar.leftRecursiveRule() {
            let path = rules.first { $0.value == rule }?.key ?? "#"
            throw JSONSchemaError("\(path) refers to itself without anything around it")
        }
        return grammar
    }

    /// The rule of a schema, filled later.
    private mutating func rule(of schema: JSONText, at path: String) -> Int32 {
        if let known = rules[path] { return known }
        let rule = grammar.addRule()
        rules[path] = rule
        open.append((rule, schema, path))
        return rule
    }

    mutating func addCall(_ schema: JSONText, at path: String, from start: Int32, to end: Int32) {
        let rule = rule(of: schema, at: path)
        grammar.add(.call(rule: rule, to: end), from: start)
    }
}

/// Why a text is not a JSON Schema that can be followed.
struct JSONSchemaError: Error, Equatable {
    let problem: String

    init(_ problem: String) { self.problem = problem }
}

extension JSONSchema {
    static let annotations: Set<String> = [
        "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id",
        "$comment", "$anchor", "$defs", "definitions", "discriminator",
    ]
    private static let keywordsOfTypes: [String: Set<String>] = [
        "object": ["properties", "patternProperties", "required", "additionalProperties"],
        "array": ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
        "string": ["minLength", "maxLength", "pattern", "format"],
        "number": ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
    ]
    /// Whether a keyword says something of values of one type alone.
    static func isOfOneType(_ keyword: String) -> Bool { keywordsOfTypes.values.contains { $0.contains(keyword) } }

    /// Whether a keyword says something of numbers alone.
    static func isOfNumbers(_ keyword: String) -> Bool { keywordsOfTypes["number"]!.contains(keyword) }

    private static let general: Set<String> = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"]
    static let typeNames = ["object", "array", "string", "number", "integer", "boolean", "null"]

    /// Adds the texts of a schema.
    private mutating func add(
        _ schema: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        switch schema {
        case .bool(true): return addAnyValue(from: start, to: end)
        // No way on: where it is optional it is left out.
        case .bool(false): return
        case .object(let members):
            // Annotations say nothing about the texts.
            let keywords = members.filter { !Self.annotations.contains($0.key) && !$0.key.hasPrefix("x-") }
            try check(keywords, at: path)
            try add(keywords, schema, at: path, from: start, to: end)
        default: throw JSONSchemaError("\(path): expected an object or a boolean, got \(schema.typeName)")
        }
    }

    private func check(_ keywords: [JSONText.Member], at path: String) throws(JSONSchemaError) {
        let known = Self.keywordsOfTypes.values.reduce(Self.general) { $0.union($1) }
        for keyword in keywords where !known.contains(keyword.key) {
            throw JSONSchemaError("\(path): the keyword '\(keyword.key.shown())' is not supported")
        }
        if let unique = keywords.first(where: { $0.key == "uniqueItems" }), unique.value != .bool(false) {
            throw JSONSchemaError("\(path): the keyword 'uniqueItems' is not supported")
        }
    }

    private mutating func add(
        _ keywords: [JSONText.Member], _ schema: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        let names = Set(keywords.map(\.key))
        for name in ["$ref", "anyOf", "oneOf", "allOf"] where names.contains(name) {
            if let other = keywords.first(where: { $0.key != name }) {
                throw JSONSchemaError("\(path): '\(other.key)' beside '\(name)' is not supported")
            }
        }
        if let reference = schema["$ref"] { return try addReference(reference, at: path, from: start, to: end) }
        if let alternatives = schema["anyOf"] {
            return try addAlternatives(alternatives, at: path + "/anyOf", from: start, to: end)
        }
        if let alternatives = schema["oneOf"] {
            return try addExclusiveAlternatives(alternatives, at: path + "/oneOf", from: start, to: end)
        }
        if let all = schema["allOf"] {
            guard case .array(let elements) = all, elements.count == 1 else {
                throw JSONSchemaError("\(path): 'allOf' is supported for one schema only")
            }
            return addCall(elements[0], at: path + "/allOf/0", from: start, to: end)
        }
        if names.contains("enum") || names.contains("const") {
            return try addValues(keywords, schema, at: path, from: start, to: end)
        }
        let types = try types(schema, names, at: path)
        // A constraint on a type that the value never has says nothing, and would surprise.
        for (type, keywords) in Self.keywordsOfTypes where !types.contains(type) {
            guard !(type == "number" && types.contains("integer")), !types.isEmpty else { continue }
            if let stray = names.intersection(keywords).sorted().first {
                throw JSONSchemaError("\(path): '\(stray)' is for the type \(type)")
            }
        }
        if types.isEmpty { return addAnyValue(from: start, to: end) }
        for type in types { try add(type, schema, at: path, from: start, to: end) }
    }

    /// The types a schema allows; none where it says nothing about it.
    func types(
        _ schema: JSONText, _ names: Set<String>, at path: String
    ) throws(JSONSchemaError) -> [String] {
        let wanted: [JSONText]
        switch schema["type"] {
        case nil:
            let meant = Self.keywordsOfTypes.filter { !$0.value.isDisjoint(with: names) }.keys.sorted()
            guard meant.count <= 1 else {
                throw JSONSchemaError("\(path): 'type' is missing, and there are keywords for \(meant)")
            }
            return meant
        case .array(let several)?: wanted = several
        case let one?: wanted = [one]
        }
        var types: [String] = []
        for type in wanted {
            guard case .string(let name) = type, Self.typeNames.contains(name), !types.contains(name) else {
                throw JSONSchemaError(
                    "\(path): 'type': expected one or several of \(Self.typeNames), got \(type.text.shown())")
            }
            types.append(name)
        }
        guard !types.isEmpty else { throw JSONSchemaError("\(path): 'type' is empty") }
        // Every integer is a number.
        return types.contains("number") ? types.filter { $0 != "integer" } : types
    }

    private mutating func add(
        _ type: String, _ schema: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        switch type {
        case "object": try addObject(schema, at: path, from: start, to: end)
        case "array": try addArray(schema, at: path, from: start, to: end)
        case "string": try addString(schema, at: path, from: start, to: end)
        case "boolean":
            for word in ["true", "false"] { grammar.add(bytes: word.utf8, from: start, to: end) }
        case "null": grammar.add(bytes: "null".utf8, from: start, to: end)
        default: try addNumber(schema, isInteger: type == "integer", at: path, from: start, to: end)
        }
    }

    private mutating func addReference(
        _ reference: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        let (schema, pointer) = try target(of: reference, at: path)
        addCall(schema, at: pointer, from: start, to: end)
    }

    /// The schema that a `$ref` means, and its JSON pointer.
    func target(
        of reference: JSONText, at path: String
    ) throws(JSONSchemaError) -> (schema: JSONText, pointer: String) {
        guard case .string(let pointer) = reference, pointer == "#" || pointer.hasPrefix("#/") else {
            throw JSONSchemaError("\(path): '$ref': expected # or #/…, got \(reference.text.shown())")
        }
        var schema = root
        for part in pointer.split(separator: "/").dropFirst() {
            let name = Self.unescaped(part)
            var next = schema[name]
            if case .array(let elements) = schema, let index = Int(name), elements.indices.contains(index) {
                next = elements[index]
            }
            guard let next else {
                throw JSONSchemaError("\(path): '$ref': there is no \(pointer.shown(byteCountMax: 128))")
            }
            schema = next
        }
        return (schema, pointer)
    }

    /// One part of a JSON pointer in a URI fragment.
    ///
    /// - Source: RFC 6901, sections 4 and 6.
    private static func unescaped(_ part: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(part.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        var name = ""
        var escapes = false
        for character in String(decoding: bytes, as: UTF8.self) {
            if escapes {
                name += character == "1" ? "/" : character == "0" ? "~" : "~" + String(character)
                escapes = false
            } else if character == "~" {
                escapes = true
            } else {
                name.append(character)
            }
        }
        return name
    }

    private mutating func addAlternatives(
        _ alternatives: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        for (index, schema) in try Self.alternatives(alternatives, at: path).enumerated() {
            addCall(schema, at: "\(path)/\(index)", from: start, to: end)
        }
    }

    static func alternatives(_ alternatives: JSONText, at path: String) throws(JSONSchemaError) -> [JSONText] {
        guard case .array(let schemas) = alternatives, !schemas.isEmpty else {
            throw JSONSchemaError("\(path): expected a list of schemas, got \(alternatives.text.shown())")
        }
        return schemas
    }

    private mutating func addValues(
        _ keywords: [JSONText.Member], _ schema: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        if let other = keywords.first(where: { !["enum", "const", "type"].contains($0.key) }) {
            throw JSONSchemaError("\(path): '\(other.key)' beside 'enum' or 'const' is not supported")
        }
        for value in try values(schema, at: path) { grammar.add(bytes: value.text.utf8, from: start, to: end) }
    }

    /// The values of `enum` and `const` that `type` lets be.
    func values(_ schema: JSONText, at path: String) throws(JSONSchemaError) -> [JSONText] {
        var values: [JSONText]
        switch (schema["enum"], schema["const"]) {
        case (.array(let all)?, nil) where !all.isEmpty: values = all
        case (nil, let value?): values = [value]
        case (.array(let all)?, let value?): values = all.filter { $0 == value }
        default: throw JSONSchemaError("\(path): 'enum': expected a list of values")
        }
        if schema["type"] != nil {
            let types = try types(schema, [], at: path)
            values.removeAll { value in
                guard case .number(let digits) = value else { return !types.contains(value.typeName) }
                let isInteger = Decimal(digits).map { $0.fraction.isEmpty } ?? false
                return !types.contains("number") && !(types.contains("integer") && isInteger)
            }
        }
        return values
    }
}
