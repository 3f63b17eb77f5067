import Foundation
import TestSupport
import Testing
import Tokenizers
import Vocabulary

@Suite("PipelineTokenizer")
struct PipelineTokenizerTests {
    @Test(
        "every expected encoding of a GGUF vocabulary", .enabled(if: SharedData.isPresent),
        arguments: [
            "gpt-2", "phi-3", "bert-bge", "falcon", "mpt", "llama-spm", "llama-bpe", "qwen2", "starcoder", "refact",
            "command-r",
        ])
    func ggufVectors(name: String) throws {
        let tokenizer = try Vectors.gguf(name)
        let pairs = try Vectors.pairs(name)
        #expect(pairs.count > 40)
        for (input, ids) in pairs {
            #expect(try tokenizer.encode(input, addsSpecialTokens: false) == ids, "\(input.debugDescription)")
            if name != "bert-bge" { #expect(tokenizer.decode(ids) == input) }
        }
    }

    @Test("GPT-2: the ids and texts of the reference", .enabled(if: SharedData.isPresent))
    func gpt2() throws {
        let tokenizer = try Vectors.gpt2()
        let cases = try Vectors.cases("distilgpt2")
        #expect(!cases.isEmpty)
        for item in cases {
            let ids = try tokenizer.encode(item.input, addsSpecialTokens: true)
            #expect(ids == item.encoded.input_ids, "\(item.input.debugDescription)")
            // The reference then closes gaps between words; the tokens themselves are the input.
            #expect(tokenizer.decode(ids) == item.input)
        }
    }

    @Test(
        "BERT: the ids and texts of the reference", .enabled(if: SharedData.isPresent),
        arguments: ["bert-base-uncased", "google-bert/bert-base-uncased"])
    func bert(name: String) throws {
        let tokenizer = try Vectors.bert()
        let cases = try Vectors.cases(name)
        #expect(!cases.isEmpty)
        for item in cases {
            let ids = try tokenizer.encode(item.input, addsSpecialTokens: true)
            #expect(ids == item.encoded.input_ids, "\(item.input.debugDescription)")
            // The reference closes some more gaps between words, in the text as a whole.
            #expect(
                tokenizer.decode(ids).filter { $0 != " " } == item.decoded_without_special.filter { $0 != " " })
        }
    }

    @Test("BERT: every question of the Stanford question answering data", .enabled(if: SharedData.isPresent))
    func bertQuestions() throws {
        struct Question: Decodable { let original: String }
        let tokenizer = try Vectors.bert()
        let questions = try JSONDecoder().decode(
            [Question].self, from: Data(contentsOf: SharedData.url("tokenizers/hf-expected/question_tokens.json")))
        let expected = try JSONDecoder().decode(
            [[Int32]].self, from: Data(contentsOf: SharedData.url("tokenizers/hf-expected/tokenized_questions.json")))
        #expect(questions.count == expected.count && questions.count > 10_000)
        for (question, ids) in zip(questions, expected) {
            #expect(try tokenizer.encode(question.original, addsSpecialTokens: false) == ids, "\(question.original)")
        }
    }

    @Test("T5: the ids and texts of the reference", .enabled(if: SharedData.isPresent))
    func t5() throws {
        let tokenizer = try Vectors.t5()
        let cases = try Vectors.cases("t5-base")
        #expect(!cases.isEmpty)
        for item in cases {
            let ids = try tokenizer.encode(item.input, addsSpecialTokens: true)
            #expect(ids == item.encoded.input_ids, "\(item.input.debugDescription)")
        }
    }

    @Test(
        "a long French text gives the ids of the reference", .enabled(if: SharedData.isPresent),
        arguments: ["gpt2_encoded_tokens", "bert_uncased_encoded", "t5_base_encoded", "falcon_encoded"])
    func longText(name: String) throws {
        struct Expected: Decodable {
            let text: String
            let token_ids: [Int32]
        }
        let expected = try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: SharedData.url("tokenizers/hf-expected/\(name).json")))
        let tokenizer: PipelineTokenizer
        switch name {
        case "gpt2_encoded_tokens": tokenizer = try Vectors.gpt2()
        case "bert_uncased_encoded": tokenizer = try Vectors.bert()
        case "t5_base_encoded": tokenizer = try Vectors.t5()
        default: tokenizer = try Vectors.gguf("falcon")
        }
        #expect(try tokenizer.encode(expected.text, addsSpecialTokens: true) == expected.token_ids)
    }

    @Test(
        "the ids of the reference, by a vocabulary of the same tokens in a GGUF file",
        .enabled(if: SharedData.isPresent),
        arguments: [
            ("coreml-projects/Llama-2-7b-chat-coreml", "phi-3"),
            ("coreml-projects/Llama-2-7b-chat-coreml", "llama-spm"),
            ("tiiuae/falcon-7b", "falcon"), ("pcuenq/Llama-3.2-1B-Instruct-tokenizer", "llama-bpe"),
        ])
    func references(name: String, vocabulary: String) throws {
        let tokenizer = try Vectors.gguf(vocabulary)
        let cases = try Vectors.cases(name)
        #expect(cases.count >= 18)
        for item in cases {
            let ids = try tokenizer.encode(item.input, addsSpecialTokens: true)
            #expect(ids == item.encoded.input_ids, "\(item.input.debugDescription)")
        }
    }

    @Test(
        "any Unicode text comes back, and comes back piece by piece", .enabled(if: SharedData.isPresent),
        arguments: ["gpt-2", "phi-3", "mpt", "llama-spm", "llama-bpe"])
    func roundTrip(name: String) throws {
        let tokenizer = try Vectors.gguf(name)
        var random = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            let text = RandomText.make(&random)
            let ids = try tokenizer.encode(text, addsSpecialTokens: false)
            #expect(tokenizer.decode(ids).utf8.elementsEqual(text.utf8), "\(text.debugDescription)")
            var decoder = IncrementalDecoder(tokenizer)
            let pieces = ids.map { decoder.append($0) }
            #expect((pieces.joined() + decoder.finish()).utf8.elementsEqual(text.utf8))
        }
    }

    @Test(
        "a word of 300 000 letters is written without quadratic work", .enabled(if: SharedData.isPresent),
        arguments: ["gpt-2", "phi-3"])
    func longWord(name: String) throws {
        let tokenizer = try Vectors.gguf(name)
        let text = String(repeating: "abcdefghij", count: 30_000)
        #expect(tokenizer.decode(try tokenizer.encode(text, addsSpecialTokens: false)) == text)
    }

    @Test("special tokens are known by name", .enabled(if: SharedData.isPresent))
    func special() throws {
        let tokenizer = try Vectors.bert()
        #expect(tokenizer.token(named: "[CLS]") == 101)
        #expect(tokenizer.isSpecial(101) && !tokenizer.isSpecial(2029))
        #expect(tokenizer.token(named: "[NONE]") == nil)
        #expect(try tokenizer.encode("a [MASK] b", addsSpecialTokens: false) == [1037, 103, 1038])
    }
}

/// Text of any Unicode scalars, the shorter planes more often.
enum RandomText {
    static func make(_ random: inout SeededGenerator, countMax: Int = 40) -> String {
        let scalars = (0..<Int.random(in: 0...countMax, using: &random)).compactMap { _ -> Unicode.Scalar? in
            let planes: [ClosedRange<UInt32>] = [0...0x7F, 0x20...0x7E, 0...0x7FF, 0...0xFFFF, 0...0x10FFFF]
            return Unicode.Scalar(UInt32.random(in: planes.randomElement(using: &random)!, using: &random))
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
