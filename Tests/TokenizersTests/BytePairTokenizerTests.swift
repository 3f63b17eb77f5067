import Foundation
import TestSupport
import Testing
import Tokenizers
import Vocabulary

@Suite("BytePairTokenizer")
struct BytePairTokenizerTests {
    /// GPT-2's vocabulary and merges as a `tokenizer.json`.
    private static let gpt2 = Result {
        let vocabulary = try JSONSerialization.jsonObject(
            with: Data(contentsOf: SharedData.url("tokenizers/gpt2/encoder.json")))
        let merges = try String(contentsOf: SharedData.url("tokenizers/gpt2/vocab.bpe"), encoding: .utf8)
            .split(separator: "\n").dropFirst().map(String.init)
        let json: [String: Any] = [
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
            "decoder": ["type": "ByteLevel"],
            "model": ["type": "BPE", "vocab": vocabulary, "merges": merges],
        ]
        return try PipelineTokenizer(json: Bytes(JSONSerialization.data(withJSONObject: json)), file: "gpt2")
    }

    @Test("GPT-2: every expected encoding of the GGUF vocabulary tests", .enabled(if: SharedData.isPresent))
    func gpt2Vectors() throws {
        let tokenizer = try Self.gpt2.get()
        let inputs = try String(
            contentsOf: SharedData.url("tokenizers/gguf/ggml-vocab-gpt-2.gguf.inp"), encoding: .utf8
        ).components(separatedBy: "\n__ggml_vocab_test__\n")
        let outputs = try String(
            contentsOf: SharedData.url("tokenizers/gguf/ggml-vocab-gpt-2.gguf.out"), encoding: .utf8
        ).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(inputs.count > 40)
        for (input, output) in zip(inputs, outputs) {
            let expected = output.split(separator: " ").compactMap { Int32($0) }
            #expect(try tokenizer.encode(input, addsSpecialTokens: false) == expected, "\(input.debugDescription)")
            #expect(tokenizer.decode(expected) == input)
        }
    }

    @Test("GPT-2: the ids of a long French text", .enabled(if: SharedData.isPresent))
    func gpt2Text() throws {
        struct Expected: Decodable {
            let text: String
            let token_ids: [Int32]
        }
        let expected = try JSONDecoder().decode(
            Expected.self,
            from: Data(contentsOf: SharedData.url("tokenizers/hf-expected/gpt2_encoded_tokens.json")))
        #expect(try Self.gpt2.get().encode(expected.text, addsSpecialTokens: false) == expected.token_ids)
    }

    @Test(
        "RoBERTa: special tokens around the text and a mask that takes the space before it",
        .enabled(if: SharedData.isPresent))
    func roberta() throws {
        let tokenizer = try PipelineTokenizer(path: SharedData.url("tokenizers/hf/roberta-base/tokenizer.json").path)
        let plain = try tokenizer.encode("Hello world", addsSpecialTokens: false)
        #expect(try tokenizer.encode("Hello world", addsSpecialTokens: true) == [0] + plain + [2])
        #expect(plain == [31414, 232])
        let masked = try tokenizer.encode("Hello <mask>", addsSpecialTokens: false)
        #expect(masked == [31414, 50264])
    }

    @Test("any Unicode text comes back from byte-level tokens", .enabled(if: SharedData.isPresent))
    func roundTrip() throws {
        let tokenizer = try Self.gpt2.get()
        var random = SeededGenerator(seed: 11)
        for _ in 0..<300 {
            let scalars = (0..<Int.random(in: 0...40, using: &random)).compactMap { _ -> Unicode.Scalar? in
                let planes: [ClosedRange<UInt32>] = [0...0x7F, 0...0x7FF, 0...0xFFFF, 0...0x10FFFF]
                return Unicode.Scalar(UInt32.random(in: planes.randomElement(using: &random)!, using: &random))
            }
            let text = String(String.UnicodeScalarView(scalars))
            #expect(
                tokenizer.decode(try tokenizer.encode(text, addsSpecialTokens: false)).unicodeScalars.elementsEqual(
                    scalars))
        }
    }

    @Test(
        "stories260K: every story of the sample gives the ids of the reference",
        .enabled(if: ConvertedModels.isPossible))
    func stories() throws {
        struct Golden: Decodable {
            struct Story: Decodable {
                let text: String
                let ids: [Int32]
            }
            let stories: [Story]
        }
        let tokenizer = try PipelineTokenizer(
            path: ConvertedModels.stories260K().appending(path: "tokenizer.json").path)
        let golden = try JSONDecoder().decode(
            Golden.self, from: Data(contentsOf: SharedData.url("llm-stories260k/golden_nll.json")))
        #expect(!golden.stories.isEmpty)
        // The reference puts its leading blank before nothing, too; llama2.c and Hugging Face do not.
        for story in golden.stories where !story.text.isEmpty {
            let ids = try tokenizer.encode(story.text, addsSpecialTokens: true)
            #expect(ids.prefix(512) == story.ids.prefix(512))
            #expect(tokenizer.decode(ids) == story.text)
        }
    }

    @Test(
        "a character outside a SentencePiece vocabulary is written as its bytes",
        .enabled(if: ConvertedModels.isPossible))
    func byteFallback() throws {
        let tokenizer = try PipelineTokenizer(
            path: ConvertedModels.stories260K().appending(path: "tokenizer.json").path)
        let ids = try tokenizer.encode("é😈", addsSpecialTokens: false)
        #expect(tokenizer.decode(ids) == "é😈")
        let bytes: [Int32] = [0xF3, 0xA2, 0x9B, 0x8B]
        #expect(Array(ids.suffix(4)) == bytes)
    }

    @Test("a word of 50 000 letters is merged without quadratic work", .enabled(if: SharedData.isPresent))
    func longWord() throws {
        let tokenizer = try Self.gpt2.get()
        let text = String(repeating: "abcdefghij", count: 5_000)
        #expect(tokenizer.decode(try tokenizer.encode(text, addsSpecialTokens: false)) == text)
    }

    /// A file whose only words are the given entries.
    private func file(_ changes: (inout [String: Any]) -> Void) throws -> Bytes {
        var json: [String: Any] = [
            "model": ["type": "BPE", "vocab": ["a": 0, "b": 1, "ab": 2], "merges": ["a b"]] as [String: Any]
        ]
        changes(&json)
        return Bytes(try JSONSerialization.data(withJSONObject: json))
    }

    @Test("a vocabulary without bytes refuses a character it cannot write")
    func refusesUnknownCharacters() throws {
        let tokenizer = try PipelineTokenizer(json: file { _ in }, file: "t")
        #expect(try tokenizer.encode("aba", addsSpecialTokens: false) == [2, 0])
        #expect(throws: TokenizerError.unknownCharacter("x")) { try tokenizer.encode("ax", addsSpecialTokens: false) }
    }

    @Test(
        "a construct that is not supported is refused by name",
        arguments: [
            ("pre_tokenizer", "UnicodeScripts"), ("normalizer", "Magic"), ("decoder", "CTC"),
            ("post_processor", "Magic"),
        ])
    func refusesUnsupported(key: String, type: String) throws {
        let json = try file { $0[key] = ["type": type] }
        do {
            _ = try PipelineTokenizer(json: json, file: "t")
            Issue.record("\(key) \(type) was accepted")
        } catch let error as TokenizerError {
            #expect(error.description.contains(key) && error.description.contains(type))
        }
    }

    @Test(
        "a vocabulary that contradicts itself is refused",
        arguments: [
            #"{"vocab":{"a":0,"b":0},"merges":[]}"#, #"{"vocab":{"a":-1},"merges":[]}"#,
            #"{"vocab":{"a":2000000000},"merges":[]}"#, #"{"vocab":{"a":0},"merges":["a b"]}"#,
            #"{"vocab":{"a":0,"b":1},"merges":["a b"]}"#, #"{"vocab":{},"merges":[]}"#,
            #"{"vocab":{"a":0},"merges":["a"]}"#,
            #"{"vocab":{"a":0},"merges":[["a","a","a"]]}"#, #"{"vocab":{"a":0},"unk_token":"?"}"#,
            #"{"vocab":{"a":0},"byte_fallback":true}"#, #"{"type":"Unigram","vocab":{"a":0}}"#, #"{"merges":[]}"#,
        ])
    func refusesContradictions(model: String) {
        #expect(throws: (any Error).self) {
            try PipelineTokenizer(json: Bytes(utf8: "{\"model\":\(model)}"), file: "t")
        }
    }

    @Test("merges that lead in a circle end")
    func mergeCircle() throws {
        let json = #"{"model":{"vocab":{"a":0,"aa":1,"aaaa":2},"merges":["a a","aa aa","a a"]}}"#
        let tokenizer = try PipelineTokenizer(json: Bytes(utf8: json), file: "t")
        #expect(try tokenizer.encode("aaaaaaa", addsSpecialTokens: false) == [2, 1, 0])
    }

    @Test("a file cut at any byte is refused")
    func survivesTruncation() throws {
        let whole = try file { _ in }
        for count in 0..<whole.count {
            #expect(throws: (any Error).self) { try PipelineTokenizer(json: whole[0..<count], file: "t") }
        }
    }
}
