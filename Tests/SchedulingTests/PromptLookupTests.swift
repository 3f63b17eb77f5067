import TestSupport
import Testing

@testable import Scheduling

@Suite("Guesses from the text itself")
struct PromptLookupTests {
    @Test(
        "what followed the last two tokens comes next",
        arguments: [
            ([1, 2, 3, 4, 1, 2], 2, [3, 4, 1]),
            ([7, 3, 9, 9, 4, 5, 8, 7, 3, 9], 3, [9, 4, 5]),
            // The latest occurrence, not the first.
            ([1, 2, 3, 0, 1, 2, 4, 5, 1, 2], 2, [4, 5, 1]),
            // It reaches the end: the text repeats itself.
            ([5, 6, 5, 6, 5], 3, [6, 5, 6]),
            ([8, 8, 8, 8], 3, [8, 8, 8]),
            ([1, 2, 3, 4, 5], 0, []),
            ([1, 2, 3, 2, 1], 0, []),
            ([4], 0, []),
        ] as [([Int32], Int, [Int32])])
    func guesses(tokens: [Int32], matchLength: Int, expected: [Int32]) {
        let lookup = PromptLookup(tokens)
        #expect(lookup.matchLength == matchLength)
        #expect(lookup.guesses(3, in: tokens) == expected)
        #expect(lookup.guesses(0, in: tokens) == [])
    }

    @Test("an occurrence is followed as long as it comes true, and the match grows")
    func follows() {
        var tokens: [Int32] = [1, 2, 3, 4, 5, 1, 2]
        var lookup = PromptLookup(tokens)
        var trials: [PromptLookup.Trial?] = []
        for token: Int32 in [3, 4, 9, 1, 2, 3] {
            tokens.append(token)
            trials.append(lookup.append(lastOf: tokens))
        }
        #expect(
            trials == [
                .init(matchLength: 2, cameTrue: true), .init(matchLength: 3, cameTrue: true),
                .init(matchLength: 4, cameTrue: false), nil, nil, .init(matchLength: 2, cameTrue: true),
            ])
    }

    @Test("a guess always is what followed an earlier run of the last tokens, as long as it says", arguments: 0..<8)
    func property(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var tokens: [Int32] = (0..<10).map { _ in Int32.random(in: 0..<3, using: &random) }
        var lookup = PromptLookup(tokens)
        for _ in 0..<300 {
            tokens.append(Int32.random(in: 0..<3 + Int32(seed), using: &random))
            _ = lookup.append(lastOf: tokens)
            let length = lookup.matchLength
            let pair = Array(tokens.suffix(2))
            let earlier = (2..<tokens.count).filter { Array(tokens[$0 - 2..<$0]) == pair }
            #expect((length == 0) == earlier.isEmpty)
            guard length > 0 else { continue }
            let run = Array(tokens.suffix(length))
            let follows = earlier.contains {
                $0 >= length && Array(tokens[$0 - length..<$0]) == run && lookup.guesses(1, in: tokens) == [tokens[$0]]
            }
            #expect(follows, "\(length) of \(tokens)")
        }
    }

    @Test("a record goes by the prior at first, then by what happened lately, each length of match by itself")
    func record() {
        var record = GuessRecord(memory: 40)
        func likelihood(_ length: Int) -> Double { record.likelihood(matchLength: length, prior: 0.25, weight: 4) }
        #expect(likelihood(2) == 0.25)
        for _ in 0..<200 { record.count(.init(matchLength: 20, cameTrue: true)) }
        for _ in 0..<200 { record.count(.init(matchLength: 2, cameTrue: false)) }
        #expect(likelihood(16) > 0.9 && likelihood(60) > 0.9)
        #expect(likelihood(3) < 0.05)
        #expect(likelihood(4) == 0.25 && likelihood(15) == 0.25)
        for _ in 0..<200 { record.count(.init(matchLength: 20, cameTrue: false)) }
        #expect(likelihood(16) < 0.05)
    }
}
