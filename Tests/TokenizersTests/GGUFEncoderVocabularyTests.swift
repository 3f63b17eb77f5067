import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: the vocabularies of a RoBERTa and an XLM-R in GGUF files cut texts as the tokenizers package does.
///
/// Method: `Tests/Fixtures/make_encoder_vocabularies.py` learned two small vocabularies, wrote each as tokenizer.json
/// and with the `gguf` package, and what the tokenizers package makes of tricky texts.
@Suite("RoBERTa and XLM-R in GGUF files")
struct GGUFEncoderVocabularyTests {
    private struct Text: Decodable {
        let text: String
        let ids: [Int32]
    }

    static let names = ["roberta-words", "xlmr-words"]

    private static func path(_ name: String) -> String {
        URL(filePath: #filePath).appending(path: "../../Fixtures/\(name)").standardizedFileURL.path
    }

    private static func vocabulary(_ name: String) throws -> GGUFVocabulary {
        try GGUFVocabulary(GGUFFile(path: path("GGUF/\(name).gguf")))
    }

    private static func texts(_ name: String) throws -> [Text] {
        try JSONDecoder().decode(
            [Text].self, from: Data(contentsOf: URL(filePath: path("tokenizers/\(name)-texts.json"))))
    }

    @Test("white space of every kind, marks, masks, accents, what is unknown", arguments: names, ["json", "gguf"])
    func texts(name: String, format: String) throws {
        let tokenizer =
            format == "json"
            ? try PipelineTokenizer(path: Self.path("tokenizers/\(name).json"))
            : try PipelineTokenizer(Self.vocabulary(name), file: name)
        let texts = try Self.texts(name)
        #expect(texts.count >= 30)
        for text in texts {
            #expect(
                try tokenizer.encode(text.text, addsSpecialTokens: true) == text.ids, "\(text.text.debugDescription)")
        }
    }

    @Test("any text has the same ids by either file", arguments: names)
    func randomTexts(name: String) throws {
        let json = try PipelineTokenizer(path: Self.path("tokenizers/\(name).json"))
        let file = try PipelineTokenizer(Self.vocabulary(name), file: name)
        let parts = [
            "the", "CAT", "é", "e", "\u{301}", "東", "<mask>", "</s>", " ", "\n", "\t", "\u{3000}", "\u{2581}", "z", "Ａ",
            "ﬁ", "🦊", "'s", "1", "\u{AD}",
        ]
        var random = SeededGenerator(seed: 9)
        for _ in 0..<500 {
            let text = (0..<Int.random(in: 0...12, using: &random))
                .map { _ in parts.randomElement(using: &random)! }.joined()
            let ids = try json.encode(text, addsSpecialTokens: true)
            #expect(try file.encode(text, addsSpecialTokens: true) == ids, "\(text.debugDescription)")
            #expect(ids.map(file.isSpecial) == ids.map(json.isSpecial))
        }
    }

    @Test("texts stand between <s> and </s> where no key says so, and not where one says no", arguments: names)
    func surrounded(name: String) throws {
        var vocabulary = try Self.vocabulary(name)
        let right = try PipelineTokenizer(vocabulary, file: name).encode("the cat", addsSpecialTokens: true)
        #expect(right.first == 0 && right.last == 2)
        (vocabulary.addsBegin, vocabulary.addsEnd) = (nil, nil)
        #expect(try PipelineTokenizer(vocabulary, file: name).encode("the cat", addsSpecialTokens: true) == right)
        (vocabulary.addsBegin, vocabulary.addsEnd) = (false, false)
        let bare = try PipelineTokenizer(vocabulary, file: name).encode("the cat", addsSpecialTokens: true)
        #expect(bare == Array(right.dropFirst().dropLast()))
        // The same vocabulary of a model that writes has no such habit.
        vocabulary.isOfEncoder = false
        (vocabulary.addsBegin, vocabulary.addsEnd) = (nil, nil)
        let written = try PipelineTokenizer(vocabulary, file: name).encode("the cat", addsSpecialTokens: true)
        #expect(written.first != 0)
    }
}
