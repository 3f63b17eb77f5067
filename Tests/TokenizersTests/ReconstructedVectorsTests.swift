import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: vectors whose vocabulary cannot be had are checked as far as they tell it themselves.
///
/// Method: of each text it is written down how it was cut, which the number of its ids leaves little doubt about. The
/// pieces with their ids are a small vocabulary; the rest of the tokenizer is that of the model. So all is checked but
/// which of many pieces is chosen, for which there are vocabularies enough in the other tests.
@Suite("vectors without a vocabulary")
struct ReconstructedVectorsTests {
    /// The pieces of each text, in the order of the cases; `_` is U+2581, a space.
    private static let gemmaPieces = [
        "hello|_world", "Hello|_World", "How|_are|_you|_doing|?", "You|_should|'|ve|_done|_this",
        "A|\n|'|ll|_!!|to|?'|d|''|d|_of|,|_can|'|t|.", "def|_main|():|\n|\t|pass", "This|\n\n|is|\n|a|\n|test|.",
        "let|_a|_=|_obj|.|toString|();|\n|toString|();", "Hi|__|Hello", "trailing|_space|___", "___|leading|_space",
        "生活的|真|谛|是", "The|_company|_was|_founded|_in|_|2|0|1|6|.",
        "test|_$|1|_R|2|_#|3|_€|4|_£|5|_¥|6|_|₣|7|_₹|8|_|₱|9|_test",
        "I|_bought|_an|_apple|_for|_$|1|.|0|0|_at|_the|_store|.", "you|…|__", "you|…|\u{A0}\u{A0}",
        "you|…|\u{A0}\u{A0}|you|…|\u{A0}\u{A0}",
    ]
    private static let multilingualPieces = [
        "hell|##o|world", "Hello|World", "How|are|you|doing|?", "You|should|'|ve|done|this",
        "A|'|ll|!|!|to|?|'|d|'|'|d|of|,|can|'|t|.", "def|main|(|)|:|pass", "This|is|a|test|.",
        "let|a|=|ob|##j|.|to|##S|##tri|##ng|(|)|;|to|##S|##tri|##ng|(|)|;", "Hi|Hello", "trail|##ing|space",
        "leading|space", "生|活|的|真|谛|是", "The|company|was|founded|in|2016|.",
        "test|$|1|R2|#|3|€|##4|£|##5|¥|##6|[UNK]|₹|##8|[UNK]|test", "I|bought|an|app|##le|for|$|1|.|00|at|the|store|.",
        "you|[UNK]", "you|[UNK]", "you|[UNK]|you|[UNK]",
    ]

    @Test("Gemma", .enabled(if: SharedData.isPresent))
    func gemma() throws {
        let cases = try Vectors.cases("pcuenq/gemma-tokenizer")
        let spaced = Self.gemmaPieces.map { $0.replacing("_", with: "\u{2581}") }
        var vocabulary = try pieces(cases, spaced, edges: (1, 0))
        // The tab is a byte, the tenth of 256 in a row.
        #expect(vocabulary["\t"] == 226)
        vocabulary["\t"] = nil
        for byte in 0..<256 { vocabulary[String(format: "<0x%02X>", byte)] = 217 + byte }
        vocabulary["<unk>"] = 3
        let merges = addMerges(of: vocabulary.keys.filter { !$0.hasPrefix("<") }, to: &vocabulary)
        let json = try Self.json([
            "added_tokens": [Self.special("<bos>", 2)],
            "normalizer": ["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"],
            "pre_tokenizer": [
                "type": "Split", "pattern": ["String": " "], "behavior": "MergedWithPrevious", "invert": false,
            ],
            "post_processor": Self.template(["<bos>": 2], "<bos>", nil),
            "decoder": [
                "type": "Sequence",
                "decoders": [
                    ["type": "Replace", "pattern": ["String": "\u{2581}"], "content": " "], ["type": "ByteFallback"],
                    ["type": "Fuse"],
                ],
            ],
            "model": [
                "type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "vocab": vocabulary,
                "merges": merges,
            ],
        ])
        let tokenizer = try PipelineTokenizer(json: Bytes(json), file: "gemma")
        for item in cases {
            let ids = try tokenizer.encode(item.input, addsSpecialTokens: true)
            #expect(ids == item.encoded.input_ids, "\(item.input.debugDescription)")
            #expect(tokenizer.decode(ids) == item.decoded_without_special)
        }
    }

    @Test("a cased, multilingual BERT", .enabled(if: SharedData.isPresent))
    func multilingualBERT() throws {
        let cases = try Vectors.cases("distilbert/distilbert-base-multilingual-cased")
        var vocabulary = try pieces(cases, Self.multilingualPieces, edges: (1, 1))
        (vocabulary["[UNK]"], vocabulary["[CLS]"], vocabulary["[SEP]"]) = (100, 101, 102)
        let json = try Self.json([
            "added_tokens": [Self.special("[UNK]", 100), Self.special("[CLS]", 101), Self.special("[SEP]", 102)],
            "normalizer": [
                "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": NSNull(),
                "lowercase": false,
            ],
            "pre_tokenizer": ["type": "BertPreTokenizer"],
            "post_processor": Self.template(["[CLS]": 101, "[SEP]": 102], "[CLS]", "[SEP]"),
            "decoder": ["type": "WordPiece", "prefix": "##", "cleanup": true],
            "model": [
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": vocabulary,
            ],
        ])
        let tokenizer = try PipelineTokenizer(json: Bytes(json), file: "bert")
        for item in cases {
            let ids = try tokenizer.encode(item.input, addsSpecialTokens: true)
            #expect(ids == item.encoded.input_ids, "\(item.input.debugDescription)")
            #expect(tokenizer.decode(ids).filter { $0 != " " } == item.decoded_without_special.filter { $0 != " " })
        }
    }

    /// The ids of the pieces, the same in every text; `edges` are the tokens in front of a text and behind it.
    private func pieces(
        _ cases: [Vectors.Case], _ texts: [String], edges: (before: Int, behind: Int)
    ) throws -> [String: Int] {
        #expect(cases.count == 18 && texts.count == 18)
        var ids: [String: Int] = [:]
        for (item, text) in zip(cases, texts) {
            let own = item.encoded.input_ids.dropFirst(edges.before).dropLast(edges.behind)
            let pieces = text.split(separator: "|").map(String.init)
            try #require(pieces.count == own.count, "\(item.input.debugDescription)")
            for (piece, id) in zip(pieces, own) {
                #expect(ids.updateValue(Int(id), forKey: piece) ?? Int(id) == Int(id))
            }
        }
        return ids
    }

    /// Merges that make each piece from left to right, longer ones first, those that begin with a space before others,
    /// and those with a capital letter next; what they make on the way has ids that no text has.
    private func addMerges(of pieces: [String], to vocabulary: inout [String: Int]) -> [[String]] {
        func rank(_ piece: String) -> (Int, Int, String) {
            (piece.hasPrefix("\u{2581}") ? 0 : piece.first!.isUppercase ? 1 : 2, -piece.count, piece)
        }
        var merges: [[String]] = []
        for piece in pieces.sorted(by: { rank($0) < rank($1) }) {
            var whole = ""
            for scalar in piece.unicodeScalars {
                let (left, right) = (whole, String(scalar))
                whole += right
                for part in [right, whole] where vocabulary[part] == nil {
                    vocabulary[part] = 300_000 + vocabulary.count
                }
                if !left.isEmpty, !merges.contains([left, right]) { merges.append([left, right]) }
            }
        }
        return merges
    }

    private static func special(_ content: String, _ id: Int) -> [String: Any] {
        [
            "id": id, "content": content, "special": true, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false,
        ]
    }

    private static func template(_ ids: [String: Int], _ first: String, _ last: String?) -> [String: Any] {
        let text: [String: Any] = ["Sequence": ["id": "A", "type_id": 0]]
        let edges = ([first] + (last.map { [$0] } ?? [])).map {
            ["SpecialToken": ["id": $0, "type_id": 0]] as [String: Any]
        }
        return [
            "type": "TemplateProcessing", "single": [edges[0], text] + edges.dropFirst(), "pair": [text],
            "special_tokens": ids.reduce(into: [String: Any]()) { all, entry in
                all[entry.key] = ["id": entry.key, "ids": [entry.value], "tokens": [entry.key]]
            },
        ]
    }

    private static func json(_ tokenizer: [String: Any]) throws -> Data {
        try JSONSerialization.data(withJSONObject: tokenizer)
    }
}
