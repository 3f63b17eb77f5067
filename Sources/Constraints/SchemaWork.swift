/// What comparing schemas and patterns may still cost while one schema is compiled, so that nobody's schema holds up
/// others.
///
/// One unit is a schema looked at, a state of an automaton in all its 256 ways, or 64 of its configurations.
final class SchemaWork {
    private(set) var isExhausted = false
    private var left = 50_000

    /// - Throws: when there is not as much left.
    func take(_ units: Int) throws(JSONSchemaError) {
        left -= units
        guard left < 0 else { return }
        isExhausted = true
        throw JSONSchemaError("takes too long to compare the schemas of 'oneOf', or the patterns of keys")
    }

    /// An automaton for a pattern alone; nil when it is beyond a limit.
    func machine(_ pattern: Pattern) throws(JSONSchemaError) -> Machine? {
        var grammar = Grammar()
        let number = grammar.addRule()
        let rule = grammar.rules[Int(number)]
        grammar.add(pattern, from: rule.start, to: rule.end, as: .plain)
        try take(1 + grammar.edges.count / 64)
        let machine = Machine(grammar)
        return grammar.isTooLarge || machine.isExhausted ? nil : machine
    }

    /// Whether a text is in the language; nil when a limit is hit before that is known.
    func matches(_ machine: Machine, _ text: String) throws(JSONSchemaError) -> Bool? {
        var machine = machine
        let workBefore = machine.workLeft
        var state = machine.start
        for byte in text.utf8 { state = machine.next(state, byte) }
        try take(1 + (workBefore - machine.workLeft) / 64)
        return machine.isExhausted ? nil : machine.isAccepting(state)
    }
}
