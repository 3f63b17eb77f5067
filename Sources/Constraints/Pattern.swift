/// What a regular expression says, as a tree.
indirect enum Pattern: Equatable, Sendable {
    /// One character out of a set.
    case set(ScalarSet)
    /// One after the other; the empty list is the empty text.
    case sequence([Pattern])
    /// One of them.
    case alternatives([Pattern])
    /// Between `min` and `max` times, or any number of times from `min` on.
    case repeated(Pattern, min: Int, max: Int?)

    /// Exactly these characters.
    static func text(_ text: String) -> Pattern {
        .sequence(text.unicodeScalars.map { .set(ScalarSet($0)) })
    }

    static let anyText = Pattern.repeated(.set(.all), min: 0, max: nil)
}

/// A regular expression of the subset that can be decided byte by byte.
///
/// ```
/// literals        a é \. \n \t \r \f \v \0 \xHH \uHHHH \u{H…} \/ and any other character that means nothing itself
/// classes         . [abc] [a-z] [^…] \d \D \w \W \s \S (as in ECMAScript: ASCII digits and letters), \p{Lu} \P{L}
///                 (general categories), also within [ ]; . is any character but a line end
/// groups          (…) (?:…) (?<name>…) (?P<name>…)
/// alternatives    a|b
/// quantifiers     * + ? {n} {n,} {n,m}; a ? behind one changes nothing about which texts match, and is allowed
/// anchors         ^ and $ at the ends of the whole, or of its alternatives
/// ```
///
/// Look-around, back references, word borders, possessive quantifiers, and flags are refused by name.
///
/// - Source: ECMA-262, section 22.2 (the syntax that JSON Schema recommends).
struct RegularExpression: Sendable {
    /// The alternatives of the whole.
    let branches: [Branch]

    /// One alternative of the whole, and whether it says where the text begins and ends.
    struct Branch: Equatable, Sendable {
        var pattern: Pattern
        var isAnchoredAtStart = false
        var isAnchoredAtEnd = false
    }

    /// Longest expression, in UTF-8 bytes.
    static let byteCountMax = 16_384
    /// Groups within groups.
    static let depthMax = 64
    /// Highest bound of a quantifier.
    static let boundMax = 10_000

    /// - Throws: what is wrong, and at which character.
    init(_ text: String) throws(RegularExpressionError) {
        guard text.utf8.count <= Self.byteCountMax else {
            throw RegularExpressionError("is \(text.utf8.count) bytes long, more than \(Self.byteCountMax)")
        }
        var parser = RegularExpressionParser(Array(text.unicodeScalars))
        branches = try parser.parse()
    }

    /// The texts that match from their beginning to their end.
    var wholeText: Pattern { .alternatives(branches.map(\.pattern)) }

    /// The texts in which something matches, as JSON Schema's `pattern` has it.
    var anywhere: Pattern {
        .alternatives(
            branches.map { branch in
                .sequence(
                    (branch.isAnchoredAtStart ? [] : [.anyText]) + [branch.pattern]
                        + (branch.isAnchoredAtEnd ? [] : [.anyText]))
            })
    }
}

/// Why a text is not a regular expression of the subset.
struct RegularExpressionError: Error, Equatable {
    let problem: String

    init(_ problem: String) { self.problem = problem }
}
