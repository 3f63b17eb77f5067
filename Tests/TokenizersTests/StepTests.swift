import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Against what Tests/Fixtures/make_tokenizer_vectors.py got from the reference implementations.
@Suite("steps of tokenizers")
struct StepTests {
    private struct Encodings: Decodable {
        let texts: [String]
        let ids: [[Int32]]
    }

    private static func data(_ name: String) throws -> Data {
        let folder = URL(filePath: #filePath).appending(path: "../../Fixtures/tokenizers").standardizedFileURL
        return try Data(contentsOf: folder.appending(path: name))
    }

    /// `steps.json`, one section of it.
    private func section(_ name: String) throws -> (texts: [String], cases: [(String, [String: Any])]) {
        let json = try #require(try JSONSerialization.jsonObject(with: Self.data("steps.json")) as? [String: Any])
        let cases = try #require(json[name] as? [String: [String: Any]])
        return (try #require(json["texts"] as? [String]), cases.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    /// A tokenizer of which only the one step matters.
    private func reader(_ key: String, _ step: Any) throws -> TokenizerJSONReader {
        let bytes = Bytes(try JSONSerialization.data(withJSONObject: [key: step]))
        return TokenizerJSONReader(json: try .init(parsing: bytes, file: "t"), file: "t")
    }

    @Test("every pre-tokenizer cuts as the reference does")
    func preTokenizers() throws {
        let (texts, cases) = try section("pre_tokenizers")
        #expect(cases.count > 10)
        for (name, content) in cases {
            let steps = try reader("pre_tokenizer", #require(content["step"])).preTokenizers()
            let expected = try #require(content["words"] as? [[String]])
            for (text, words) in zip(texts, expected) {
                var cuts = WordCuts(Array(text.utf8), isFirst: true)
                for step in steps { cuts.apply(step) }
                let ours = cuts.words.map { Array(cuts.bytes[$0]) }
                #expect(ours == words.map { Array($0.utf8) }, "\(name): \(text.debugDescription)")
            }
        }
    }

    @Test("every normalizer gives the text of the reference")
    func normalizers() throws {
        let (texts, cases) = try section("normalizers")
        #expect(cases.count > 6)
        for (name, content) in cases {
            let steps = try reader("normalizer", #require(content["step"])).normalizers()
            let expected = try #require(content["texts"] as? [String])
            for (text, result) in zip(texts, expected) {
                let ours = steps.reduce(Array(text.utf8)) { $1($0) }
                #expect(ours == Array(result.utf8), "\(name): \(text.debugDescription)")
            }
        }
    }

    @Test("a SentencePiece model gives the ids of the reference", .enabled(if: SharedData.isPresent))
    func sentencePiece() throws {
        let tokenizer = try Vectors.sentencePiece()
        let expected = try JSONDecoder().decode(Encodings.self, from: Self.data("sentencepiece.json"))
        for (text, ids) in zip(expected.texts, expected.ids) {
            #expect(try tokenizer.encode(text, addsSpecialTokens: false) == ids, "\(text.debugDescription)")
        }
    }

    @Test("T5's tokenizer.json gives the ids of the reference for any text", .enabled(if: SharedData.isPresent))
    func t5() throws {
        let tokenizer = try Vectors.t5()
        let expected = try JSONDecoder().decode(Encodings.self, from: Self.data("t5.json"))
        for (text, ids) in zip(expected.texts, expected.ids) {
            #expect(try tokenizer.encode(text, addsSpecialTokens: true) == ids, "\(text.debugDescription)")
        }
    }

    @Test("a SentencePiece model cut anywhere is refused or read, never worse", .enabled(if: SharedData.isPresent))
    func truncation() throws {
        let whole = try Vectors.bytes("sentencepiece/test_model.model")
        for count in [0, 1, 2, 5, 17] + (1..<40).map({ whole.count * $0 / 40 }) {
            _ = try? PipelineTokenizer(sentencePiece: whole[0..<count], file: "t")
        }
        #expect(throws: TokenizerError.self) { try PipelineTokenizer(sentencePiece: whole[0..<1], file: "t") }
    }

    @Test(
        "a pattern with a construct that is not known is refused by name",
        arguments: [
            (#"(?<=a)b"#, "(?<"), (#"\p{Han}"#, "Han"), (#"a+?"#, "lazy"), (#"\b"#, "\\b"), ("(a", "without end"),
            ("[a", "without end"), ("*", "*"), ("a)", "unmatched"), ("[[a]]", "class inside"), ("(a?)*", "empty"),
        ])
    func patterns(pattern: String, name: String) {
        let error = #expect(throws: PatternError.self) { try WordPattern(pattern) }
        #expect(error?.construct.contains(name) == true)
    }

    @Test("short and long words are merged alike")
    func merges() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            var merges = BytePairMerges()
            for rank in 0..<Int32(30) {
                merges.add(
                    left: .random(in: 0..<12, using: &random), right: .random(in: 0..<12, using: &random),
                    result: .random(in: 0..<12, using: &random), rank: rank)
            }
            let word = (0..<Int.random(in: 0...24, using: &random)).map { _ in Int32.random(in: 0..<6, using: &random) }
            var (short, long) = (word, word)
            merges.apply(to: &short)
            merges.applyToLong(&long)
            #expect(short == long)
        }
    }
}
