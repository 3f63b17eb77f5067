import TestSupport
import Testing

@testable import Constraints

@Suite struct ConstraintTests {
    /// Goal: the walk through the tree of tokens allows exactly what looking at each token alone allows.
    @Test(
        "masks equal a check of every token by itself",
        arguments: [
            ConstraintSpecification.regex("(ab|ba)*c{0,3}"), .regex("[é日🦊a]{1,4}"), .regex(".*"), .json,
            .choices(["yes", "no", "the", "the abc", "日本"]),
            .jsonSchema(#"{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}}}"#),
        ])
    func masks(specification: ConstraintSpecification) throws {
        var random = SeededGenerator(seed: 3)
        let constraint = try TestVocabulary.constraint(specification)
        var machine = Machine(try specification.grammar())
        for _ in 0..<12 {
            var position = constraint.start()
            var state = machine.start
            for _ in 0..<25 {
                let mask = constraint.mask(at: position)
                for (token, bytes) in TestVocabulary.tokens.enumerated() where token != TestVocabulary.endToken {
                    let end = bytes.reduce(state) { machine.next($0, $1) }
                    #expect(mask.contains(Int32(token)) == (end != Machine.dead), "token \(token)")
                }
                #expect(mask.contains(TestVocabulary.endToken) == machine.isAccepting(state))
                #expect(constraint.isComplete(position) == machine.isAccepting(state))
                let choices = TestVocabulary.tokens.indices.filter { $0 > 0 && mask.contains(Int32($0)) }
                guard let token = choices.randomElement(using: &random) else { break }
                let isAllowed = constraint.advance(&position, by: TestVocabulary.tokens[token])
                #expect(isAllowed)
                for byte in TestVocabulary.tokens[token] { state = machine.next(state, byte) }
            }
        }
    }

    @Test("whatever a model without an opinion writes matches", arguments: 1...40)
    func randomExpressionTexts(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let parts = ["a", "b", "(ab)", "[a-e]", "é", "日", "\\d", "[^a]", ".", "(a|bb)", "\\w{2}", "(the|yes)"]
        let text = (0..<Int.random(in: 1...5, using: &random)).map { _ in
            "(?:\(parts.randomElement(using: &random)!))" + ["", "*", "+", "?", "{2,3}"].randomElement(using: &random)!
        }.joined()
        let judge = try Regex(text).matchingSemantics(.unicodeScalar).asciiOnlyCharacterClasses()
        var writer = try RandomWriter(.regex(text))
        for _ in 0..<5 {
            let bytes = try writer.text(&random)
            let answer = try #require(String(validating: bytes, as: UTF8.self), "half a character at the end")
            #expect(try judge.wholeMatch(in: answer) != nil, "\(answer) for \(text)")
        }
    }

    @Test("an answer is one of the choices, and ends where nothing else can come")
    func choices() throws {
        var random = SeededGenerator(seed: 1)
        let choices = ["yes", "no", "no, never", "日本", "the"]
        var writer = try RandomWriter(.choices(choices))
        let constraint = writer.constraint
        var seen: Set<String> = []
        for _ in 0..<200 {
            let bytes = try writer.text(&random)
            seen.insert(String(decoding: bytes, as: UTF8.self))
        }
        #expect(seen == Set(choices))
        var position = constraint.start()
        follow("no", constraint, &position)
        #expect(constraint.isComplete(position) && !constraint.isFinished(position))
        #expect(!constraint.mask(at: position, allowsEnd: false).contains(TestVocabulary.endToken))
        follow(", never", constraint, &position)
        #expect(constraint.isFinished(position))
        let goesOn = constraint.advance(&position, by: Array("x".utf8))
        #expect(!goesOn)
        for wrong in [[], [""], Array(repeating: "a", count: 5000)] {
            #expect(throws: ConstraintError.self) { try TestVocabulary.constraint(.choices(wrong)) }
        }
    }

    @Test("leading spaces that the tokenizer drops are no part of the answer")
    func droppedSpaces() throws {
        let constraint = try TestVocabulary.constraint(.regex("yes| no"))
        var position = constraint.start(droppedSpaceCount: 1)
        let allowed = TestVocabulary.tokens.indices.filter { constraint.mask(at: position).contains(Int32($0)) }
        let texts = Set(allowed.map { String(decoding: TestVocabulary.tokens[$0], as: UTF8.self) })
        #expect(texts == [" ", "  ", "y", "yes", " yes"])
        follow(" ", constraint, &position)
        #expect(constraint.mask(at: position).contains(Int32(UInt8(ascii: "y")) + 1))
        follow("yes", constraint, &position)
        #expect(constraint.isFinished(position))
    }

    @Test("a tree holds every token once, in preorder", arguments: 1...10)
    func trie(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let tokens = (0..<300).map { _ in
            (0..<Int.random(in: 0...6, using: &random)).map { _ in UInt8.random(in: 97...99, using: &random) }
        }
        let trie = TokenTrie(tokens)
        #expect(trie.tokens.sorted() == tokens.indices.filter { !tokens[$0].isEmpty }.map(Int32.init))
        // A state that is the number of bytes read: dead behind a c.
        var found: Set<Int32> = []
        trie.forEachToken(from: 0) { state, byte in
            byte == 99 ? Machine.dead : state + 1
        } _: { token in
            found.insert(token)
        }
        #expect(found == Set(tokens.indices.filter { !tokens[$0].isEmpty && !tokens[$0].contains(99) }.map(Int32.init)))
    }

    @Test("deep recursion is closed before the stack is full, and never stuck")
    func deepRecursion() throws {
        let constraint = try TestVocabulary.constraint(
            .jsonSchema(##"{"type":"array","items":{"$ref":"#"}}"##))
        var position = constraint.start()
        var depth = 0
        let open = Int32(UInt8(ascii: "[")) + 1
        while constraint.mask(at: position).contains(open) {
            follow("[", constraint, &position)
            depth += 1
            try #require(depth < 1000)
        }
        #expect(depth > 50)
        for _ in 0..<depth { follow("]", constraint, &position) }
        #expect(constraint.isFinished(position))
    }

    @Test("an expression that leaves too many ways open is refused, or ends its own answer, and takes bounded time")
    func tooManyWays() throws {
        let error = #expect(throws: ConstraintError.self) { try TestVocabulary.constraint(.regex("(a?){9000}")) }
        #expect(error?.problem == "leaves too many ways open at once")
        // Each letter may be any of 1500 optional ones: every state is large, and every text leads to others.
        let costly = try TestVocabulary.constraint(.regex("((a|b|ab)?(b|c|bc)?(a.|.b)?){300}"))
        var position = costly.start()
        var mask = costly.mask(at: position)
        for _ in 0..<40 where mask.first != nil {
            guard costly.advance(&position, by: Array("ab".utf8)) else { break }
            mask = costly.mask(at: position)
        }
        #expect(mask.first != nil || costly.isWorn)
    }

    @Test("a language without texts is refused")
    func emptyLanguage() {
        for schema in ["false", ##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##] {
            let error = #expect(throws: ConstraintError.self) { try TestVocabulary.constraint(.jsonSchema(schema)) }
            #expect(error?.problem == "no text is like that")
        }
    }

    private func follow(_ text: String, _ constraint: Constraint, _ position: inout Constraint.Position) {
        let goesOn = constraint.advance(&position, by: Array(text.utf8))
        #expect(goesOn, "no way on by \(text)")
    }
}
