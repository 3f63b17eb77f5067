import TestSupport

@testable import Constraints

/// A vocabulary of all bytes, of pieces that JSON and words are made of, twice one of them, and of a token that ends.
enum TestVocabulary {
    static let endToken: Int32 = 0
    static let tokens: [[UInt8]] = {
        var tokens: [[UInt8]] = [[]]
        tokens += (0...255).map { [UInt8($0)] }
        let pieces = [
            "{\"", "\":", "\": ", "\",", "\", \"", "\"}", "}}", "[[", "]]", "],", "[{", "}]", "true", "false", "null",
            "tru",
            "nul", "0.", "10", "123", "-1", "e+", "the", " the", "  ", "   ", "abc", "ab", "ba", "bb", "cc", "name",
            "\"name",
            "age", "é", "日本", "日", "🦊", "\\u", "\\n", "\\\"", "a\":", "1,", "1}", "true", "\n", "\n\n", "yes", "no",
            " yes",
        ]
        tokens += pieces.map { Array($0.utf8) }
        // Half characters: the end of one, the beginning of another.
        tokens += [[0xE6, 0x97], [0xA5, 0xE6], [0xC3], [0xA9, 0x22], [0xF0, 0x9F]]
        return tokens
    }()
    static let trie = TokenTrie(tokens)

    static func constraint(_ specification: ConstraintSpecification) throws -> Constraint {
        try specification.compiled(for: trie, endTokens: [endToken])
    }
}

extension Machine {
    /// Whether a text is in the language; what is found on the way is forgotten.
    func accepts(_ bytes: some Sequence<UInt8>) -> Bool {
        var machine = self
        let state = bytes.reduce(start) { machine.next($0, $1) }
        return machine.isAccepting(state)
    }

    func accepts(_ text: String) -> Bool { accepts(Array(text.utf8)) }
}

extension Machine {
    /// The fewest bytes that complete a text; nil when it cannot be completed.
    mutating func shortestEnd(from state: Int32) -> [UInt8]? {
        var seen: Set<Int32> = [state]
        var open: [(state: Int32, bytes: [UInt8])] = [(state, [])]
        var index = 0
        while index < open.count {
            let (state, bytes) = open[index]
            if isAccepting(state) { return bytes }
            for byte in UInt8.min...UInt8.max {
                let next = next(state, byte)
                if next != Machine.dead, seen.insert(next).inserted { open.append((next, bytes + [byte])) }
            }
            index += 1
        }
        return nil
    }
}

/// What a model without an opinion writes under a constraint.
struct RandomWriter {
    let constraint: Constraint
    /// The same language, to find the way to the end.
    private var machine: Machine

    /// No text of the constraint goes on.
    struct Stuck: Error { let text: String }

    init(_ specification: ConstraintSpecification) throws {
        constraint = try TestVocabulary.constraint(specification)
        machine = Machine(try specification.grammar())
    }

    /// Random tokens of those that are allowed, the end when it may be; after `patience` of them the shortest way to
    /// the end, byte by byte.
    mutating func text(_ random: inout SeededGenerator, patience: Int = 40) throws -> [UInt8] {
        var position = constraint.start()
        var state = machine.start
        var bytes: [UInt8] = []
        for _ in 0..<patience {
            let mask = constraint.mask(at: position)
            let allowed = TestVocabulary.tokens.indices.map(Int32.init).filter(mask.contains)
            guard var token = allowed.randomElement(using: &random) else { break }
            if mask.contains(TestVocabulary.endToken), Int.random(in: 0..<4, using: &random) == 0 {
                token = TestVocabulary.endToken
            }
            if token == TestVocabulary.endToken { return bytes }
            try follow(TestVocabulary.tokens[Int(token)], &position, &state, &bytes)
            if constraint.isFinished(position) { return bytes }
        }
        guard let end = machine.shortestEnd(from: state) else {
            throw Stuck(text: String(decoding: bytes, as: UTF8.self))
        }
        for byte in end {
            guard constraint.mask(at: position).contains(Int32(byte) + 1) else {
                throw Stuck(text: String(decoding: bytes, as: UTF8.self))
            }
            try follow([byte], &position, &state, &bytes)
        }
        return bytes
    }

    private mutating func follow(
        _ token: [UInt8], _ position: inout Constraint.Position, _ state: inout Int32, _ bytes: inout [UInt8]
    ) throws {
        bytes += token
        for byte in token { state = machine.next(state, byte) }
        guard constraint.advance(&position, by: token) else {
            throw Stuck(text: String(decoding: bytes, as: UTF8.self))
        }
    }
}
