/// The `config.json` of a Llama-architecture decoder in a Hugging Face directory.
///
/// Only what Apus computes is accepted: a field that would change the result in a way the decoder does not know
/// (another activation, rope scaling, biases) is an error that names it.
package struct LlamaConfiguration: Sendable, Equatable {
    package let vocabularySize: Int
    package let hiddenSize: Int
    package let intermediateSize: Int
    package let layerCount: Int
    package let headCount: Int
    /// Divides `headCount`.
    package let keyValueHeadCount: Int
    /// Extent of one head; even.
    package let headSize: Int
    /// Most positions the model was trained for.
    package let contextLengthMax: Int
    package let normEpsilon: Float
    package let ropeTheta: Float
    /// Whether the output head is the embedding table.
    package let tiesEmbeddings: Bool
    package let beginOfSequence: Int32?
    package let endOfSequence: Set<Int32>

    /// Reads `config.json` at `path`.
    ///
    /// - Throws: `ModelFileError` naming the field.
    package init(path: String) throws(ModelFileError) {
        let raw = try JSONFile.decode(RawConfiguration.self, path: path, byteCountMax: 1 << 20)
        try self.init(raw, file: path)
    }

    private init(_ raw: RawConfiguration, file: String) throws(ModelFileError) {
        func error(_ field: String, _ problem: String) -> ModelFileError {
            ModelFileError(file: file, field: "\"\(field)\"", problem: problem)
        }
        try raw.refuseUnsupported(error)
        func size(_ field: String, _ value: Int, max: Int) throws(ModelFileError) -> Int {
            guard (1...max).contains(value) else { throw error(field, "expected 1...\(max), got \(value)") }
            return value
        }
        vocabularySize = try size("vocab_size", raw.vocab_size, max: 1 << 22)
        hiddenSize = try size("hidden_size", raw.hidden_size, max: 1 << 16)
        intermediateSize = try size("intermediate_size", raw.intermediate_size, max: 1 << 18)
        layerCount = try size("num_hidden_layers", raw.num_hidden_layers, max: 1024)
        headCount = try size("num_attention_heads", raw.num_attention_heads, max: 1024)
        keyValueHeadCount = try size("num_key_value_heads", raw.num_key_value_heads ?? headCount, max: 1024)
        contextLengthMax = try size("max_position_embeddings", raw.max_position_embeddings, max: 1 << 24)
        guard headCount % keyValueHeadCount == 0 else {
            throw error("num_key_value_heads", "\(keyValueHeadCount) does not divide num_attention_heads \(headCount)")
        }
        if raw.head_dim == nil, hiddenSize % headCount != 0 {
            throw error("num_attention_heads", "\(headCount) does not divide hidden_size \(hiddenSize)")
        }
        headSize = try size("head_dim", raw.head_dim ?? hiddenSize / headCount, max: 1024)
        guard headSize % 2 == 0 else { throw error("head_dim", "expected an even number, got \(headSize)") }
        normEpsilon = raw.rms_norm_eps ?? 1e-6
        guard normEpsilon > 0, normEpsilon < 1 else {
            throw error("rms_norm_eps", "expected 0..<1, got \(normEpsilon)")
        }
        ropeTheta = raw.rope_theta ?? 10_000
        guard ropeTheta >= 1, ropeTheta.isFinite else {
            throw error("rope_theta", "expected at least 1, got \(ropeTheta)")
        }
        tiesEmbeddings = raw.tie_word_embeddings ?? false
        beginOfSequence = raw.bos_token_id?.ids.first
        endOfSequence = Set(raw.eos_token_id?.ids ?? [])
        for (field, ids) in [("bos_token_id", raw.bos_token_id?.ids), ("eos_token_id", raw.eos_token_id?.ids)] {
            guard (ids ?? []).allSatisfy({ $0 >= 0 && Int($0) < vocabularySize }) else {
                throw error(field, "\(ids ?? []) is not in the vocabulary of \(vocabularySize)")
            }
        }
    }
}

/// The keys of the file by their names in it.
private struct RawConfiguration: Decodable {
    let model_type: String?
    let vocab_size: Int
    let hidden_size: Int
    let intermediate_size: Int
    let num_hidden_layers: Int
    let num_attention_heads: Int
    let num_key_value_heads: Int?
    let head_dim: Int?
    let max_position_embeddings: Int
    let rms_norm_eps: Float?
    let rope_theta: Float?
    let rope_scaling: Presence?
    let hidden_act: String?
    let attention_bias: Bool?
    let mlp_bias: Bool?
    let tie_word_embeddings: Bool?
    let bos_token_id: TokenIDs?
    let eos_token_id: TokenIDs?

    /// Refuses what the decoder would compute wrongly.
    func refuseUnsupported(_ error: (String, String) -> ModelFileError) throws(ModelFileError) {
        if let model_type, model_type != "llama" {
            throw error("model_type", "expected \"llama\", got \"\(model_type)\"")
        }
        if let hidden_act, hidden_act != "silu" {
            throw error("hidden_act", "expected \"silu\", got \"\(hidden_act)\"")
        }
        if rope_scaling != nil { throw error("rope_scaling", "is not supported, expected null") }
        if attention_bias == true { throw error("attention_bias", "is not supported, expected false") }
        if mlp_bias == true { throw error("mlp_bias", "is not supported, expected false") }
    }

    /// Only whether a key has a value.
    struct Presence: Decodable {
        init(from decoder: any Decoder) throws {}
    }

    /// One token id or a list of them.
    struct TokenIDs: Decodable {
        let ids: [Int32]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            ids = if let one = try? container.decode(Int32.self) { [one] } else { try container.decode([Int32].self) }
        }
    }
}
