import Foundation
import TestSupport
import Testing

@testable import Constraints

@Suite struct JSONSchemaTests {
    private static let cases: [Case] = [
        Case(
            "true", ["{}", "[1, \"a\",null]", "-0.5e3", "\"\\u00e9\\ud83e\\udd8a\"", "{\"a\": {\"b\":[[]]}}"],
            ["", "{", "01", "nul"]),
        Case(
            #"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"}},"required":["b"]}"#,
            [#"{"a":1,"b":null}"#, #"{"b": null}"#],
            [#"{"a":1}"#, "{}", #"{"b":null,"a":1}"#, #"{"b":null,"c":1}"#, #"{"b":null,}"#]),
        Case(
            #"{"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}}}"#,
            ["{}", #"{"a":1}"#, #"{"b":2,"c":3}"#, #"{"a":1,"c":3}"#], [#"{"c":3,"a":1}"#, #"{,"a":1}"#]),
        Case(
            #"{"type":"object","properties":{"ab":{"const":1}},"additionalProperties":{"type":"boolean"}}"#,
            ["{}", #"{"ab":1,"a":true}"#, #"{"a":true,"abc":false,"":true}"#, #"{"é": true}"#],
            [#"{"ab":true}"#, #"{"a":1}"#, #"{"a":true,"ab":1}"#]),
        Case(
            #"{"required":["x"],"additionalProperties":{"type":"integer"}}"#, [#"{"x":1,"y":2}"#],
            ["{}", #"{"x":"a"}"#]),
        Case(
            #"{"type":"object","properties":{"x":false,"y":true},"additionalProperties":false}"#,
            ["{}", #"{"y":[]}"#], [#"{"x":1}"#]),
        Case(
            #"{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}"#, ["[1, 2]", "[1,2,3]"],
            ["[]", "[1]", "[1,2,3,4]"]),
        Case(#"{"items":{"const":1}}"#, ["[]", "[1]", "[1, 1,1]"], ["[2]", "[,1]", "[1,]"]),
        Case(#"{"type":"array","minItems":2}"#, ["[1,2]", "[[],{},3]"], ["[]", "[1]"]),
        Case(
            #"{"prefixItems":[{"const":1},{"const":2}],"items":{"const":3}}"#, ["[]", "[1]", "[1,2]", "[1,2,3,3]"],
            ["[2]", "[1,3]", "[3]"]),
        Case(#"{"prefixItems":[{"const":1}],"items":false,"minItems":1}"#, ["[1]"], ["[]", "[1,1]"]),
        Case(#"{"type":"array","maxItems":0}"#, ["[]"], ["[1]"]),
        Case(
            #"{"type":"string","minLength":2,"maxLength":3}"#, [#""ab""#, #""éé日""#, #""\n\u0041""#, #""🦊🦊""#],
            [#""a""#, #""abcd""#, "ab"]),
        Case(#"{"type":"string","pattern":"^a+b$"}"#, [#""aab""#], [#""b""#, #""aabc""#]),
        Case(#"{"type":"string","pattern":"b\""}"#, [#""ab\"c""#], [#""ab"c""#, #""a""#]),
        Case(
            #"{"type":"string","format":"date"}"#, [#""2024-02-28""#, #""1999-12-31""#],
            [#""2024-02-30""#, #""2024-13-01""#]),
        Case(#"{"type":"string","format":"uuid"}"#, [#""123e4567-e89b-12d3-a456-426614174000""#], [#""123e4567""#]),
        Case(#"{"type":["integer","null"],"minimum":3}"#, ["3", "17", "null"], ["2", "-5", "3.5"]),
        Case(#"{"enum":["a",1,null,{"k":[true]}]}"#, [#""a""#, "1", "null", #"{"k":[true]}"#], ["2", "true"]),
        Case(#"{"type":"integer","enum":["a",1,2.5,7]}"#, ["1", "7"], ["2.5", #""a""#]),
        Case(#"{"anyOf":[{"type":"boolean"},{"const":"x\n"}]}"#, ["true", #""x\n""#], ["1"]),
        Case(
            ##"{"allOf":[{"$ref":"#/$defs/a~1b"}],"$defs":{"a/b":{"const":1}},"title":"t","x-more":1}"##, ["1"],
            ["2"]),
        Case(
            ##"{"properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"##
                + #""required":["v","next"]}"#,
            [#"{"v":1,"next":null}"#, #"{"v":1,"next":{"v":2, "next":null}}"#],
            [#"{"v":1}"#, #"{"v":1,"next":{}}"#]),
        Case(
            #"{"type":"number","exclusiveMinimum":0,"maximum":1.5}"#, ["0.1", "1", "1.5", "1.50", "1.49999"],
            ["0", "0.0", "1.51", "2", "-1", "1.5e0"]),
    ]

    @Test("a schema takes what is valid, written as the subset has it, and nothing else", arguments: cases)
    func acceptance(example: Case) throws {
        let machine = Machine(try ConstraintSpecification.jsonSchema(example.schema).grammar())
        for text in example.valid { #expect(machine.accepts(text), "\(text)") }
        for text in example.invalid { #expect(!machine.accepts(text), "\(text)") }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let schema: String
        let valid: [String]
        let invalid: [String]

        init(_ schema: String, _ valid: [String], _ invalid: [String]) {
            (self.schema, self.valid, self.invalid) = (schema, valid, invalid)
        }

        var testDescription: String { schema }
    }

    private static let refused: [(String, String)] = [
        (#"{"properties":{"a":{"not":{}}}}"#, "#/properties/a: the keyword 'not' is not supported"),
        (#"{"uniqueItems":true,"type":"array"}"#, "'uniqueItems'"),
        (#"{"type":"text"}"#, "'type': expected one or several of"),
        (#"{"type":[]}"#, "'type' is empty"),
        (#"{"type":"string","minimum":1}"#, "'minimum' is for the type number"),
        (#"{"minimum":1,"minLength":1}"#, "'type' is missing"),
        (#"{"anyOf":[true],"type":"string"}"#, "'type' beside 'anyOf'"),
        (#"{"enum":[]}"#, "'enum': expected a list of values"),
        (#"{"enum":[1],"minimum":0}"#, "'minimum' beside 'enum'"),
        (#"{"$ref":"other.json"}"#, "'$ref': expected # or #/…"),
        (##"{"$ref":"#/$defs/x"}"##, "there is no #/$defs/x"),
        (##"{"$ref":"#"}"##, "refers to itself without anything around it"),
        (##"{"anyOf":[{"type":"null"},{"$ref":"#"}]}"##, "refers to itself without anything around it"),
        (#"{"type":"string","pattern":"(?=a)"}"#, "'pattern': look-ahead is not supported"),
        (#"{"type":"string","pattern":"a","maxLength":3}"#, "'pattern' together with a length"),
        (#"{"type":"string","format":"hostname"}"#, "'format': \"hostname\" is not supported"),
        (#"{"type":"string","minLength":-1}"#, "'minLength': expected an integer in 0 to"),
        (#"{"type":"string","minLength":4,"maxLength":3}"#, "'minLength' is more than 'maxLength'"),
        (#"{"type":"array","minItems":4,"maxItems":3}"#, "'minItems' is more than there may be"),
        (#"{"type":"integer","minimum":"1"}"#, "'minimum': expected a number"),
        (#"{"type":"integer","minimum":1e99}"#, "'minimum': expected a number"),
        (#"{"required":[1]}"#, "'required': expected strings"),
        (#"{"properties":[]}"#, "'properties': expected an object"),
        (#"{"properties":{"a":false},"required":["a"]}"#, "'a' is required, and may not be there"),
        (#"{"type":"string","x":1}"#, "the keyword 'x' is not supported"),
        (#"{"type":"object","patternProperties":[]}"#, "'patternProperties': expected an object, got array"),
        (#"{"patternProperties":{"(?=a)":true}}"#, "#/patternProperties/(?=a): 'pattern': look-ahead is not supported"),
        (#"{"properties":{"ab":true},"patternProperties":{"b":false}}"#, "'ab' matches a pattern with another schema"),
        (#"{"type":"integer","multipleOf":0}"#, "'multipleOf': expected 1 to 1000"),
        (#"{"type":"integer","multipleOf":1001}"#, "'multipleOf': expected 1 to 1000"),
        (#"{"type":"number","multipleOf":-2}"#, "'multipleOf': expected 1 to 1000"),
        (#"{"type":"number","multipleOf":0.0000000001}"#, "'multipleOf': expected 1 to 1000"),
        (#"{"type":"number","multipleOf":"3"}"#, "'multipleOf': expected a number"),
        (#"{"oneOf":[]}"#, "#/oneOf: expected a list of schemas"),
        (#"{"oneOf":[true],"type":"string"}"#, "'type' beside 'oneOf'"),
        (#"{"oneOf":[{"type":"integer"},{"type":"number"}]}"#, "against 0 may be valid against 1 too"),
        (#"{"oneOf":[{"type":"null"},{"type":"integer"},{"enum":[3]}]}"#, "against 1 may be valid against 2 too"),
        // Without a type a schema says nothing about other types, though we write none of them.
        (#"{"oneOf":[{"type":"string"},{"minimum":3}]}"#, "against 0 may be valid against 1 too"),
        (#"{"oneOf":[{"type":"object","properties":{"a":{"type":"string"}}},{"type":"object"}]}"#, "may be valid"),
        // Whether a format is heeded depends on who judges.
        (#"{"oneOf":[{"type":"string","pattern":"^[a-z]*$"},{"type":"string","format":"date"}]}"#, "may be valid"),
        (#"{"oneOf":[{"enum":["a"]},{"type":"string","format":"date"}]}"#, "may be valid"),
        (##"{"oneOf":[{"type":"null"},{"$ref":"#"}]}"##, "may be valid against"),
        (
            ##"{"oneOf":[{"const":1},{"$ref":"#/$defs/x"}],"$defs":{"x":{"anyOf":[{"$ref":"#/$defs/x"},"##
                + ##"{"$ref":"#/$defs/x"}]}}}"##, "there is too much to compare"
        ),
        (#"{"patternProperties":{"(a|b)*a(a|b){30}":true}}"#, "'patternProperties': the patterns together need"),
        ("[]", "#: expected an object or a boolean, got array"),
        ("{", "is not JSON"), (#"{"a":1,"a":2}"#, "the key \"a\" twice"),
        (#"{"type":"array","maxItems":99999}"#, "in 0 to 10000"),
        (String(repeating: "[", count: 200), "values deep"),
    ]

    @Test(
        "what would be ignored, or is no schema, is refused, and named",
        arguments: refused)
    func refusals(schema: String, words: String) {
        let error = #expect(throws: ConstraintError.self) { try TestVocabulary.constraint(.jsonSchema(schema)) }
        #expect(error?.field == "json_schema" && error?.problem.contains(words) == true, "\(error as Any)")
    }

    /// Goal: bounds are kept exactly.
    ///
    /// Method: random bounds and random decimals near them, compared as whole numbers of
    /// thousandths.
    @Test("numbers within bounds are exactly those", arguments: 1...60)
    func bounds(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let places = [0, 1, 2, 3].randomElement(using: &random)!
        let unit = [1000, 100, 10, 1][places]
        func thousandths() -> Int {
            Int.random(in: [-9...9, -150...150, -3000...3000].randomElement(using: &random)!, using: &random) * unit
        }
        let (low, high) = (
            Bool.random(using: &random) ? thousandths() : nil, Bool.random(using: &random) ? thousandths() : nil
        )
        let (isLowExclusive, isHighExclusive) = (Bool.random(using: &random), Bool.random(using: &random))
        let isInteger = Bool.random(using: &random)
        var parts = [#""type":"\#(isInteger ? "integer" : "number")""#]
        if let low { parts.append(#""\#(isLowExclusive ? "exclusiveMinimum" : "minimum")":\#(text(low))"#) }
        if let high { parts.append(#""\#(isHighExclusive ? "exclusiveMaximum" : "maximum")":\#(text(high))"#) }
        try #require(low != nil || high != nil || parts.count == 1)
        let machine = Machine(
            try ConstraintSpecification.jsonSchema("{" + parts.joined(separator: ",") + "}").grammar())
        let near = [low, high].compactMap(\.self).flatMap { bound in
            (-12...12).map { bound + $0 } + (-5...5).map { bound + $0 * 1000 }
        }
        for value in near + (0..<300).map({ _ in thousandths() }) + [0] {
            let isWhole = value % 1000 == 0
            let isInside =
                (low.map { isLowExclusive ? value > $0 : value >= $0 } ?? true)
                && (high.map { isHighExclusive ? value < $0 : value <= $0 } ?? true) && (isWhole || !isInteger)
            #expect(machine.accepts(text(value)) == isInside, "\(text(value)) in \(parts)")
            guard !isInteger, isWhole, value != 0 else { continue }
            #expect(machine.accepts(text(value) + ".00") == isInside, "\(text(value)).00 in \(parts)")
        }
    }

    /// Thousandths as JSON has them.
    private func text(_ thousandths: Int) -> String {
        let (whole, rest) = (abs(thousandths) / 1000, abs(thousandths) % 1000)
        var text = (thousandths < 0 ? "-" : "") + "\(whole)"
        if rest > 0 {
            var digits = String(rest + 1000).dropFirst()
            while digits.last == "0" { digits.removeLast() }
            text += "." + digits
        }
        return text
    }

    /// Goal: whatever is written parses and is valid.
    ///
    /// Method: random schemas, a model without an opinion, Foundation as
    /// parser, and a validator of its own.
    @Test("whatever a model without an opinion writes is valid", arguments: 1...60)
    func randomSchemas(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<5 {
            let schema = SchemaMaking.schema(depth: 3, &random)
            let text = String(
                decoding: try JSONSerialization.data(withJSONObject: schema, options: .fragmentsAllowed), as: UTF8.self)
            var writer = try RandomWriter(.jsonSchema(text))
            for _ in 0..<4 {
                let bytes = try writer.text(&random)
                let answer = try #require(String(validating: bytes, as: UTF8.self), "half a character at the end")
                let value = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
                #expect(SchemaMaking.isValid(value, schema), "\(answer) for \(text)")
            }
        }
    }

    @Test("any JSON parses", arguments: 1...20)
    func anyJSON(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var writer = try RandomWriter(.json)
        for _ in 0..<10 {
            let bytes = try writer.text(&random)
            #expect(throws: Never.self) {
                try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            }
        }
    }

    @Test("a text of JSON is read as Foundation reads it, or refused as it is", arguments: 1...100)
    func parsing(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var writer = try RandomWriter(.json)
        var bytes = try writer.text(&random)
        let text = try #require(String(validating: bytes, as: UTF8.self))
        // A key may come twice, which only we refuse.
        if let value = try? JSONText(parsing: text) {
            #expect(try JSONText(parsing: value.text) == value)
            let ours = try JSONSerialization.jsonObject(with: Data(value.text.utf8), options: .fragmentsAllowed)
            let theirs = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            #expect(try canonical(ours) == canonical(theirs))
        }
        guard !bytes.isEmpty else { return }
        for _ in 0..<20 {
            let index = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 32...126, using: &random)
            case 1: bytes.insert(UInt8(ascii: "\""), at: index)
            default: bytes.removeSubrange(index...)
            }
            guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else { break }
            // Only that it comes back.
            _ = try? JSONText(parsing: text)
        }
    }
}

/// A value of Foundation's as one text, whatever order its keys came in.
private func canonical(_ value: Any) throws -> Data {
    try JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
}

/// Random schemas of every supported keyword, and what is valid against them.
private enum SchemaMaking {
    static func schema(depth: Int, _ random: inout SeededGenerator) -> Any {
        let kinds = depth > 0 ? 0..<9 : 3..<9
        switch Int.random(in: kinds, using: &random) {
        case 0: return object(depth, &random)
        case 1: return array(depth, &random)
        case 2: return ["anyOf": (0..<2).map { _ in schema(depth: depth - 1, &random) }]
        case 3:
            let low = Int.random(in: -50...50, using: &random)
            return ["type": "integer", "minimum": low, "maximum": low + Int.random(in: 0...300, using: &random)]
        case 4: return ["type": "number", "exclusiveMinimum": Int.random(in: -5...5, using: &random)]
        case 5:
            let low = Int.random(in: 0...4, using: &random)
            return ["type": "string", "minLength": low, "maxLength": low + Int.random(in: 0...5, using: &random)]
        case 6:
            return [
                "type": "string", "pattern": ["^a+$", "[0-9]{2}", "x|yz", "^(ab|c)*$"].randomElement(using: &random)!,
            ]
        case 7: return ["enum": ["yes", 3, NSNull(), "é\"\n"]]
        default: return ["type": ["boolean", "null"]]
        }
    }

    private static func object(_ depth: Int, _ random: inout SeededGenerator) -> [String: Any] {
        let names = ["name", "n", "a\"b", "é", "age"].filter { _ in Bool.random(using: &random) }
        var result: [String: Any] = [
            "type": "object",
            "properties": Dictionary(uniqueKeysWithValues: names.map { ($0, schema(depth: depth - 1, &random)) }),
            "required": names.filter { _ in Bool.random(using: &random) },
        ]
        if Bool.random(using: &random) { result["additionalProperties"] = schema(depth: depth - 1, &random) }
        return result
    }

    private static func array(_ depth: Int, _ random: inout SeededGenerator) -> [String: Any] {
        let low = Int.random(in: 0...2, using: &random)
        var result: [String: Any] = ["type": "array", "items": schema(depth: depth - 1, &random), "minItems": low]
        if Bool.random(using: &random) { result["maxItems"] = low + 2 }
        if Bool.random(using: &random) { result["prefixItems"] = [schema(depth: depth - 1, &random)] }
        return result
    }

    static func isValid(_ value: Any, _ schema: Any) -> Bool {
        guard let schema = schema as? [String: Any] else { return false }
        if let all = schema["anyOf"] as? [Any] { return all.contains { isValid(value, $0) } }
        if let all = schema["enum"] as? [Any] {
            return all.contains { (try? canonical($0)) == (try? canonical(value)) }
        }
        let types = schema["type"] as? [String] ?? [schema["type"] as? String ?? ""]
        return types.contains { isValid(value, type: $0, schema) }
    }

    private static func isValid(_ value: Any, type: String, _ schema: [String: Any]) -> Bool {
        let number = value as? NSNumber
        let isBoolean = number.map { CFBooleanIdentity.isBoolean($0) } ?? false
        switch type {
        case "null": return value is NSNull
        case "boolean": return isBoolean
        case "integer", "number":
            guard let double = number?.doubleValue, !isBoolean else { return false }
            return double >= (schema["minimum"] as? Int).map(Double.init) ?? -.infinity
                && double <= (schema["maximum"] as? Int).map(Double.init) ?? .infinity
                && double > (schema["exclusiveMinimum"] as? Int).map(Double.init) ?? -.infinity
                && (type == "number" || double == double.rounded())
        case "string": return isValid(string: value as? String, schema)
        case "array":
            guard let elements = value as? [Any] else { return false }
            let first = schema["prefixItems"] as? [Any] ?? []
            return elements.count >= schema["minItems"] as? Int ?? 0
                && elements.count <= schema["maxItems"] as? Int ?? .max
                && elements.enumerated().allSatisfy { isValid($1, $0 < first.count ? first[$0] : schema["items"]!) }
        default:
            guard let members = value as? [String: Any] else { return false }
            let properties = schema["properties"] as? [String: Any] ?? [:]
            return (schema["required"] as? [String] ?? []).allSatisfy { members[$0] != nil }
                && members.allSatisfy { name, member in
                    (properties[name] ?? schema["additionalProperties"]).map { isValid(member, $0) } ?? true
                }
        }
    }

    private static func isValid(string: String?, _ schema: [String: Any]) -> Bool {
        guard let string else { return false }
        let count = string.unicodeScalars.count
        guard count >= schema["minLength"] as? Int ?? 0, count <= schema["maxLength"] as? Int ?? .max else {
            return false
        }
        guard let pattern = schema["pattern"] as? String else { return true }
        return (try? Regex(pattern).matchingSemantics(.unicodeScalar).firstMatch(in: string)) != nil
    }
}

/// How Foundation says that a number of JSON is a truth value.
private enum CFBooleanIdentity {
    static func isBoolean(_ number: NSNumber) -> Bool {
        String(cString: number.objCType) == "c" || number === kTrue || number === kFalse
    }
    private static let kTrue = NSNumber(value: true)
    private static let kFalse = NSNumber(value: false)
}
