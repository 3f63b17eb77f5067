import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: the same vocabulary gives the same ids from each kind of file it is published in.
///
/// The files are made here from vocabularies in GGUF, as the models' authors wrote them: `tokenizer.model` by
/// SentencePiece, and `tokenizer.json` by Hugging Face's tokenizers.
@Suite("vocabularies in other files")
struct VocabularyFilesTests {
    @Test(
        "byte pairs of SentencePiece from tokenizer.model", .enabled(if: SharedData.isPresent),
        arguments: ["phi-3", "llama-spm"])
    func sentencePiece(name: String) throws {
        let vocabulary = try GGUFVocabulary(Vectors.ggufFile(name))
        try withFolder(["tokenizer.model": Self.sentencePieceModel(vocabulary)]) { folder in
            let tokenizer = try TokenizerLoader.load(folder: folder)
            for (input, ids) in try Vectors.pairs(name) {
                #expect(try tokenizer.encode(input, addsSpecialTokens: false) == ids, "\(input.debugDescription)")
                #expect(tokenizer.decode(ids) == input)
            }
            for item in try Vectors.cases("coreml-projects/Llama-2-7b-chat-coreml") {
                let ids = try tokenizer.encode(item.input, addsSpecialTokens: true)
                #expect(ids == item.encoded.input_ids, "\(item.input.debugDescription)")
            }
        }
    }

    @Test(
        "tokenizer_config.json says whether a text begins and ends with a token", .enabled(if: SharedData.isPresent),
        arguments: [(true, true), (true, false), (false, true), (false, false)])
    func edges(begins: Bool, ends: Bool) throws {
        let model = Self.sentencePieceModel(try GGUFVocabulary(Vectors.ggufFile("phi-3")))
        let settings = #"{"add_bos_token": \#(begins), "add_eos_token": \#(ends)}"#
        try withFolder(["tokenizer.model": model, "tokenizer_config.json": Array(settings.utf8)]) { folder in
            let ids = try TokenizerLoader.load(folder: folder).encode("hello world", addsSpecialTokens: true)
            #expect(ids == (begins ? [1] : []) + [22172, 3186] + (ends ? [2] : []))
        }
    }

    @Test(
        "byte-level pairs from tokenizer.json", .enabled(if: SharedData.isPresent), arguments: ["llama-bpe", "qwen2"])
    func json(name: String) throws {
        let vocabulary = try GGUFVocabulary(Vectors.ggufFile(name))
        let isLlama = name == "llama-bpe"
        let json = try Self.tokenizerJSON(
            vocabulary, pattern: isLlama ? PreTokenizer.llama3Pattern : PreTokenizer.qwen2Pattern,
            composes: !isLlama, keepsWholeWords: isLlama)
        try withFolder(["tokenizer.json": json]) { folder in
            let tokenizer = try TokenizerLoader.load(folder: folder)
            for (input, ids) in try Vectors.pairs(name) {
                #expect(try tokenizer.encode(input, addsSpecialTokens: false) == ids, "\(input.debugDescription)")
                #expect(tokenizer.decode(ids) == input)
            }
        }
    }

    /// The message `sentencepiece.ModelProto`, with what Llama's authors chose.
    private static func sentencePieceModel(_ vocabulary: GGUFVocabulary) -> [UInt8] {
        var model: [UInt8] = []
        for (index, token) in vocabulary.tokens.enumerated() {
            var piece: [UInt8] = []
            appendField(1, Array(token.utf8), to: &piece)
            // A fixed number of four bytes.
            piece.append(2 << 3 | 5)
            withUnsafeBytes(of: vocabulary.scores[index].bitPattern.littleEndian) { piece += $0 }
            appendField(3, UInt64(vocabulary.types[index]), to: &piece)
            appendField(1, piece, to: &model)
        }
        var trainer: [UInt8] = []
        let settings: [(Int, UInt64)] = [
            (3, SentencePieceFile.Kind.bytePairs.rawValue), (35, 1), (40, 0), (41, 1), (42, 2),
        ]
        for (number, value) in settings { appendField(number, value, to: &trainer) }
        appendField(2, trainer, to: &model)
        var normalizer: [UInt8] = []
        // A space before the text, every space kept, and written as U+2581.
        for (number, value) in [(3, 1), (4, 0), (5, 1)] as [(Int, UInt64)] {
            appendField(number, value, to: &normalizer)
        }
        appendField(3, normalizer, to: &model)
        return model
    }

    private static func appendField(_ number: Int, _ bytes: [UInt8], to message: inout [UInt8]) {
        appendVarint(UInt64(number << 3 | 2), to: &message)
        appendVarint(UInt64(bytes.count), to: &message)
        message += bytes
    }

    private static func appendField(_ number: Int, _ value: UInt64, to message: inout [UInt8]) {
        appendVarint(UInt64(number << 3), to: &message)
        appendVarint(value, to: &message)
    }

    private static func appendVarint(_ value: UInt64, to message: inout [UInt8]) {
        var rest = value
        while rest > 127 {
            message.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        message.append(UInt8(rest))
    }

    private static func tokenizerJSON(
        _ vocabulary: GGUFVocabulary, pattern: String, composes: Bool, keepsWholeWords: Bool
    ) throws -> [UInt8] {
        let encoder = JSONEncoder()
        func quoted(_ text: String) throws -> String { String(decoding: try encoder.encode(text), as: UTF8.self) }
        let entries = try vocabulary.tokens.enumerated().map { "\(try quoted($0.element)):\($0.offset)" }
        let merges = try vocabulary.merges.map(quoted)
        return Array(
            #"""
            {"normalizer": \#(composes ? #"{"type": "NFC"}"# : "null"),
             "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                 {"type": "Split", "pattern": {"Regex": \#(try quoted(pattern))},
                  "behavior": "Isolated", "invert": false},
                 {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
             "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "ignore_merges": \#(keepsWholeWords),
                       "vocab": {\#(entries.joined(separator: ","))}, "merges": [\#(merges.joined(separator: ","))]}}
            """#.utf8)
    }
}
