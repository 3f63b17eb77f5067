import Foundation
import Tokenizers
import Vocabulary

extension FuzzTarget {
    /// A prompt into the tokenizer of the model `storyteller`, and tokens out of it.
    ///
    /// The first byte says which: text when it is even, else tokens of two bytes each.
    static let prompts = FuzzTarget("prompts", seeds: { PromptsSeeds.all }) { input in
        var cursor = ByteCursor(input)
        let bench = try PromptsBench()
        if cursor.byte() & 1 == 0 {
            try bench.encode(String(decoding: cursor.rest, as: UTF8.self))
        } else {
            var tokens: [Int32] = []
            // From 0 past the end of the vocabulary, and a few below.
            while !cursor.isEmpty { tokens.append((Int32(cursor.byte()) << 8 | Int32(cursor.byte())) % 1100 - 4) }
            try bench.decode(tokens)
        }
    }
}

private struct PromptsBench {
    private static let loaded: Result<PipelineTokenizer, any Error> = Result {
        try PipelineTokenizer(path: "\(ExampleFiles.path)/storyteller/1/tokenizer.json")
    }
    private static let special = "<|endoftext|>"

    private let tokenizer: PipelineTokenizer

    init() throws { tokenizer = try Self.loaded.get() }

    func encode(_ text: String) throws {
        let tokens = try tokenizer.encode(text, addsSpecialTokens: false)
        try require(tokens.count <= text.utf8.count, "\(tokens.count) tokens of \(text.utf8.count) bytes")
        try require(
            tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize }, "tokens beyond the vocabulary")
        // A special token stands for no text.
        guard !text.contains(Self.special) else { return }
        let again = tokenizer.decode(tokens)
        try require(again.utf8.elementsEqual(text.utf8), "'\(text)' came back as '\(again)'")
    }

    /// Token by token gives the text of all at once, and never half a character.
    func decode(_ tokens: [Int32]) throws {
        let whole = String(decoding: tokens.flatMap { tokenizer.bytes(of: $0) }, as: UTF8.self)
        var decoder = IncrementalDecoder(continuing: tokenizer)
        var text = ""
        for token in tokens { text += decoder.append(token) }
        text += decoder.finish()
        try require(text.utf8.elementsEqual(whole.utf8), "'\(text)' piece by piece, '\(whole)' at once")
    }
}

/// The example models of the package.
enum ExampleFiles {
    static let path = URL(filePath: #filePath).appending(path: "../../../../Sources/ApusServer/ExampleModels")
        .standardizedFileURL.path
}

private enum PromptsSeeds {
    static let all: [(name: String, bytes: [UInt8])] = [
        ("story", text("Once upon a time, there was a cat. It didn't   like rain!\n\n")),
        ("special", text("a<|endoftext|>b<|endoftext")), ("contractions", text("'s't're've'm'll'd 'x ' '")),
        ("scripts", text("\u{E9} \u{1F600} \u{4E2D}\u{6587} 12\u{00BD}\u{0663}\u{2028}\u{200D}x")),
        ("tokens", [1] + (0..<60).flatMap(pair)),
    ]

    private static func pair(_ index: Int) -> [UInt8] { [UInt8(index / 16), UInt8(index * 4 % 256)] }

    private static func text(_ text: String) -> [UInt8] { [0] + text.utf8 }
}
