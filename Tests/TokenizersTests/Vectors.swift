import Foundation
import ModelFiles
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

    static func gguf(_ name: String) throws -> PipelineTokenizer {
        let file = try GGUFFile(path: SharedData.url("tokenizers/gguf/ggml-vocab-\(name).gguf").path)
        return try PipelineTokenizer(GGUFVocabulary(file), file: file.file)
    }
}
