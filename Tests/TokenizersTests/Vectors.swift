import Foundation
import TestSupport
import Tokenizers
import Vocabulary

/// The expected tokenisations of the shared data.
enum Vectors {
    struct Case: Decodable {
        struct Encoded: Decodable { let input_ids: [Int32] }
        let input: String
        let encoded: Encoded
        let decoded_without_special: String
    }

    static func bytes(_ path: String) throws -> Bytes {
        Bytes(try Data(contentsOf: SharedData.url("tokenizers/" + path)))
    }

    /// The inputs and ids of `gguf/ggml-vocab-NAME.gguf.inp` and `.out`.
    static func pairs(_ name: String) throws -> [(input: String, ids: [Int32])] {
        let inputs = try String(
            contentsOf: SharedData.url("tokenizers/gguf/ggml-vocab-\(name).gguf.inp"), encoding: .utf8
        ).components(separatedBy: "\n__ggml_vocab_test__\n")
        let outputs = try String(
            contentsOf: SharedData.url("tokenizers/gguf/ggml-vocab-\(name).gguf.out"), encoding: .utf8
        ).split(separator: "\n", omittingEmptySubsequences: false)
        return zip(inputs, outputs).map { input, output in
            (input, output.split(separator: " ").compactMap { Int32($0) })
        }
    }

    /// The cases of one tokenizer in `hf-expected/tokenizer_tests.json`.
    static func cases(_ name: String) throws -> [Case] {
        let all = try JSONDecoder().decode(
            [String: [Case]].self, from: Data(contentsOf: SharedData.url("tokenizers/hf-expected/tokenizer_tests.json"))
        )
        return all[name] ?? []
    }

    static func gpt2() throws -> PipelineTokenizer {
        try PipelineTokenizer(
            bytePairVocabulary: bytes("gpt2/encoder.json"), merges: bytes("gpt2/vocab.bpe"), file: "gpt2")
    }

    static func bert() throws -> PipelineTokenizer {
        try PipelineTokenizer(wordPieceList: bytes("hf-expected/bert-vocab.txt"), file: "vocab.txt", lowercases: true)
    }

    static func t5() throws -> PipelineTokenizer {
        try PipelineTokenizer(path: SharedData.url("tokenizers/hf/t5-small/tokenizer.json").path)
    }

    static func sentencePiece() throws -> PipelineTokenizer {
        try PipelineTokenizer(
            sentencePiece: bytes("sentencepiece/test_model.model"), file: "test_model.model", addsEnd: false)
    }

    /// The metadata of a vocabulary of the shared data, read here by hand: what a GGUF reader hands over.
    static func gguf(_ name: String) throws -> PipelineTokenizer {
        try PipelineTokenizer(
            GGUFMetadata(bytes("gguf/ggml-vocab-\(name).gguf").array).vocabulary, file: "\(name).gguf")
    }
}

/// The smallest reader of a GGUF file's metadata, for tests of vocabularies only: it trusts the file.
struct GGUFMetadata {
    private enum Value {
        case number(UInt64)
        case float(Float)
        case string([UInt8])
        case list([Value])
    }

    private var values: [String: Value] = [:]
    private let data: [UInt8]
    private var at = 0

    init(_ data: [UInt8]) {
        self.data = data
        at = 16
        for _ in 0..<integer(8) {
            let key = String(decoding: string(), as: UTF8.self)
            values[key] = value(Int(integer(4)))
        }
    }

    private mutating func integer(_ count: Int) -> UInt64 {
        defer { at += count }
        return data[at..<at + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func string() -> [UInt8] {
        let count = Int(integer(8))
        defer { at += count }
        return Array(data[at..<at + count])
    }

    private mutating func value(_ type: Int) -> Value {
        switch type {
        case 6: return .float(Float(bitPattern: UInt32(integer(4))))
        case 8: return .string(string())
        case 9:
            let element = Int(integer(4))
            return .list((0..<Int(integer(8))).map { _ in value(element) })
        default: return .number(integer([1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8][type]))
        }
    }

    private func text(_ key: String) -> String? {
        if case .string(let bytes) = values["tokenizer.ggml." + key] {
            String(decoding: bytes, as: UTF8.self)
        } else {
            nil
        }
    }

    private func number(_ key: String) -> Int32? {
        if case .number(let value) = values["tokenizer.ggml." + key] { Int32(truncatingIfNeeded: value) } else { nil }
    }

    private func list<Element>(_ key: String, _ body: (Value) -> Element?) -> [Element] {
        if case .list(let values) = values["tokenizer.ggml." + key] { values.compactMap(body) } else { [] }
    }

    private func texts(_ key: String) -> [String] {
        list(key) { if case .string(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil } }
    }

    var vocabulary: GGUFVocabulary {
        var vocabulary = GGUFVocabulary(model: text("model") ?? "", tokens: texts("tokens"))
        vocabulary.preTokenizer = text("pre")
        vocabulary.scores = list("scores") { if case .float(let score) = $0 { score } else { nil } }
        vocabulary.types = list("token_type") {
            if case .number(let type) = $0 { Int32(truncatingIfNeeded: type) } else { nil }
        }
        vocabulary.merges = texts("merges")
        vocabulary.beginToken = number("bos_token_id")
        vocabulary.endToken = number("eos_token_id")
        vocabulary.unknownToken = number("unknown_token_id")
        vocabulary.classToken = number("cls_token_id")
        vocabulary.separatorToken = number("seperator_token_id")
        vocabulary.addsBegin = number("add_bos_token").map { $0 != 0 }
        vocabulary.addsEnd = number("add_eos_token").map { $0 != 0 }
        vocabulary.addsSpacePrefix = number("add_space_prefix").map { $0 != 0 }
        return vocabulary
    }
}
