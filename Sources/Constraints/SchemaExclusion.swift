/// Sees whether JSON Schemas exclude each other.
///
/// The one side is what `JSONSchema` *writes* for a schema, the other what is *valid* against one, which is more: a
/// schema without `type` lets values of other types be, and one without `additionalProperties` any further property.
/// A "no" may only mean that it was not seen: of recursive schemas, of formats, which need not be heeded by who judges,
/// or beyond a limit.
struct SchemaExclusion {
    let schema: JSONSchema
    /// Schemas within schemas.
    private static let depthMax = 32
    /// Most places of two patterns side by side.
    private static let placeCountMax = 4096
    private static let types: Set<String> = ["object", "array", "string", "number", "boolean", "null"]

    init(_ schema: JSONSchema) { self.schema = schema }

    /// The values that are written for a schema, where it lists them or its types have few.
    func values(of schema: JSONText) -> [JSONText]? {
        guard let schema = resolved(schema) else { return nil }
        if schema["enum"] != nil || schema["const"] != nil { return try? self.schema.values(schema, at: "#") }
        guard schema["type"] != nil, schema["anyOf"] == nil, schema["oneOf"] == nil, let types = writtenTypes(schema),
            types.isSubset(of: ["boolean", "null"])
        else { return nil }
        return (types.contains("null") ? [.null] : []) + (types.contains("boolean") ? [.bool(true), .bool(false)] : [])
    }

    /// The values that may be valid, where a schema lists them; not only those of its type.
    private func listed(_ schema: JSONText) -> [JSONText]? {
        if let value = schema["const"] { return [value] }
        guard case .array(let values)? = schema["enum"] else { return nil }
        return values
    }

    /// Whether nothing that is written for `written` is valid against `valid`.
    func excludes(_ written: JSONText, _ valid: JSONText) -> Bool { excludes(written, valid, depth: 0) }

    private func excludes(_ written: JSONText, _ valid: JSONText, depth: Int) -> Bool {
        guard (try? self.schema.work.take(1)) != nil, depth < Self.depthMax, let written = resolved(written),
            let valid = resolved(valid)
        else {
            return false
        }
        if written == .bool(false) || valid == .bool(false) { return true }
        for name in ["anyOf", "oneOf"] {
            if case .array(let parts)? = written[name] {
                return parts.allSatisfy { excludes($0, valid, depth: depth + 1) }
            }
        }
        if case .array(let parts)? = valid["allOf"], parts.contains(where: { excludes(written, $0, depth: depth + 1) })
        {
            return true
        }
        for name in ["anyOf", "oneOf"] {
            if case .array(let parts)? = valid[name], parts.allSatisfy({ excludes(written, $0, depth: depth + 1) }) {
                return true
            }
        }
        if let values = values(of: written) { return values.allSatisfy { isValid($0, valid) == false } }
        if let values = listed(valid) { return values.allSatisfy { isValid($0, written) == false } }
        guard let types = writtenTypes(written) else { return false }
        return types.allSatisfy { excludes(type: $0, written, valid, depth: depth) }
    }

    /// Whether nothing of a type that is written is valid.
    private func excludes(type: String, _ written: JSONText, _ valid: JSONText, depth: Int) -> Bool {
        if let types = validTypes(valid) {
            let isNumber = type == "integer" || type == "number"
            guard types.contains(type) || isNumber && !types.isDisjoint(with: ["integer", "number"]) else {
                return true
            }
        }
        switch type {
        case "object": return excludesObject(written, valid, depth: depth)
        case "array": return excludesArray(written, valid, depth: depth)
        case "string": return excludesString(written, valid)
        case "integer", "number": return excludesNumber(written, valid)
        default: return false
        }
    }

    // MARK: - Objects and arrays

    /// A property that one of them requires, and of which they say what excludes each other.
    private func excludesObject(_ written: JSONText, _ valid: JSONText, depth: Int) -> Bool {
        for name in Set(names(written["required"]) + names(valid["required"])).sorted() {
            guard let mine = writtenProperty(name, of: written), let theirs = validProperty(name, of: valid) else {
                continue
            }
            if theirs.contains(where: { excludes(mine, $0, depth: depth + 1) }) { return true }
        }
        return false
    }

    /// What is written for a property, false where nothing is; nil where that is not known.
    private func writtenProperty(_ name: String, of schema: JSONText) -> JSONText? {
        if let declared = schema["properties"]?[name] { return declared }
        guard let patterns = try? self.schema.patternProperties(of: schema, at: "#") else { return nil }
        for pattern in patterns {
            guard let matches = try? pattern.matches(name) else { return nil }
            if matches { return pattern.schema }
        }
        if names(schema["required"]).contains(name) { return schema["additionalProperties"] ?? .bool(true) }
        return self.schema.furtherProperties(of: schema, at: "#")?.schema ?? .bool(false)
    }

    /// All that a property has to be valid against; nil where that is not known.
    func validProperty(_ name: String, of schema: JSONText) -> [JSONText]? {
        guard let patterns = try? self.schema.patternProperties(of: schema, at: "#") else { return nil }
        var all = schema["properties"]?[name].map { [$0] } ?? []
        for pattern in patterns {
            guard let matches = try? pattern.matches(name) else { return nil }
            if matches { all.append(pattern.schema) }
        }
        return all.isEmpty ? [schema["additionalProperties"] ?? .bool(true)] : all
    }

    func names(_ list: JSONText?) -> [String] {
        guard case .array(let names)? = list else { return [] }
        return names.compactMap { if case .string(let name) = $0 { name } else { nil } }
    }

    /// Lengths apart, or an element that one of them requires.
    private func excludesArray(_ written: JSONText, _ valid: JSONText, depth: Int) -> Bool {
        guard let mine = lengths(written, "minItems", "maxItems"), let theirs = lengths(valid, "minItems", "maxItems")
        else { return false }
        if !mine.overlaps(theirs) { return true }
        for index in 0..<min(max(mine.lowerBound, theirs.lowerBound), 64) {
            let (element, other) = (self.element(index, of: written), self.element(index, of: valid))
            if excludes(element, other, depth: depth + 1) { return true }
        }
        return false
    }

    func element(_ index: Int, of schema: JSONText) -> JSONText {
        if case .array(let first)? = schema["prefixItems"], index < first.count { return first[index] }
        return schema["items"] ?? .bool(true)
    }

    /// How many elements or characters there may be; nil where that is no schema.
    func lengths(_ schema: JSONText, _ min: String, _ max: String) -> ClosedRange<Int>? {
        guard let least = try? self.schema.count(min, in: schema, at: "#") ?? 0,
            let most = try? self.schema.count(max, in: schema, at: "#") ?? Int.max, least <= most
        else { return nil }
        return least...most
    }
}

extension SchemaExclusion {
    // MARK: - Strings and numbers

    private func excludesString(_ written: JSONText, _ valid: JSONText) -> Bool {
        if let mine = lengths(written, "minLength", "maxLength"), let theirs = lengths(valid, "minLength", "maxLength"),
            !mine.overlaps(theirs)
        {
            return true
        }
        var mine: Pattern?
        if let pattern = written["pattern"] {
            mine = try? JSONSchema.pattern(pattern, at: "#")
        } else if let format = written["format"] {
            mine = try? JSONSchema.format(format, at: "#")
        } else {
            mine = range(of: written)
        }
        var theirs: [Pattern] = []
        if let pattern = valid["pattern"], let pattern = try? JSONSchema.pattern(pattern, at: "#") {
            theirs.append(pattern)
        }
        if valid["minLength"] != nil || valid["maxLength"] != nil, let range = range(of: valid) { theirs.append(range) }
        guard let mine else { return false }
        return theirs.contains { areDisjoint(mine, $0) }
    }

    /// Texts as long as a schema wants them.
    private func range(of schema: JSONText) -> Pattern? {
        guard let lengths = lengths(schema, "minLength", "maxLength"), lengths.lowerBound <= Self.placeCountMax,
            lengths.upperBound <= Self.placeCountMax || lengths.upperBound == .max
        else { return nil }
        return .repeated(
            .set(.all), min: lengths.lowerBound, max: lengths.upperBound == .max ? nil : lengths.upperBound)
    }

    private func areDisjoint(_ left: Pattern, _ right: Pattern) -> Bool {
        guard let left = try? schema.work.machine(left), let right = try? schema.work.machine(right) else {
            return false
        }
        var product = MachineProduct([left, right], schema.work)
        var seen: Set<MachineProduct.Place> = [product.start]
        var open = [product.start]
        while let place = open.popLast() {
            if product.accepts(place, 0), product.accepts(place, 1) { return false }
            guard let ways = try? product.ways(from: place) else { return false }
            for (_, next) in ways where !next.contains(Machine.dead) {
                if seen.insert(next).inserted { open.append(next) }
            }
            guard seen.count <= Self.placeCountMax, !product.isExhausted else { return false }
        }
        return true
    }

    /// Bounds apart.
    private func excludesNumber(_ written: JSONText, _ valid: JSONText) -> Bool {
        for (one, other) in [(written, valid), (valid, written)] {
            guard let upper = try? schema.upperBound(in: one, at: "#"),
                let lower = try? schema.lowerBound(in: other, at: "#")
            else { continue }
            if upper.value < lower.value { return true }
            if upper.value == lower.value, !upper.isInclusive || !lower.isInclusive { return true }
        }
        return false
    }

    // MARK: - What schemas are

    /// What a reference, or `allOf` of one schema, means.
    private func resolved(_ schema: JSONText) -> JSONText? {
        var schema = schema
        for _ in 0..<Self.depthMax {
            if let reference = schema["$ref"] {
                guard let target = target(of: reference) else { return nil }
                schema = target
            } else if case .array(let parts)? = schema["allOf"], parts.count == 1 {
                schema = parts[0]
            } else {
                return schema
            }
        }
        return nil
    }

    /// The schema that a `$ref` means; nil when there is none.
    func target(of reference: JSONText) -> JSONText? { try? schema.target(of: reference, at: "#").schema }

    /// The types that are written for a schema; nil where it is none.
    private func writtenTypes(_ schema: JSONText) -> Set<String>? {
        guard case .object(let members) = schema else { return schema == .bool(true) ? Self.types : nil }
        guard let types = try? self.schema.types(schema, Set(members.map(\.key)), at: "#") else { return nil }
        return types.isEmpty ? Self.types : Set(types)
    }

    /// The types that may be valid; nil where all may.
    func validTypes(_ schema: JSONText) -> Set<String>? {
        guard schema["type"] != nil, let types = try? self.schema.types(schema, [], at: "#") else { return nil }
        return Set(types)
    }
}
