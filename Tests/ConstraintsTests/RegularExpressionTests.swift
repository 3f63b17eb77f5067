import TestSupport
import Testing

@testable import Constraints

@Suite struct RegularExpressionTests {
    private static let cases: [Case] = [
        Case("abc", ["abc"], ["", "ab", "abcd", "xabc"]), Case("a|bc|", ["a", "bc", ""], ["b", "abc"]),
        Case("(ab|c)*d?", ["", "d", "ababcd", "c"], ["a", "dd", "abd c"]),
        Case("[a-c]{2,3}", ["ab", "ccc"], ["a", "abca", "ad"]),
        Case("[^a-c\\d]+", ["xyz", "é", "日本"], ["", "a", "x1"]),
        Case("\\d{3}-\\w+", ["123-a_9"], ["12-a", "123-", "123-é"]),
        Case(".", ["a", "é", "🦊", "\t"], ["\n", "", "ab"]),
        Case("\\u0041\\x42\\u{1F98A}", ["AB🦊"], ["AB"]), Case("a{0}b{2}", ["bb"], ["abb", "b"]),
        Case("(?:x)(?<name>y)(?P<other>z)", ["xyz"], ["x"]), Case("^a$|^b$", ["a", "b"], ["ab"]),
        Case("a+?b*?c??", ["aab", "ac"], ["b"]), Case("\\p{Lu}\\p{L}*", ["Éa", "Abc"], ["abc", "A1"]),
        Case("[\\p{Nd}x]", ["٣", "x", "7"], ["y"]), Case("[a\\-z]", ["-", "z"], ["b"]),
        Case("[a-]", ["a", "-"], ["b"]), Case("\\.\\*\\\\\\/", [".*\\/"], ["a"]),
        Case("\\s\\S", [" a", "\u{3000}b"], ["a ", "  "]),
    ]

    @Test(
        "a text matches as a whole",
        arguments: cases)
    func matches(example: Case) throws {
        let (text, inside, outside) = (example.text, example.inside, example.outside)
        let machine = Machine(try ConstraintSpecification.regex(text).grammar())
        for text in inside { #expect(machine.accepts(text), "\(text)") }
        for text in outside { #expect(!machine.accepts(text), "\(text)") }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let inside: [String]
        let outside: [String]

        init(_ text: String, _ inside: [String], _ outside: [String]) {
            (self.text, self.inside, self.outside) = (text, inside, outside)
        }

        var testDescription: String { text }
    }

    private static let refused: [(String, String)] = [
        ("a(?=b)", "look-ahead"), ("(?<=a)b", "look-behind"), ("(a)\\1", "back reference"),
        ("\\bword", "word border"),
        ("a**", "* behind a quantifier"), ("a{2,1}", "empty"), ("a{20000}", "bound above"),
        ("(a", "( without its )"),
        ("a)", ") without its ("), ("[a", "[ without its ]"), ("[z-a]", "a range"), ("*a", "nothing to repeat"),
        ("(?i)a", "(?i is not supported"), ("a$b", "$ only stands at the end"), ("a^b", "^ only stands"),
        ("\\q", "\\q is not supported"), ("\\p{Greek}", "\\p{Greek} is not supported"),
        ("\\uD800", "not a character"),
        ("a\\", "\\ at the end"), ("(((a{1000}){1000}){1000})", "more than 100000 states"),
        ("{", "nothing to repeat"),
        ("[[:alpha:]]", "[: is not supported"), (String(repeating: "(", count: 100), "groups deep"),
        (String(repeating: "a", count: 20_000), "bytes long"),
    ]

    @Test(
        "what is not supported or no expression is refused, and named",
        arguments: refused)
    func refuses(text: String, words: String) {
        let error = #expect(throws: ConstraintError.self) { try ConstraintSpecification.regex(text).grammar() }
        #expect(error?.field == "regex" && error?.problem.contains(words) == true, "\(error as Any)")
    }

    /// Goal: the automaton decides as a backtracking matcher does.
    ///
    /// Method: random expressions of a small alphabet, and all texts of up to four characters of it.
    @Test("random expressions decide as Swift's own regular expressions do", arguments: 1...40)
    func againstSwift(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let text = randomExpression(depth: 3, &random)
        let judge = try Regex(text).matchingSemantics(.unicodeScalar).asciiOnlyCharacterClasses()
        let machine = Machine(try ConstraintSpecification.regex(text).grammar())
        for candidate in texts(upTo: 4) {
            #expect(
                machine.accepts(candidate) == (try judge.wholeMatch(in: candidate) != nil), "\(text) on \(candidate)")
        }
    }

    private func texts(upTo count: Int) -> [String] {
        guard count > 0 else { return [""] }
        return [""] + texts(upTo: count - 1).flatMap { rest in ["a", "b", "é", "9"].map { $0 + rest } }
    }

    private func randomExpression(depth: Int, _ random: inout SeededGenerator) -> String {
        guard depth > 0 else {
            return ["a", "b", "é", "[ab]", "[^a]", "\\d", "\\w", "."].randomElement(using: &random)!
        }
        let inner = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            randomExpression(depth: Int.random(in: 0..<depth, using: &random), &random)
        }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return "(" + inner.joined(separator: "|") + ")"
        case 1: return inner.joined()
        default:
            return "(?:\(inner.joined()))" + ["*", "+", "?", "{2}", "{1,2}", "{0,}", "*?"].randomElement(
                using: &random)!
        }
    }

    @Test("every character of a set, and no other bytes, lead through", arguments: 1...30)
    func encodings(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let borders: [UInt32] = [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF, 0xFFF, 0x1000]
        let set = ScalarSet(
            (0..<3).map { _ in
                let a = borders.randomElement(using: &random)! &+ UInt32.random(in: 0...3, using: &random) &- 1
                let b = UInt32.random(in: 0...0x10FFFF, using: &random)
                return min(a, b, 0x10FFFF)...min(max(a, b), 0x10FFFF)
            })
        var grammar = Grammar()
        let number = grammar.addRule()
        let rule = grammar.rules[Int(number)]
        grammar.add(set, from: rule.start, to: rule.end, as: .plain)
        let machine = Machine(grammar)
        let near = (borders + set.ranges.flatMap { [$0.lowerBound, $0.upperBound] }).flatMap { [$0 &- 1, $0, $0 + 1] }
        let others = (0..<500).map { _ in UInt32.random(in: 0...0x10FFFF, using: &random) }
        for scalar in (near + others).compactMap(Unicode.Scalar.init) {
            #expect(machine.accepts(String(scalar)) == set.contains(scalar), "\(scalar.value)")
        }
        for bytes in [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE0, 0x80, 0x80], [0xFF]]
            as [[UInt8]]
        {
            #expect(!machine.accepts(bytes))
        }
    }
}
