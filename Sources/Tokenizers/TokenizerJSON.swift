/// The parts of a Hugging Face `tokenizer.json` that Apus reads.
struct TokenizerJSON: Decodable {
    struct AddedToken: Decodable {
        let id: Int32
        let content: String
        let special: Bool?
        let single_word: Bool?
        let lstrip: Bool?
        let rstrip: Bool?
    }

    struct Model: Decodable {
        let type: String?
        let vocab: [String: Int32]?
        let merges: [Pair]?
        let unk_token: String?
        let byte_fallback: Bool?
        let fuse_unk: Bool?
        let ignore_merges: Bool?
        let continuing_subword_prefix: String?
        let end_of_word_suffix: String?
    }

    /// A merge, written `"left right"` or `["left", "right"]`.
    struct Pair: Decodable {
        let left: String
        let right: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let parts: [String]
            if let text = try? container.decode(String.self) {
                parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            } else {
                parts = try container.decode([String].self)
            }
            guard parts.count == 2 else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "a merge needs two parts")
            }
            (left, right) = (parts[0], parts[1])
        }
    }

    /// A normalizer, pre-tokenizer, decoder or post-processor; which fields count depends on `type`.
    struct Step: Decodable {
        let type: String
        let prepend: String?
        let pattern: Pattern?
        let content: String?
        let start: Int?
        let stop: Int?
        let add_prefix_space: Bool?
        let use_regex: Bool?
        let normalizers: [Step]?
        let pretokenizers: [Step]?
        let decoders: [Step]?
        let processors: [Step]?
        let single: [TemplatePiece]?
        let special_tokens: [String: SpecialToken]?
        let cls: IDPair?
        let sep: IDPair?
    }

    struct Pattern: Decodable {
        let String: Swift.String?
    }

    struct TemplatePiece: Decodable {
        struct Special: Decodable { let id: String }
        struct Sequence: Decodable { let id: String }
        let SpecialToken: Special?
        let Sequence: Sequence?
    }

    struct SpecialToken: Decodable {
        let ids: [Int32]
    }

    /// A token with its id, `["<s>", 0]`.
    struct IDPair: Decodable {
        let id: Int32

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            _ = try container.decode(String.self)
            id = try container.decode(Int32.self)
        }
    }

    let added_tokens: [AddedToken]?
    let normalizer: Step?
    let pre_tokenizer: Step?
    let post_processor: Step?
    let decoder: Step?
    let model: Model
}
