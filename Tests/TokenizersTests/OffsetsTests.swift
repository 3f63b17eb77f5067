import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: the place of each token is that of the reference implementations, for every kind of tokenizer, and the tokens
/// are those that `encode` gives, which takes the fast way.
///
/// Method: `offsets.json` has small tokenizers of each kind with what `tokenizers` says of them, and what it says of
/// the example model's; those of the shared data are checked where that is. Made by
/// Tests/Fixtures/make_tokenizer_vectors.py.
@Suite("places of tokens")
struct OffsetsTests {
    private struct Encoding: Decodable {
        let ids: [Int32]
        /// In bytes; -1 for what is put around a text.
        let places: [[Int]]
    }

    private struct Judged: Decodable {
        let texts: [String]
        let encodings: [Encoding]
    }

    private static let folder = URL(filePath: #filePath).appending(path: "../../Fixtures/tokenizers")
        .standardizedFileURL

    private static func judged(_ name: String) throws -> Judged {
        let all = try JSONDecoder().decode(
            [String: Judged].self, from: Data(contentsOf: folder.appending(path: "offsets.json")))
        return try #require(all[name])
    }

    /// The tokenizer that stands in `offsets.json` itself.
    private static func own(_ name: String) throws -> PipelineTokenizer {
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: "offsets.json")))
        let entry = try #require((json as? [String: [String: Any]])?[name])
        let bytes = try JSONSerialization.data(withJSONObject: #require(entry["tokenizer"]))
        return try PipelineTokenizer(json: Bytes(bytes), file: name)
    }

    private func check(
        _ tokenizer: PipelineTokenizer, _ judged: Judged, addsSpecialTokens: Bool = true,
        isSame: ([Int], [Int], _ text: [UInt8]) -> Bool = { ours, theirs, _ in ours == theirs }
    ) throws {
        #expect(judged.texts.count > 20 && judged.texts.count == judged.encodings.count)
        for (text, expected) in zip(judged.texts, judged.encodings) {
            let tokens = try tokenizer.spans(of: text, addsSpecialTokens: addsSpecialTokens)
            #expect(tokens.map(\.token) == expected.ids, "\(text.debugDescription)")
            let places = tokens.map { $0.range.map { [$0.lowerBound, $0.upperBound] } ?? [-1, -1] }
            let bytes = Array(text.utf8)
            let agree = zip(places, expected.places).allSatisfy { isSame($0, $1, bytes) }
            #expect(agree, "\(text.debugDescription): \(places), expected \(expected.places)")
        }
    }

    @Test(
        "of small tokenizers of every kind are those of the reference",
        arguments: ["bert", "llama", "roberta", "gpt2", "gpt2 trimmed"])
    func small(name: String) throws { try check(Self.own(name), Self.judged(name)) }

    @Test("of the example model are those of the reference")
    func storyteller() throws {
        let path = "../../../Sources/ApusServer/ExampleModels/storyteller/1/tokenizer.json"
        let url = URL(filePath: #filePath).appending(path: path).standardizedFileURL
        try check(PipelineTokenizer(path: url.path), Self.judged("storyteller"))
    }

    @Test(
        "of public tokenizers are those of the reference", .enabled(if: SharedData.isPresent),
        arguments: ["t5-small", "roberta-base"])
    func shared(name: String) throws {
        let url = try SharedData.url("tokenizers/hf/\(name)/tokenizer.json")
        try check(PipelineTokenizer(path: url.path), Self.judged(name))
    }

    /// Its library gives the place of a character to the last of several tokens; here each has it, as everywhere.
    ///
    /// And white space that is dropped is no part of a token here.
    @Test("of a SentencePiece model are those of the reference", .enabled(if: SharedData.isPresent))
    func sentencePiece() throws {
        let judged = try JSONDecoder().decode(
            Judged.self, from: Data(contentsOf: Self.folder.appending(path: "sentencepiece_offsets.json")))
        try check(Vectors.sentencePiece(), judged, addsSpecialTokens: false) { ours, theirs, text in
            guard theirs[0] < theirs[1] else { return true }
            let dropped = ours[1] <= theirs[1] ? text[ours[1]..<theirs[1]] : []
            return ours[0] == theirs[0] && ours[1] <= theirs[1] && dropped.allSatisfy { $0 <= 0x20 }
        }
    }

    @Test(
        "are in their order, at characters' ends, and belong to the tokens of encode, for any Unicode text",
        .enabled(if: SharedData.isPresent),
        arguments: ["gpt2", "bert", "t5", "sentencepiece", "phi-3", "bert-bge"])
    func anyText(name: String) throws {
        let tokenizer =
            switch name {
            case "gpt2": try Vectors.gpt2()
            case "bert": try Vectors.bert()
            case "t5": try Vectors.t5()
            case "sentencepiece": try Vectors.sentencePiece()
            default: try Vectors.gguf(name)
            }
        var random = SeededGenerator(seed: 21)
        for _ in 0..<400 {
            let text = RandomText.make(&random)
            let spans = try tokenizer.spans(of: text, addsSpecialTokens: true)
            #expect(try tokenizer.encode(text, addsSpecialTokens: true) == spans.map(\.token))
            let ranges = spans.compactMap(\.range)
            #expect(ranges.allSatisfy { 0 <= $0.lowerBound && $0.upperBound <= text.utf8.count })
            let bytes = Array(text.utf8)
            let ends = ranges.flatMap { [$0.lowerBound, $0.upperBound] }
            #expect(ends.allSatisfy { $0 == bytes.count || bytes[$0] & 0xC0 != 0x80 }, "\(text.debugDescription)")
            // Normal forms put marks into another order, within one character.
            guard name == "gpt2" || name == "phi-3" else { continue }
            #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.lowerBound <= $1.lowerBound })
        }
    }

    @Test("are those in the text as it came, also where a model lowers it first")
    func lowercased() throws {
        let pieces = try Self.own("llama").pieces(of: "THE \u{130}cat", addsSpecialTokens: true, lowercases: true)
        #expect(pieces.first == TokenPiece(token: 1, text: "<s>", range: nil))
        #expect(pieces.last.map { $0.range?.upperBound } == 9)
        #expect(pieces.dropFirst().map(\.text).joined().hasPrefix("THE"))
    }
}
