import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: every expected encoding of the shared data is checked whose vocabulary is there, and any Unicode text comes
/// back from every kind of tokenizer as far as its kind keeps it.
@Suite("shared vectors of tokenizers")
struct SharedVectorsTests {
    /// Checked by `PipelineTokenizerTests`, Whisper's below.
    private static let checkedCases: Set = [
        "bert-base-uncased", "google-bert/bert-base-uncased", "distilgpt2", "t5-base",
        "coreml-projects/Llama-2-7b-chat-coreml", "openai/whisper-tiny.en", "openai/whisper-large-v2",
        "tiiuae/falcon-7b", "pcuenq/Llama-3.2-1B-Instruct-tokenizer",
    ]
    /// Ids of vocabularies that are neither among the data nor in a package of PyPI: `ReconstructedVectorsTests`.
    private static let casesWithoutVocabulary: Set = [
        "pcuenq/gemma-tokenizer", "distilbert/distilbert-base-multilingual-cased",
    ]
    private static let checkedFiles: Set = ["gpt-2", "phi-3", "bert-bge", "mpt", "llama-bpe", "qwen2"]

    @Test("there is no vector with a vocabulary that no test checks", .enabled(if: SharedData.isPresent))
    func completeness() throws {
        let cases = try JSONDecoder().decode(
            [String: [Vectors.Case]].self,
            from: Data(contentsOf: SharedData.url("tokenizers/hf-expected/tokenizer_tests.json")))
        #expect(Set(cases.keys) == Self.checkedCases.union(Self.casesWithoutVocabulary))
        let names = try FileManager.default.contentsOfDirectory(atPath: SharedData.url("tokenizers/gguf").path)
        for name in names where name.hasSuffix(".gguf.inp") {
            let model = name.dropFirst("ggml-vocab-".count).dropLast(".gguf.inp".count)
            #expect(Self.checkedFiles.contains(String(model)), "\(name) is not checked")
        }
    }

    @Test("Whisper's ids stand between its own tokens", .enabled(if: SharedData.isPresent), arguments: [true, false])
    func whisper(isEnglish: Bool) throws {
        let tokenizer = isEnglish ? try Vectors.gpt2() : try Vectors.whisper()
        let cases = try Vectors.cases(isEnglish ? "openai/whisper-tiny.en" : "openai/whisper-large-v2")
        #expect(cases.count == 18)
        for item in cases {
            let ids = item.encoded.input_ids
            #expect(ids.prefix(2) == (isEnglish ? [50257, 50362] : [50258, 50363]))
            #expect(ids.last == (isEnglish ? 50256 : 50257))
            let own = try tokenizer.encode(item.input, addsSpecialTokens: false)
            #expect(own == Array(ids.dropFirst(2).dropLast()), "\(item.input.debugDescription)")
        }
    }

    @Test("a byte-level vocabulary that was trained elsewhere gives its text back", .enabled(if: SharedData.isPresent))
    func trainedElsewhere() throws {
        let merges = try String(
            contentsOf: SharedData.url("tokenizers/bpe-training/train-bpe-reference-merges.txt"), encoding: .utf8)
        // A list of merges begins with a line about its version.
        let tokenizer = try PipelineTokenizer(
            bytePairVocabulary: Vectors.bytes("bpe-training/train-bpe-reference-vocab.json"),
            merges: Bytes(utf8: "#version: 0.2\n" + merges), file: "reference")
        let text = try String(contentsOf: SharedData.url("tokenizers/bpe-training/corpus.en"), encoding: .utf8)
        let ids = try tokenizer.encode(text, addsSpecialTokens: false)
        #expect(tokenizer.decode(ids).utf8.elementsEqual(text.utf8))
        #expect(ids.count * 2 < text.utf8.count)
        // It was trained on this text, which uses nearly all of what was merged.
        let mergedCount = Set(ids).count { tokenizer.bytes(of: $0).count > 1 }
        let mergeCount = merges.split(separator: "\n").count
        #expect(mergedCount * 10 >= mergeCount * 9, "\(mergedCount) of \(mergeCount)")
        try roundTrip(tokenizer, seed: 3)
    }

    @Test("any Unicode text comes back from byte-level tokenizers of every file", .enabled(if: SharedData.isPresent))
    func byteLevel() throws {
        try roundTrip(Vectors.gpt2(), seed: 1)
        let roberta = try PipelineTokenizer(path: SharedData.url("tokenizers/hf/roberta-base/tokenizer.json").path)
        try roundTrip(roberta, seed: 2)
        let story = URL(filePath: #filePath).appending(
            path: "../../../Sources/ApusServer/ExampleModels/storyteller/1/tokenizer.json"
        ).standardizedFileURL
        try roundTrip(try PipelineTokenizer(path: story.path), seed: 4)
    }

    private func roundTrip(_ tokenizer: PipelineTokenizer, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let text = RandomText.make(&random)
            let ids = try tokenizer.encode(text, addsSpecialTokens: false)
            #expect(tokenizer.decode(ids).utf8.elementsEqual(text.utf8), "\(text.debugDescription)")
        }
    }

    /// Tokenizers that normalise, such as WordPiece and Unigram, give back the normalised text: it has the same ids.
    @Test(
        "any Unicode text that a normalising vocabulary knows comes back as one with the same ids",
        .enabled(if: SharedData.isPresent), arguments: ["bert", "bert-bge", "t5", "sentencepiece"])
    func normalising(name: String) throws {
        let tokenizer =
            switch name {
            case "bert": try Vectors.bert()
            case "t5": try Vectors.t5()
            case "sentencepiece": try Vectors.sentencePiece()
            default: try Vectors.gguf(name)
            }
        var random = SeededGenerator(seed: 7)
        var knownCount = 0
        for _ in 0..<8000 {
            let text = RandomText.make(&random, countMax: 6)
            let ids = try tokenizer.encode(text, addsSpecialTokens: false)
            // An unknown token stands for no text.
            guard !ids.isEmpty, ids.allSatisfy({ !tokenizer.bytes(of: $0).isEmpty }) else { continue }
            let back = tokenizer.decode(ids)
            let again = try tokenizer.encode(back, addsSpecialTokens: false)
            #expect(again == ids, "\(text.debugDescription) \(back.debugDescription)")
            knownCount += 1
        }
        #expect(knownCount > 300, "\(knownCount)")
    }
}
