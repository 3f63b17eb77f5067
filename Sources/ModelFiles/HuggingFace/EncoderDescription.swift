import FoundationEssentials

/// What an encoder of the BERT family computes, and how one vector is made of a text.
///
/// All layers are alike: bidirectional attention and a feed-forward part, each followed by adding what went in and a
/// layer norm.
///
/// - Source: Devlin et al. 2019; Liu et al. 2019 (RoBERTa); Reimers and Gurevych 2019 (pooling).
package struct EncoderDescription: Sendable, Equatable {
    /// Families that differ in the names of their tensors and in where positions begin.
    package enum Family: Sendable, Equatable {
        case bert, roberta, distilbert
    }

    /// What of the final hidden states becomes the vector of a text.
    package enum Pooling: Sendable, Equatable {
        /// The mean over all tokens, special ones included.
        case mean
        /// The first token's.
        case firstToken
    }

    /// What stands in the middle of the feed-forward part.
    package enum Activation: Sendable, Equatable {
        case gelu, geluTanh, relu
    }

    package let family: Family
    package let vocabularySize: Int
    package let hiddenSize: Int
    package let intermediateSize: Int
    package let layerCount: Int
    package let headCount: Int
    /// Rows of the table of positions.
    package let positionCount: Int
    /// Which row the first token takes: RoBERTa's begin behind the one for padding.
    package let firstPosition: Int
    /// Rows of the table of token types, the first of which every token gets; 0 for none.
    package let tokenTypeCount: Int
    package let epsilon: Float
    package let activation: Activation
    /// Most tokens of a text, special ones included.
    package internal(set) var lengthMax: Int
    package internal(set) var pooling: Pooling
    /// Whether texts are put into lower case before they are cut into tokens.
    package internal(set) var lowercases: Bool
    /// Texts that a caller may have put in front of its own, by name: what the text is for.
    package internal(set) var prompts: [String: String] = [:]

    package var headSize: Int { hiddenSize / headCount }

    /// The limits of sizes: far above any model, and low enough that no product of three overflows.
    enum Limit {
        static let vocabulary = 1 << 22
        static let hidden = 1 << 14
        static let intermediate = 1 << 18
        static let layers = 1024
        static let positions = 1 << 20
        static let tokenTypes = 1024
    }

    /// Reads `config.json` in `directory`, and what sentence-transformers keeps beside it: `modules.json`, the
    /// configuration of the pooling module, `sentence_bert_config.json` and `config_sentence_transformers.json`.
    ///
    /// Without these the vector is the mean, and texts may be as long as there are positions.
    ///
    /// - Parameters:
    ///   - directory: of the files.
    ///   - contextLength: most tokens of a text; nil for what the files say.
    /// - Throws: `ModelFileError` naming file and field, also of anything that would change the result and is not
    ///   computed here.
    package init(directory: String, contextLength: Int? = nil) throws(ModelFileError) {
        try self.init(path: directory + "/config.json")
        let modules = try SentenceModules(directory: directory)
        pooling = try modules.pooling() ?? .mean
        if let length = try modules.lengthMax() { lengthMax = min(lengthMax, length) }
        if let contextLength { lengthMax = min(lengthMax, contextLength) }
        lowercases = try modules.lowercases()
        prompts = try modules.prompts()
    }

    /// Reads the `config.json` at `path`.
    ///
    /// - Throws: `ModelFileError` naming the field.
    package init(path: String) throws(ModelFileError) {
        let fields = try ConfigurationFields(path: path)
        try fields.refuse("quantization_config")
        guard let type = try fields.string("model_type") else { throw fields.error("model_type", "is missing") }
        guard let family = Self.family(of: type) else {
            let known = Self.modelTypes.keys.sorted().joined(separator: ", ")
            throw fields.error("model_type", "expected one of \(known), got \"\(type)\"")
        }
        self.family = family
        let isDistil = family == .distilbert
        if let kind = try fields.string("position_embedding_type"), kind != "absolute" {
            throw fields.error("position_embedding_type", "expected \"absolute\", got \"\(kind)\"")
        }
        try fields.require("is_decoder", false)
        try fields.require("sinusoidal_pos_embds", false)
        vocabularySize = try fields.size("vocab_size", max: Limit.vocabulary)
        hiddenSize = try fields.size(isDistil ? "dim" : "hidden_size", max: Limit.hidden)
        intermediateSize = try fields.size(isDistil ? "hidden_dim" : "intermediate_size", max: Limit.intermediate)
        layerCount = try fields.size(isDistil ? "n_layers" : "num_hidden_layers", max: Limit.layers)
        let heads = isDistil ? "n_heads" : "num_attention_heads"
        headCount = try fields.size(heads, max: Limit.hidden)
        guard hiddenSize % headCount == 0 else {
            throw fields.error(heads, "\(headCount) does not divide the hidden size \(hiddenSize)")
        }
        positionCount = try fields.size("max_position_embeddings", max: Limit.positions)
        if family == .roberta {
            let padding = try fields.tokenIDs("pad_token_id", vocabularySize: vocabularySize).first ?? 1
            firstPosition = Int(padding) + 1
        } else {
            firstPosition = 0
        }
        guard positionCount > firstPosition else {
            throw fields.error("max_position_embeddings", "expected more than \(firstPosition), got \(positionCount)")
        }
        lengthMax = positionCount - firstPosition
        tokenTypeCount = isDistil ? 0 : try fields.size("type_vocab_size", max: Limit.tokenTypes, or: 2)
        let epsilon = isDistil ? 1e-12 : try fields.positiveNumber("layer_norm_eps") ?? 1e-12
        guard epsilon < 1 else { throw fields.error("layer_norm_eps", "expected less than 1, got \(epsilon)") }
        self.epsilon = Float(epsilon)
        activation = try Self.activation(fields, isDistil ? "activation" : "hidden_act")
        pooling = .mean
        lowercases = false
    }

    private static let modelTypes: [String: Family] = [
        "bert": .bert, "roberta": .roberta, "xlm-roberta": .roberta, "camembert": .roberta, "distilbert": .distilbert,
    ]

    private static func family(of type: String) -> Family? { modelTypes[type] }

    /// Whether the model in `directory` is an encoder: by its GGUF file, where that holds the weights, or by its
    /// `config.json`.
    ///
    /// - Throws: `ModelFileError` when `config.json` cannot be read.
    package static func describes(directory: String) throws(ModelFileError) -> Bool {
        // What is wrong with the weights is for whoever loads them to say.
        if let gguf = try? ModelTensors.open(path: directory) as? GGUFFile {
            return (try? gguf.string("general.architecture")) == GGUFArchitecture.bert.rawValue
        }
        return try describes(path: directory + "/config.json")
    }

    /// Whether there is a `config.json` at `path`, and it is that of an encoder.
    ///
    /// - Throws: `ModelFileError` when the file cannot be read.
    static func describes(path: String) throws(ModelFileError) -> Bool {
        guard FileManager.default.fileExists(atPath: path) else { return false }
        let fields = try ConfigurationFields(path: path)
        return try fields.string("model_type").map { family(of: $0) != nil } ?? false
    }

    private static func activation(
        _ fields: ConfigurationFields, _ name: String
    ) throws(ModelFileError) -> Activation {
        switch try fields.string(name) ?? "gelu" {
        case "gelu": return .gelu
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": return .geluTanh
        case "relu": return .relu
        case let other:
            throw fields.error(name, "expected gelu, gelu_new, gelu_pytorch_tanh or relu, got \"\(other)\"")
        }
    }
}
