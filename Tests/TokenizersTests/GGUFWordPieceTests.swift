import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: the WordPiece vocabulary of a GGUF file cuts texts as the tokenizer.json that it was made of.
///
/// Method: `Tests/Fixtures/make_encoder_gguf.py` wrote one vocabulary as tokenizer.json and in two GGUF files, as newer
/// and as older converters do, and what the tokenizers package makes of tricky texts.
@Suite("WordPiece in GGUF files")
struct GGUFWordPieceTests {
    private struct Text: Decodable {
        let text: String
        let ids: [Int32]
    }

    private static func path(_ name: String) -> String {
        URL(filePath: #filePath).appending(path: "../../Fixtures/\(name)").standardizedFileURL.path
    }

    private static func vocabulary(_ name: String = "words") throws -> GGUFVocabulary {
        try GGUFVocabulary(GGUFFile(path: path("GGUF/\(name).gguf")))
    }

    @Test(
        "accents, Chinese, signs, what is unknown, long words and special tokens",
        arguments: ["Encoders/words/tokenizer.json", "GGUF/words.gguf", "GGUF/mixed.gguf"])
    func texts(file: String) throws {
        let tokenizer =
            file.hasSuffix(".json")
            ? try PipelineTokenizer(path: Self.path(file))
            : try PipelineTokenizer(GGUFVocabulary(GGUFFile(path: Self.path(file))), file: file)
        let texts = try JSONDecoder().decode(
            [Text].self, from: Data(contentsOf: URL(filePath: Self.path("Encoders/words/texts.json"))))
        #expect(texts.count >= 30 && tokenizer.vocabularySize == 150)
        for text in texts {
            let ids = try tokenizer.encode(text.text, addsSpecialTokens: true)
            #expect(ids == text.ids, "\(text.text.debugDescription)")
        }
    }

    @Test("any text has the same ids and comes back alike by either file")
    func randomTexts() throws {
        let json = try PipelineTokenizer(path: Self.path("Encoders/words/tokenizer.json"))
        let files = try ["words", "mixed"].map { try PipelineTokenizer(Self.vocabulary($0), file: $0) }
        let parts = [
            "the", "CAT", "é", "\u{301}", "東", "[MASK]", "<query>", " ", "\n", "##s", "\u{2581}", "z", "]", "🦊",
        ]
        var random = SeededGenerator(seed: 9)
        for _ in 0..<500 {
            let text = (0..<Int.random(in: 0...12, using: &random))
                .map { _ in parts.randomElement(using: &random)! }.joined()
            let ids = try json.encode(text, addsSpecialTokens: true)
            for file in files {
                #expect(try file.encode(text, addsSpecialTokens: true) == ids, "\(text.debugDescription)")
                #expect(file.decode(ids) == json.decode(ids))
                #expect(ids.map(file.isSpecial) == ids.map(json.isSpecial))
            }
        }
    }

    @Test("special tokens are those with keys, where the file has no types; without keys those of the usual names")
    func withoutTypes() throws {
        let json = try PipelineTokenizer(path: Self.path("Encoders/words/tokenizer.json"))
        var vocabulary = try Self.vocabulary("mixed")
        vocabulary.types = []
        let text = "[MASK] the [SEP] cat"
        let right = try json.encode(text, addsSpecialTokens: true)
        #expect(try PipelineTokenizer(vocabulary, file: "m").encode(text, addsSpecialTokens: true) == right)
        vocabulary = try Self.vocabulary()
        (vocabulary.classToken, vocabulary.separatorToken, vocabulary.unknownToken) = (nil, nil, nil)
        #expect(try PipelineTokenizer(vocabulary, file: "m").encode(text, addsSpecialTokens: true) == right)
        (vocabulary.addsBegin, vocabulary.addsEnd) = (false, false)
        let bare = try PipelineTokenizer(vocabulary, file: "m").encode(text, addsSpecialTokens: true)
        #expect(bare == Array(right.dropFirst().dropLast()))
    }

    @Test("a vocabulary with capitals keeps those of the text, unless the file says otherwise")
    func cases() throws {
        func encode(_ tokens: [String], _ change: (inout GGUFVocabulary) -> Void = { _ in }) throws -> [Int32] {
            var vocabulary = GGUFVocabulary(model: "bert", tokens: ["[UNK]"] + tokens)
            change(&vocabulary)
            return try PipelineTokenizer(vocabulary, file: "m").encode("The é", addsSpecialTokens: true)
        }
        #expect(try encode(["\u{2581}the", "\u{2581}e"]) == [1, 2])
        #expect(try encode(["\u{2581}the", "\u{2581}The", "\u{2581}e", "\u{2581}é"]) == [2, 4])
        #expect(try encode(["\u{2581}the", "\u{2581}The", "\u{2581}é"]) { $0.lowercases = true } == [1, 0])
        #expect(try encode(["\u{2581}the", "\u{2581}é"]) { $0.stripsAccents = false } == [1, 2])
        #expect(try encode(["\u{2581}the", "\u{2581}The", "\u{2581}e"]) { $0.stripsAccents = true } == [2, 3])
    }

    @Test(
        "a special token that is not there is refused by the name of its key",
        arguments: [
            "bos_token_id", "eos_token_id", "unknown_token_id", "cls_token_id", "seperator_token_id",
            "padding_token_id", "mask_token_id",
        ])
    func refused(key: String) throws {
        for id in [UInt32(2), 4_000_000] {
            var writer = GGUFWriter()
            writer.values = [
                ("tokenizer.ggml.model", .string("bert")), ("tokenizer.ggml.tokens", .strings(["[UNK]", "\u{2581}a"])),
                ("tokenizer.ggml.\(key)", .uint32(id)),
            ]
            let vocabulary = try GGUFVocabulary(GGUFFile(bytes: Bytes(writer.file), file: "m"))
            let error = #expect(throws: TokenizerError.self) { try PipelineTokenizer(vocabulary, file: "m") }
            #expect(error?.description == "m: tokenizer.ggml.\(key): there is no token \(id) among 2")
        }
    }

    @Test("other wrong vocabularies are refused by key")
    func malformed() throws {
        func problem(_ change: (inout GGUFVocabulary) -> Void) throws -> String {
            var vocabulary = try Self.vocabulary()
            change(&vocabulary)
            let error = #expect(throws: TokenizerError.self) { try PipelineTokenizer(vocabulary, file: "m") }
            return error?.description ?? ""
        }
        #expect(try problem { $0.tokens = [] } == "m: tokenizer.ggml.token_type has 150 entries for 0 tokens")
        #expect(try problem { $0.types.removeLast() } == "m: tokenizer.ggml.token_type has 149 entries for 150 tokens")
        #expect(
            try problem { $0.tokens[9] = "\u{2581}cat" }.hasPrefix("m: tokenizer.ggml.tokens: \"cat\" or its id stands")
        )
        #expect(
            try problem {
                $0.unknownToken = nil
                $0.tokens[3] = "[OTHER]"
            } == "m: tokenizer.ggml.unknown_token_id is missing")
        var writer = GGUFWriter()
        writer.values = [
            ("tokenizer.ggml.model", .string("bert")), ("tokenizer.ggml.normalizer.lowercase", .string("yes")),
        ]
        let file = try GGUFFile(bytes: Bytes(writer.file), file: "m")
        let error = #expect(throws: ModelFileError.self) { try GGUFVocabulary(file) }
        #expect(error?.field == "metadata \"tokenizer.ggml.normalizer.lowercase\"")
    }
}
