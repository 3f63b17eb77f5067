import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: the tokenizer of a folder is that of the file that says most about it.
@Suite("TokenizerLoader")
struct TokenizerLoaderTests {
    private static let configuration = #"{"do_lower_case": false}"#

    @Test("a folder with nothing but a GGUF file has that file's vocabulary")
    func gguf() throws {
        try withFolder(["model.gguf": Self.file().file]) { folder in
            let tokenizer = try TokenizerLoader.load(folder: folder)
            let tokens = try tokenizer.encode("hi hi", addsSpecialTokens: false)
            #expect(tokens.count == 3 && tokens[0] == 256 && tokens[2] == 256)
            #expect(tokenizer.decode(tokens) == "hi hi")
            #expect(tokenizer.vocabularySize == 258 && tokenizer.isSpecial(257))
        }
    }

    @Test("a tokenizer.json goes before a GGUF file, and a list of words needs no more than itself")
    func precedence() throws {
        let json = #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}"#
        try withFolder(["model.gguf": Self.file().file, "tokenizer.json": Array(json.utf8)]) { folder in
            let tokens = try TokenizerLoader.load(folder: folder).encode("ab", addsSpecialTokens: false)
            #expect(tokens == [0, 1])
        }
        let words = "[UNK]\n[CLS]\n[SEP]\nHello\nworld\n##s\n"
        try withFolder([
            "vocab.txt": Array(words.utf8), "tokenizer_config.json": Array(Self.configuration.utf8),
        ]) { folder in
            let tokens = try TokenizerLoader.load(folder: folder).encode("Hello worlds", addsSpecialTokens: true)
            #expect(tokens == [1, 3, 4, 5, 2])
        }
    }

    @Test("a folder without a tokenizer says what it may have")
    func nothing() throws {
        try withFolder([:]) { folder in
            let error = #expect(throws: ModelFileError.self) { try TokenizerLoader.load(folder: folder) }
            #expect(error?.description.contains("tokenizer.json") == true)
        }
    }

    @Test(
        "keys of another type are named",
        arguments: [
            ("tokenizer.ggml.tokens", GGUFWriter.Value.uint32(1)), ("tokenizer.ggml.model", .uint32(1)),
            ("tokenizer.ggml.bos_token_id", .string("one")), ("tokenizer.ggml.add_bos_token", .uint32(1)),
            ("tokenizer.ggml.scores", .strings(["1"])), ("tokenizer.ggml.merges", .float(1)),
        ])
    func wrongTypes(key: String, value: GGUFWriter.Value) throws {
        var file = Self.file()
        file.values.removeAll { $0.key == key }
        file.values.append((key, value))
        let bytes = file.file
        let error = #expect(throws: ModelFileError.self) {
            try GGUFVocabulary(GGUFFile(bytes: Bytes(bytes), file: "wrong.gguf"))
        }
        #expect(error?.description.contains(key) == true && error?.description.contains("wrong.gguf") == true)
    }

    @Test("a byte-level vocabulary may lack bytes, which are left out of a text, but none that is printed in ASCII")
    func missingBytes() throws {
        func tokenizer(without byte: UInt8) throws -> PipelineTokenizer {
            var file = Self.file()
            let lacking = ByteLevelAlphabet.characters.enumerated().map {
                $0.offset == Int(byte) ? "…" : "\($0.element)"
            }
            file.values.removeAll { $0.key == "tokenizer.ggml.tokens" }
            file.values.append(("tokenizer.ggml.tokens", .strings(lacking + ["hi", "<|endoftext|>"])))
            let opened = try GGUFFile(bytes: Bytes(file.file), file: "lacking.gguf")
            return try PipelineTokenizer(GGUFVocabulary(opened), file: opened.file)
        }
        #expect(try tokenizer(without: 3).encode("hi\u{3} hi", addsSpecialTokens: false) == [256, 32, 256])
        #expect(
            throws: TokenizerError.malformed(
                file: "lacking.gguf", problem: "the vocabulary has no entry \"h\" for the byte 104")
        ) { try tokenizer(without: 104) }
    }

    @Test("a begin token stands before texts of Llama 3 where the file does not say", arguments: [nil, true, false])
    func llama3Begin(setting: Bool?) throws {
        var file = Self.file()
        file.values.removeAll { $0.key == "tokenizer.ggml.pre" }
        file.values += [("tokenizer.ggml.pre", .string("llama-bpe")), ("tokenizer.ggml.bos_token_id", .uint32(257))]
        if let setting { file.values.append(("tokenizer.ggml.add_bos_token", .bool(setting))) }
        let opened = try GGUFFile(bytes: Bytes(file.file), file: "llama.gguf")
        let tokenizer = try PipelineTokenizer(GGUFVocabulary(opened), file: opened.file)
        #expect(try tokenizer.encode("hi", addsSpecialTokens: true) == (setting == false ? [256] : [257, 256]))
    }

    @Test("a file without a vocabulary says so, and the largest number is no token")
    func missing() throws {
        let empty = GGUFWriter().file
        let error = #expect(throws: ModelFileError.self) {
            try GGUFVocabulary(GGUFFile(bytes: Bytes(empty), file: "empty.gguf"))
        }
        #expect(error?.description.contains("tokenizer.ggml.model") == true)
        var file = Self.file()
        file.values.append(("tokenizer.ggml.unknown_token_id", .uint32(.max)))
        #expect(try GGUFVocabulary(GGUFFile(bytes: Bytes(file.file), file: "f")).unknownToken == nil)
    }

    /// A byte-level vocabulary of all bytes, one merge and an end.
    private static func file() -> GGUFWriter {
        let bytes = ByteLevelAlphabet.characters.map { String($0) }
        var writer = GGUFWriter()
        writer.values = [
            ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string("gpt-2")),
            ("tokenizer.ggml.tokens", .strings(bytes + ["hi", "<|endoftext|>"])),
            // Normal tokens, and one of control.
            ("tokenizer.ggml.token_type", .int32s([Int32](repeating: 1, count: 257) + [3])),
            ("tokenizer.ggml.merges", .strings(["h i"])), ("tokenizer.ggml.eos_token_id", .uint32(257)),
        ]
        return writer
    }
}
