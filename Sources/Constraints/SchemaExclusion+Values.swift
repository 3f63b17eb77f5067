extension SchemaExclusion {
    /// Whether a value is valid against a schema; nil where that is not known.
    ///
    /// - Source: JSON Schema 2020-12, Validation, section 6; Core, sections 10 and 11.
    func isValid(_ value: JSONText, _ schema: JSONText, depth: Int = 0) -> Bool? {
        guard depth < Self.valueDepthMax, (try? self.schema.work.take(1)) != nil else { return nil }
        switch schema {
        case .bool(let isValid): return isValid
        case .object(let members):
            return all(members.map(\.key)) { keyword in heeds(value, keyword, schema, depth: depth) }
        default: return nil
        }
    }

    private static let valueDepthMax = 64

    /// False as soon as one is, and known only when all are.
    private func all<Part>(_ parts: some Sequence<Part>, _ isTrue: (Part) -> Bool?) -> Bool? {
        var result: Bool? = true
        for part in parts {
            switch isTrue(part) {
            case false?: return false
            case nil: result = nil
            case true?: break
            }
        }
        return result
    }

    /// How many of the schemas a value is valid against; nil where that is not known.
    private func count(_ value: JSONText, _ list: JSONText?, depth: Int) -> (known: Int, unknown: Int)? {
        guard case .array(let schemas)? = list else { return nil }
        let results = schemas.map { isValid(value, $0, depth: depth + 1) }
        return (results.count { $0 == true }, results.count { $0 == nil })
    }

    private func heeds(_ value: JSONText, _ keyword: String, _ schema: JSONText, depth: Int) -> Bool? {
        let argument = schema[keyword]!
        switch keyword {
        case "type": return hasType(value, schema)
        case "const": return equal(value, argument)
        case "enum":
            guard case .array(let values) = argument else { return nil }
            let results = values.map { equal(value, $0) }
            return results.contains(true) ? true : results.contains(nil) ? nil : false
        case "anyOf":
            return count(value, argument, depth: depth).flatMap { $0.known > 0 ? true : $0.unknown > 0 ? nil : false }
        case "oneOf":
            return count(value, argument, depth: depth).flatMap {
                $0.known > 1 ? false : $0.unknown > 0 ? nil : $0.known == 1
            }
        case "allOf":
            guard case .array(let schemas) = argument else { return nil }
            return all(schemas) { isValid(value, $0, depth: depth + 1) }
        case "$ref":
            return target(of: argument).flatMap { isValid(value, $0, depth: depth + 1) }
        default:
            if JSONSchema.annotations.contains(keyword) || keyword.hasPrefix("x-") { return true }
            switch value {
            case .object(let members): return heeds(members, keyword, schema, depth: depth)
            case .array(let elements): return heeds(elements, keyword, schema, depth: depth)
            case .string(let text): return heeds(text, keyword, schema)
            case .number(let digits): return heeds(number: digits, keyword, schema)
            case .bool, .null: return JSONSchema.isOfOneType(keyword) ? true : nil
            }
        }
    }

    private func hasType(_ value: JSONText, _ schema: JSONText) -> Bool? {
        guard let types = validTypes(schema) else { return nil }
        guard case .number(let digits) = value else { return types.contains(value.typeName) }
        if types.contains("number") { return true }
        guard types.contains("integer") else { return false }
        return Decimal(digits).map { $0.fraction.isEmpty }
    }

    private func equal(_ left: JSONText, _ right: JSONText) -> Bool? {
        switch (left, right) {
        case (.number(let left), .number(let right)):
            guard let left = Decimal(left), let right = Decimal(right) else { return left == right ? true : nil }
            return left == right
        // Not as String compares: other scalars are another text.
        case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
        case (.array(let left), .array(let right)):
            return left.count == right.count ? all(zip(left, right)) { equal($0.0, $0.1) } : false
        case (.object(let left), .object(let other)):
            guard left.count == other.count else { return false }
            return all(left) { member in right[member.key].map { equal(member.value, $0) } ?? false }
        default: return left == right
        }
    }

    // MARK: - By type

    private func heeds(_ members: [JSONText.Member], _ keyword: String, _ schema: JSONText, depth: Int) -> Bool? {
        switch keyword {
        case "required":
            return names(schema["required"]).allSatisfy { name in members.contains { $0.key == name } }
        // All three at once, and once.
        case "properties", "patternProperties", "additionalProperties":
            let first = ["properties", "patternProperties", "additionalProperties"].first { schema[$0] != nil }
            guard keyword == first else { return true }
            return all(members) { member in
                guard let schemas = validProperty(member.key, of: schema) else { return nil }
                return all(schemas) { isValid(member.value, $0, depth: depth + 1) }
            }
        default: return JSONSchema.isOfOneType(keyword) ? true : nil
        }
    }

    private func heeds(_ elements: [JSONText], _ keyword: String, _ schema: JSONText, depth: Int) -> Bool? {
        switch keyword {
        case "minItems", "maxItems":
            return lengths(schema, "minItems", "maxItems").map { $0.contains(elements.count) }
        case "items", "prefixItems":
            return all(elements.enumerated()) { isValid($0.element, element($0.offset, of: schema), depth: depth + 1) }
        case "uniqueItems": return schema["uniqueItems"] == .bool(false) ? true : nil
        default: return JSONSchema.isOfOneType(keyword) ? true : nil
        }
    }

    private func heeds(_ text: String, _ keyword: String, _ schema: JSONText) -> Bool? {
        switch keyword {
        case "minLength", "maxLength":
            return lengths(schema, "minLength", "maxLength").map { $0.contains(text.unicodeScalars.count) }
        case "pattern":
            guard let pattern = try? JSONSchema.pattern(schema["pattern"]!, at: "#"),
                let machine = try? self.schema.work.machine(pattern)
            else { return nil }
            return try? self.schema.work.matches(machine, text)
        case "format": return nil
        default: return JSONSchema.isOfOneType(keyword) ? true : nil
        }
    }

    private func heeds(number digits: String, _ keyword: String, _ schema: JSONText) -> Bool? {
        guard JSONSchema.isOfOneType(keyword) else { return nil }
        guard let value = Decimal(digits) else { return JSONSchema.isOfNumbers(keyword) ? nil : true }
        let bound = { (name: String) in try? self.schema.decimal(name, in: schema, at: "#") }
        switch keyword {
        case "minimum": return bound(keyword).map { !(value < $0) }
        case "maximum": return bound(keyword).map { !(value > $0) }
        case "exclusiveMinimum": return bound(keyword).map { value > $0 }
        case "exclusiveMaximum": return bound(keyword).map { value < $0 }
        case "multipleOf": return (try? self.schema.multiple(in: schema, at: "#"))?.divides(value)
        default: return true
        }
    }
}
