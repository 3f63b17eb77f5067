import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers
import Vocabulary

/// The expected tokenisations of the shared data, and vocabularies: those of the data, and those that
/// `Tests/Vocabularies/fetch.py` fetches.
enum Vectors {
    /// Where `make test` puts fetched vocabularies; or `APUS_VOCABULARIES`.
    private static let fetched: URL =
        ProcessInfo.processInfo.environment["APUS_VOCABULARIES"].map { URL(filePath: $0) }
        ?? URL(filePath: #filePath).appending(path: "../../../.build/vocabularies").standardizedFileURL

    /// A file of the data, or a fetched one.
    ///
    /// A test that wants one which is in neither place is cancelled.
    static func url(_ name: String) throws -> URL {
        if let url = try? SharedData.url("tokenizers/gguf/\(name)") { return url }
        let url = fetched.appending(path: name)
        guard FileManager.default.fileExists(atPath: url.path) else {
            try Test.cancel("\(name) is not there: make vocabularies fetches it")
        }
        return url
    }

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
            contentsOf: url("ggml-vocab-\(name).gguf.inp"), encoding: .utf8
        ).components(separatedBy: "\n__ggml_vocab_test__\n")
        let outputs = try String(
            contentsOf: url("ggml-vocab-\(name).gguf.out"), encoding: .utf8
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
        let file = try ggufFile(name)
        return try PipelineTokenizer(GGUFVocabulary(file), file: file.file)
    }

    static func ggufFile(_ name: String) throws -> GGUFFile {
        try GGUFFile(path: url("ggml-vocab-\(name).gguf").path)
    }

    /// The byte-level vocabulary of Whisper's larger models, without the tokens that are no text.
    static func whisper() throws -> PipelineTokenizer {
        try PipelineTokenizer(
            bytePairVocabulary: Bytes(Data(contentsOf: url("whisper/vocab.json"))),
            merges: Bytes(Data(contentsOf: url("whisper/merges.txt"))), file: "whisper")
    }
}
