extension JSONSchema {
    /// What `patternProperties` says of the keys that match.
    struct PatternProperty {
        let schema: JSONText
        let path: String
        fileprivate let machine: Machine
        fileprivate let work: SchemaWork

        /// Whether something in `name` matches.
        ///
        /// - Throws: when a limit is hit before that is known.
        func matches(_ name: String) throws(JSONSchemaError) -> Bool {
            guard let matches = try work.matches(machine, name) else {
                throw JSONSchemaError("\(path): the pattern needs too many states")
            }
            return matches
        }
    }

    /// Most states of the automaton that tells keys apart.
    static let keyStateCountMax = 4096

    /// The patterns of an object in order.
    func patternProperties(of schema: JSONText, at path: String) throws(JSONSchemaError) -> [PatternProperty] {
        switch schema["patternProperties"] {
        case nil: return []
        case .object(let members)?:
            var patterns: [PatternProperty] = []
            for member in members {
                let path = "\(path)/patternProperties/\(Self.escaped(member.key))"
                let pattern = try Self.pattern(.string(member.key), at: path)
                guard let machine = try work.machine(pattern) else {
                    throw JSONSchemaError("\(path): the pattern needs too many states")
                }
                patterns.append(PatternProperty(schema: member.value, path: path, machine: machine, work: work))
            }
            return patterns
        case let other?:
            throw JSONSchemaError("\(path): 'patternProperties': expected an object, got \(other.typeName)")
        }
    }

    static func first(
        of patterns: [PatternProperty], matching name: String
    ) throws(JSONSchemaError) -> PatternProperty? {
        for pattern in patterns {
            if try pattern.matches(name) { return pattern }
        }
        return nil
    }

    /// Adds keys in quotation marks that match patterns, or none of them where `further` says what those look like, and
    /// are none of `names`; each with a colon and a value behind it.
    ///
    /// All automata run side by side, so that it is known of each key which patterns it matches. Where these have
    /// several schemas, all would have to hold: such keys are not written.
    mutating func addKeys(
        _ patterns: [PatternProperty], _ further: (schema: JSONText, path: String)?, except names: [String],
        at path: String, from start: Int32, to end: Int32
    ) throws(JSONSchemaError) {
        let plain = ScalarSet([0...0x1F, 0x22...0x22, 0x5C...0x5C]).complement
        guard let text = try work.machine(.repeated(.set(plain), min: 0, max: nil)),
            let taken = try work.machine(.alternatives(names.map(Pattern.text)))
        else { throw JSONSchemaError("\(path): the names of properties need too many states") }
        var product = MachineProduct([text, taken] + patterns.map(\.machine), work)
        var ends: [String: Int32] = [:]
        var states: [MachineProduct.Place: Int32] = [:]
        var open: [MachineProduct.Place] = []
        func state(_ place: MachineProduct.Place) -> Int32 {
            if let known = states[place] { return known }
            let new = grammar.addState()
            states[place] = new
            open.append(place)
            return new
        }
        let first = state(product.start)
        add("\"", from: start, to: first)
        while let place = open.popLast() {
            let from = state(place)
            guard states.count <= Self.keyStateCountMax, !product.isExhausted else {
                throw JSONSchemaError("\(path): 'patternProperties': the patterns together need too many states")
            }
            if product.accepts(place, 0), !product.accepts(place, 1) {
                let matching = patterns.indices.filter { product.accepts(place, $0 + 2) }.map { patterns[$0] }
                let meant = matching.isEmpty ? further : Self.only(of: matching)
                if let meant {
                    let colon = ends[meant.path] ?? addColon(meant.schema, at: meant.path, to: end)
                    ends[meant.path] = colon
                    add("\"", from: from, to: colon)
                }
            }
            // What is no plain text is no key, whatever the patterns say.
            for (bytes, next) in try product.ways(from: place) where next[0] != Machine.dead {
                let to = state(next)
                grammar.add(.bytes(bytes, to: to), from: from)
            }
        }
    }

    /// The one schema that says something among those of patterns; nil where there are several, or it is false.
    private static func only(of patterns: [PatternProperty]) -> (schema: JSONText, path: String)? {
        let restricting = patterns.filter { $0.schema != .bool(true) }
        guard let first = restricting.first ?? patterns.first, first.schema != .bool(false),
            restricting.allSatisfy({ $0.schema == first.schema })
        else { return nil }
        return (first.schema, first.path)
    }
}
