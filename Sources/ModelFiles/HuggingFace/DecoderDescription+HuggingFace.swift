extension DecoderDescription {
    /// Reads the `config.json` at `path`.
    ///
    /// Only what Apus computes is accepted: a field that would change the result in a way the decoder does not know is
    /// an error that names it. Both ways of writing are read: `rope_theta` with `rope_scaling`, and `rope_parameters`.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - contextLength: most positions wanted; nil for all the model was made for. Models that rotate otherwise for
    ///     contexts beyond their original length (`longrope`) do so for every sequence, also a short one, unless the
    ///     context is kept within it: so the result of a request depends on nothing but the request.
    /// - Throws: `ModelFileError` naming the field.
    package init(path: String, contextLength: Int? = nil) throws(ModelFileError) {
        let fields = try ConfigurationFields(path: path)
        try fields.refuse("quantization_config")
        let family = try DecoderFamily(fields)
        switch family {
        case .gpt2: self = try Self.gpt2(fields, contextLength)
        case .gemma3 where fields.has("text_config"):
            // A model that sees pictures too: only its text part is read.
            guard let part = try fields.object("text_config") else { throw fields.error("text_config", "is missing") }
            self = try Self.rotary(family, part, contextLength)
            endOfSequence.formUnion(try fields.tokenIDs("eos_token_id", vocabularySize: vocabularySize))
        default: self = try Self.rotary(family, fields, contextLength)
        }
    }
}

extension DecoderFamily {
    /// The family that `model_type`, or else `architectures`, names.
    init(_ fields: ConfigurationFields) throws(ModelFileError) {
        let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
        let architecture = try fields.strings("architectures")?.first
        if try fields.string("model_type") == "gemma3" || architecture == "Gemma3ForConditionalGeneration" {
            self = .gemma3
        } else if let type = try fields.string("model_type") {
            guard let family = Self(rawValue: type) else {
                throw fields.error("model_type", "expected one of \(known), got \"\(type)\"")
            }
            guard architecture == nil || architecture == family.architecture else {
                throw fields.error(
                    "architectures", "expected \"\(family.architecture)\", got \"\(architecture ?? "")\"")
            }
            self = family
        } else if let family = Self.allCases.first(where: { $0.architecture == architecture }) {
            self = family
        } else {
            throw fields.error("model_type", "is missing, expected one of \(known)")
        }
    }
}

/// The limits of sizes: far above any model, and low enough that no product of two overflows.
private enum Limit {
    static let vocabulary = 1 << 22
    static let hidden = 1 << 16
    static let intermediate = 1 << 18
    static let layers = 1024
    static let heads = 1024
    static let headSize = 1024
    static let context = 1 << 24
}

// Families with rotary embeddings, RMS norms and a gated feed-forward part.
extension DecoderDescription {
    private static func rotary(
        _ family: DecoderFamily, _ fields: ConfigurationFields, _ contextLength: Int?
    ) throws(ModelFileError) -> DecoderDescription {
        let isGemma = family == .gemma2 || family == .gemma3
        // Gemma 3 files leave out what is as in the largest of the first ones.
        let isGemma3 = family == .gemma3
        let vocabularySize = try fields.size("vocab_size", max: Limit.vocabulary, or: isGemma3 ? 262_208 : nil)
        let hiddenSize = try fields.size("hidden_size", max: Limit.hidden)
        let layerCount = try fields.size("num_hidden_layers", max: Limit.layers)
        let heads = try Heads(family, fields, hiddenSize: hiddenSize)
        let trained = try fields.size(
            "max_position_embeddings", max: Limit.context, or: isGemma3 ? 131_072 : nil)
        let context = min(trained, contextLength ?? trained)
        let rotaries = try RotaryReader(fields: fields, family: family, context: context, trained: trained)
            .embeddings(headSize: heads.size)
        let epsilon = try fields.positiveNumber("rms_norm_eps") ?? (family == .phi3 ? 1e-5 : 1e-6)
        guard epsilon < 1 else { throw fields.error("rms_norm_eps", "expected less than 1, got \(epsilon)") }
        return DecoderDescription(
            family: family, vocabularySize: vocabularySize, hiddenSize: hiddenSize,
            intermediateSize: try fields.size("intermediate_size", max: Limit.intermediate),
            headCount: heads.count, keyValueHeadCount: heads.keyValueCount, headSize: heads.size,
            contextLengthMax: context,
            norm: Norm(kind: .rms, epsilon: Float(epsilon), weightOffset: isGemma ? 1 : 0),
            feedForward: FeedForward(activation: try activation(family, fields), isGated: true),
            attention: try attention(family, fields, headSize: heads.size),
            positions: .rotary(rotaries),
            layers: try layers(family, fields, count: layerCount), biases: try biases(family, fields),
            hasPostNorms: isGemma, embeddingScale: isGemma ? Float(hiddenSize).squareRoot() : 1,
            logitSoftCap: isGemma ? try softCap("final_logit_softcapping", family, fields, or: 30) : nil,
            tiesEmbeddings: try fields.flag("tie_word_embeddings") ?? isGemma,
            beginOfSequence: try fields.tokenIDs("bos_token_id", vocabularySize: vocabularySize).first,
            endOfSequence: Set(try fields.tokenIDs("eos_token_id", vocabularySize: vocabularySize)))
    }

    /// How many heads there are, and how large they are.
    private struct Heads {
        let count: Int
        let keyValueCount: Int
        let size: Int

        init(_ family: DecoderFamily, _ fields: ConfigurationFields, hiddenSize: Int) throws(ModelFileError) {
            let isGemma3 = family == .gemma3
            count = try fields.size("num_attention_heads", max: Limit.heads, or: isGemma3 ? 8 : nil)
            keyValueCount = try fields.size("num_key_value_heads", max: Limit.heads, or: isGemma3 ? 4 : count)
            guard count % keyValueCount == 0 else {
                throw fields.error(
                    "num_key_value_heads", "\(keyValueCount) does not divide num_attention_heads \(count)")
            }
            let given = try fields.optionalSize("head_dim", max: Limit.headSize)
            if given == nil, !isGemma3, hiddenSize % count != 0 {
                throw fields.error("num_attention_heads", "\(count) does not divide hidden_size \(hiddenSize)")
            }
            // Files of these families leave out what is usual for them.
            let usual =
                switch family {
                case .qwen3: 128
                case .gemma2, .gemma3: 256
                default: hiddenSize / count
                }
            size = given ?? usual
            guard size % 2 == 0, size <= Limit.headSize else {
                throw fields.error("head_dim", "expected an even number up to \(Limit.headSize), got \(size)")
            }
        }
    }

    private static func activation(
        _ family: DecoderFamily, _ fields: ConfigurationFields
    ) throws(ModelFileError) -> FeedForward.Activation {
        guard family == .gemma2 || family == .gemma3 else {
            if let name = try fields.string("hidden_act"), name != "silu", name != "swish" {
                throw fields.error("hidden_act", "expected \"silu\", got \"\(name)\"")
            }
            return .silu
        }
        // The first Gemma files say "gelu" in hidden_act and mean the other; hidden_activation is what counts.
        if let name = try fields.string("hidden_activation"), name != "gelu_pytorch_tanh" {
            throw fields.error("hidden_activation", "expected \"gelu_pytorch_tanh\", got \"\(name)\"")
        }
        return .geluTanh
    }

    private static func attention(
        _ family: DecoderFamily, _ fields: ConfigurationFields, headSize: Int
    ) throws(ModelFileError) -> Attention {
        let isGemma = family == .gemma2 || family == .gemma3
        let divisor = isGemma ? try fields.positiveNumber("query_pre_attn_scalar") ?? 256 : Double(headSize)
        if family == .gemma3 { try fields.require("use_bidirectional_attention", false) }
        return Attention(
            scale: 1 / Float(divisor).squareRoot(),
            softCap: isGemma ? try softCap("attn_logit_softcapping", family, fields, or: 50) : nil,
            hasQueryKeyNorms: family == .qwen3 || family == .gemma3)
    }

    /// Gemma 2 caps unless the field is null, Gemma 3 only when it has a value.
    private static func softCap(
        _ name: String, _ family: DecoderFamily, _ fields: ConfigurationFields, or usual: Float
    ) throws(ModelFileError) -> Float? {
        if let cap = try fields.positiveNumber(name) { return Float(cap) }
        return family == .gemma2 && !fields.isNull(name) ? usual : nil
    }

    private static func biases(
        _ family: DecoderFamily, _ fields: ConfigurationFields
    ) throws(ModelFileError) -> Biases {
        switch family {
        case .qwen2: return Biases(queriesKeysValues: true)
        case .phi3, .mistral:
            try fields.require("attention_bias", false)
            return Biases()
        default:
            let attention = try fields.flag("attention_bias") ?? false
            let feedForward = family == .llama ? try fields.flag("mlp_bias") ?? false : false
            return Biases(queriesKeysValues: attention, attentionOutput: attention, feedForward: feedForward)
        }
    }
}

// Windows.
extension DecoderDescription {
    private static func layers(
        _ family: DecoderFamily, _ fields: ConfigurationFields, count: Int
    ) throws(ModelFileError) -> [Layer] {
        let window = try window(family, fields)
        let slides = try slidingLayers(family, fields, count: count)
        return slides.map { slides in
            // Gemma 3 rotates by other frequencies where the window slides; see RotaryReader.
            Layer(window: slides ? window : nil, rotary: family == .gemma3 && slides ? 1 : 0)
        }
    }

    private static func window(
        _ family: DecoderFamily, _ fields: ConfigurationFields
    ) throws(ModelFileError) -> Int? {
        if family == .qwen2 || family == .qwen3, try fields.flag("use_sliding_window") != true { return nil }
        if let window = try fields.optionalSize("sliding_window", max: Limit.context) { return window }
        // What the field means when it is left out; null is none.
        switch family {
        case _ where fields.isNull("sliding_window"): return nil
        case .mistral, .gemma2, .qwen2, .qwen3: return 4096
        case .gemma3: return 512
        default: return nil
        }
    }

    /// For each layer whether it attends to a window only.
    private static func slidingLayers(
        _ family: DecoderFamily, _ fields: ConfigurationFields, count: Int
    ) throws(ModelFileError) -> [Bool] {
        if let types = try fields.strings("layer_types") {
            let known = ["full_attention", "sliding_attention"]
            if let type = types.first(where: { !known.contains($0) }) {
                throw fields.error("layer_types", "expected \(known[0]) or \(known[1]), got \"\(type)\"")
            }
            guard types.count == count else {
                throw fields.error("layer_types", "expected \(count) for num_hidden_layers, got \(types.count)")
            }
            return types.map { $0 == known[1] }
        }
        switch family {
        case .llama, .gpt2: return [Bool](repeating: false, count: count)
        case .mistral, .phi3: return [Bool](repeating: true, count: count)
        case .qwen2, .qwen3:
            let first = try fields.number("max_window_layers") ?? 28
            return (0..<count).map { Double($0) >= first }
        case .gemma2: return (0..<count).map { $0 % 2 == 0 }
        case .gemma3:
            let period = try fields.size("sliding_window_pattern", max: Limit.layers, or: 6)
            return (0..<count).map { ($0 + 1) % period != 0 }
        }
    }
}

// GPT-2: layer norms, learned positions, biases everywhere, a feed-forward part without a gate.
extension DecoderDescription {
    private static func gpt2(
        _ fields: ConfigurationFields, _ contextLength: Int?
    ) throws(ModelFileError) -> DecoderDescription {
        let vocabularySize = try fields.size("vocab_size", max: Limit.vocabulary)
        let hiddenSize = try fields.size("n_embd", max: Limit.hidden)
        let headCount = try fields.size("n_head", max: Limit.heads)
        guard hiddenSize % headCount == 0, hiddenSize / headCount <= Limit.headSize else {
            throw fields.error("n_head", "\(headCount) does not divide n_embd \(hiddenSize)")
        }
        if let name = try fields.string("activation_function"), name != "gelu_new", name != "gelu_pytorch_tanh" {
            throw fields.error("activation_function", "expected \"gelu_new\", got \"\(name)\"")
        }
        try fields.require("scale_attn_weights", true)
        try fields.require("scale_attn_by_inverse_layer_idx", false)
        try fields.require("add_cross_attention", false)
        let epsilon = try fields.positiveNumber("layer_norm_epsilon") ?? 1e-5
        let trained = try fields.size("n_positions", max: Limit.context)
        return DecoderDescription(
            family: .gpt2, vocabularySize: vocabularySize, hiddenSize: hiddenSize,
            intermediateSize: try fields.size("n_inner", max: Limit.intermediate, or: 4 * hiddenSize),
            headCount: headCount, keyValueHeadCount: headCount, headSize: hiddenSize / headCount,
            contextLengthMax: min(trained, contextLength ?? trained), norm: Norm(kind: .layer, epsilon: Float(epsilon)),
            feedForward: FeedForward(activation: .geluTanh, isGated: false),
            attention: Attention(
                scale: 1 / Float(hiddenSize / headCount).squareRoot(), softCap: nil, hasQueryKeyNorms: false),
            positions: .learned(rowCount: trained),
            layers: [Layer](repeating: Layer(), count: try fields.size("n_layer", max: Limit.layers)),
            biases: Biases(queriesKeysValues: true, attentionOutput: true, feedForward: true), hasPostNorms: false,
            embeddingScale: 1, logitSoftCap: nil, tiesEmbeddings: try fields.flag("tie_word_embeddings") ?? true,
            beginOfSequence: try fields.tokenIDs("bos_token_id", vocabularySize: vocabularySize).first,
            endOfSequence: Set(try fields.tokenIDs("eos_token_id", vocabularySize: vocabularySize)))
    }
}
