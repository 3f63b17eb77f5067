/// What a caller wants an answer to look like.
package enum ConstraintSpecification: Sendable, Hashable {
    /// The whole answer matches a regular expression, see `RegularExpression`.
    case regex(String)
    /// The answer is one of these texts.
    case choices([String])
    /// The answer is a JSON text that is valid against a JSON Schema, see `JSONSchema`.
    case jsonSchema(String)
    /// The answer is a JSON text.
    case json

    /// Most choices, and most bytes in all of them.
    package static let choiceCountMax = 4096
    package static let choiceByteCountMax = 1 << 18

    /// The name of the field in requests.
    package var field: String {
        switch self {
        case .regex: "regex"
        case .choices: "choices"
        case .jsonSchema: "json_schema"
        case .json: "json"
        }
    }

    /// Compiles it for a vocabulary.
    ///
    /// - Parameters:
    ///   - trie: the bytes of the vocabulary's tokens.
    ///   - endTokens: tokens by which the model says that a text ends.
    /// - Returns: what says which tokens may come next.
    /// - Throws: `ConstraintError` naming the field: what is not supported or wrong, and where.
    package func compiled(for trie: TokenTrie, endTokens: Set<Int32>) throws(ConstraintError) -> Constraint {
        try Constraint(grammar(), field: field, trie: trie, endTokens: endTokens)
    }

    func grammar() throws(ConstraintError) -> Grammar {
        switch self {
        case .regex(let text):
            let expression: RegularExpression
            do {
                expression = try RegularExpression(text)
            } catch {
                throw ConstraintError(field: field, problem: error.problem)
            }
            return try Self.grammar(of: expression.wholeText, field: field)
        case .choices(let texts):
            try check(texts)
            return try Self.grammar(of: .alternatives(texts.map(Pattern.text)), field: field)
        case .jsonSchema(let text): return try Self.grammar(ofSchema: text, field: field)
        case .json: return try Self.grammar(ofSchema: "true", field: field)
        }
    }

    private func check(_ texts: [String]) throws(ConstraintError) {
        guard (1...Self.choiceCountMax).contains(texts.count) else {
            throw ConstraintError(
                field: field, problem: "expected 1 to \(Self.choiceCountMax) texts, got \(texts.count)")
        }
        let byteCount = texts.reduce(0) { $0 + $1.utf8.count }
        guard byteCount <= Self.choiceByteCountMax else {
            throw ConstraintError(
                field: field, problem: "expected at most \(Self.choiceByteCountMax) bytes in all, got \(byteCount)")
        }
        guard !texts.contains("") else {
            throw ConstraintError(field: field, problem: "expected texts, got an empty one")
        }
    }

    private static func grammar(of pattern: Pattern, field: String) throws(ConstraintError) -> Grammar {
        var grammar = Grammar()
        let number = grammar.addRule()
        let rule = grammar.rules[Int(number)]
        grammar.add(pattern, from: rule.start, to: rule.end, as: .plain)
        guard !grammar.isTooLarge else {
            throw ConstraintError(field: field, problem: "needs more than \(Grammar.stateCountMax) states")
        }
        return grammar
    }

    private static func grammar(ofSchema text: String, field: String) throws(ConstraintError) -> Grammar {
        do {
            return try JSONSchema.grammar(of: text)
        } catch {
            throw ConstraintError(field: field, problem: error.problem)
        }
    }
}
