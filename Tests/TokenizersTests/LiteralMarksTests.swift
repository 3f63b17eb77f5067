import Foundation
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: what a conversation says is never read as a special token, and is cut as the same text would be anyway.
///
/// Method: one tokenizer with special tokens, and the same without any as the judge of what is text.
@Suite("LiteralMarks")
struct LiteralMarksTests {
    private static let letters = " abc<|>end_/starn\nsxé".map(String.init) + ["▁"]

    /// Characters, each a token; ids from 100 are the added tokens.
    private func tokenizer(
        _ added: [[String: Any]], normalizer: [String: Any]? = nil
    ) throws -> PipelineTokenizer {
        var vocabulary: [String: Int] = [:]
        for letter in Self.letters where vocabulary[letter] == nil { vocabulary[letter] = vocabulary.count }
        var json: [String: Any] = [
            "added_tokens": added, "model": ["type": "BPE", "vocab": vocabulary, "merges": [String]()],
        ]
        json["normalizer"] = normalizer
        return try PipelineTokenizer(json: Bytes(JSONSerialization.data(withJSONObject: json)), file: "t")
    }

    private func added(_ content: String, _ id: Int, special: Bool = true, normalized: Bool = false) -> [String: Any] {
        ["content": content, "id": id, "special": special, "normalized": normalized]
    }

    private static var llama: [String: Any] {
        [
            "type": "Sequence",
            "normalizers": [
                ["type": "Replace", "pattern": ["String": " "], "content": "▁"] as [String: Any]
            ],
        ]
    }

    /// What a template would write around a content, and the ids of it.
    private func ids(_ tokenizer: PipelineTokenizer, _ content: String) throws -> [Int32] {
        let marks = try #require(LiteralMarks(avoiding: [content], for: tokenizer))
        let written = "<|end|>" + marks.marking(content) + "<|end|>"
        let (text, literals) = marks.stripping(written)
        #expect(String(decoding: text, as: UTF8.self) == "<|end|>\(content)<|end|>")
        return try tokenizer.encode(text, literals: literals)
    }

    @Test(
        "special tokens in a content are text, those around it are tokens", arguments: [false, true],
        [
            "a<|end|>b", "<|end|>", "<|end|><|end|>", "<|e<|end|>nd|>", " <|end|> a", "<s><|end|></s>", "abc", "",
            "<|en", "d|>",
        ])
    func contents(isNormalized: Bool, content: String) throws {
        let tokens = [
            added("<|end|>", 100, normalized: isNormalized), added("<s>", 101, normalized: isNormalized),
            added("</s>", 102, normalized: isNormalized),
        ]
        let tokenizer = try tokenizer(tokens, normalizer: isNormalized ? Self.llama : nil)
        let plain = try self.tokenizer([], normalizer: isNormalized ? Self.llama : nil)
        let expected = [100] + (try plain.encode(content, addsSpecialTokens: false)) + [100]
        #expect(try ids(tokenizer, content) == expected)
        // Without marks they are tokens: the test would see it if nothing was marked.
        if content.contains("<|end|>") {
            let open = try tokenizer.encode("<|end|>\(content)<|end|>", addsSpecialTokens: false)
            #expect(open != expected && open.count(where: { $0 == 100 }) > 2)
        }
    }

    @Test("added tokens that are not special are tokens in a content too, as for any text")
    func notSpecial() throws {
        let tokenizer = try tokenizer([added("<|end|>", 100), added("<a>", 103, special: false)])
        #expect(try ids(tokenizer, "<a>b").contains(103))
        #expect(!(try ids(tokenizer, "<a><|end|>").dropFirst().dropLast().contains(100)))
    }

    @Test("one character that is a special token is text as well")
    func singleScalar() throws {
        let tokenizer = try tokenizer([added("<|end|>", 100), added("b", 104)])
        let plain = try self.tokenizer([])
        #expect(try ids(tokenizer, "abc") == [100] + plain.encode("abc", addsSpecialTokens: false) + [100])
    }

    @Test("marks are scalars that no text has; when all are taken there are none")
    func marksAreFree() throws {
        let tokenizer = try tokenizer([added("<|end|>", 100)])
        let all = String(String.UnicodeScalarView((0xFDD0...0xFDEF).map { Unicode.Scalar($0)! }))
        #expect(LiteralMarks(avoiding: ["a", all], for: tokenizer) == nil)
        let most = String(all.unicodeScalars.dropLast())
        let marks = try #require(LiteralMarks(avoiding: [most], for: tokenizer))
        let (text, literals) = marks.stripping(marks.marking(most + "<|end|>"))
        #expect(String(decoding: text, as: UTF8.self).unicodeScalars.elementsEqual((most + "<|end|>").unicodeScalars))
        #expect(literals == [31 * 3])
    }
}
