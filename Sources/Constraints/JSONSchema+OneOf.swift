extension JSONSchema {
    /// Adds alternatives of which exactly one may be valid.
    ///
    /// A grammar cannot say "but not that one too"; so each alternative's texts have to be seen to be invalid against
    /// all others, see `SchemaExclusion`. Of an alternative that is a list of values, those are left out that are valid
    /// against another one as well.
    mutating func addExclusiveAlternatives(
        _ alternatives: JSONText, at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        let schemas = try Self.alternatives(alternatives, at: path)
        let exclusion = SchemaExclusion(self)
        for (index, schema) in schemas.enumerated() {
            let others = schemas.indices.filter { $0 != index }
            if let values = exclusion.values(of: schema) {
                for value in values {
                    var isOther = false
                    for other in others {
                        guard let isValid = exclusion.isValid(value, schemas[other]) else {
                            throw mayBothHold(index, other, at: path)
                        }
                        isOther = isOther || isValid
                    }
                    if !isOther { add(value.text, from: start, to: end) }
                }
                continue
            }
            for other in others where !exclusion.excludes(schema, schemas[other]) {
                throw mayBothHold(index, other, at: path)
            }
            addCall(schema, at: "\(path)/\(index)", from: start, to: end)
        }
    }

    private func mayBothHold(_ index: Int, _ other: Int, at path: String) -> JSONSchemaError {
        if work.isExhausted { return JSONSchemaError("\(path): there is too much to compare") }
        return JSONSchemaError(
            "\(path): what is valid against \(index) may be valid against \(other) too; schemas have to "
                + "exclude each other, by type, enum, const, bounds, length, pattern, or such a property or element"
        )
    }
}
