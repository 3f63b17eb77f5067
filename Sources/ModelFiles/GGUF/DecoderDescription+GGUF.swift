import Glibc

extension DecoderDescription {
    /// Reads what the metadata of a GGUF file says about its decoder.
    ///
    /// Weights of norms have 1 added already where the family stores them as differences, so the description adds
    /// nothing; read the tensors through `GGUFModel`, and the rest is as after `config.json`.
    ///
    /// - Parameters:
    ///   - gguf: the file; its tensors of frequencies are read too.
    ///   - contextLength: most positions wanted; nil for all the model was made for. See `init(path:contextLength:)`.
    /// - Throws: `ModelFileError` naming the key.
    package init(gguf: GGUFFile, contextLength: Int? = nil) throws(ModelFileError) {
        let fields = try GGUFFields(gguf)
        guard let family = fields.architecture.decoderFamily else {
            throw gguf.keyError("general.architecture", "\"\(fields.architecture.rawValue)\" does not generate text")
        }
        self = try GGUFDecoderReader(fields: fields, family: family, contextLength: contextLength).description()
    }
}

/// The limits of sizes, as for `config.json`: far above any model, and low enough that no product of two overflows.
private enum Limit {
    static let vocabulary = 1 << 22
    static let hidden = 1 << 16
    static let intermediate = 1 << 18
    static let layers = 1024
    static let heads = 1024
    static let headSize = 1024
    static let context = 1 << 24
}

private struct GGUFDecoderReader {
    let fields: GGUFFields
    let family: DecoderFamily
    let contextLength: Int?

    private var isGemma: Bool { family == .gemma2 || family == .gemma3 }

    func description() throws(ModelFileError) -> DecoderDescription {
        let vocabularySize = try vocabularySize()
        let hiddenSize = try fields.size("embedding_length", max: Limit.hidden)
        let layerCount = try fields.size("block_count", max: Limit.layers)
        let (headCount, keyValueHeadCount, headSize) = try heads(hiddenSize: hiddenSize)
        let trained = try fields.size("context_length", max: Limit.context)
        let context = min(trained, contextLength ?? trained)
        let isGPT2 = family == .gpt2
        let positions =
            isGPT2
            ? DecoderDescription.Positions.learned(rowCount: trained)
            : .rotary(try rotaries(headSize: headSize, context: context, trained: trained))
        return DecoderDescription(
            family: family, vocabularySize: vocabularySize, hiddenSize: hiddenSize,
            intermediateSize: try fields.size("feed_forward_length", max: Limit.intermediate), headCount: headCount,
            keyValueHeadCount: keyValueHeadCount, headSize: headSize, contextLengthMax: context, norm: try norm(),
            feedForward: .init(activation: isGemma || isGPT2 ? .geluTanh : .silu, isGated: !isGPT2),
            attention: .init(
                scale: try fields.positiveNumber("attention.scale").map { Float($0) }
                    ?? 1 / Float(scaleDivisor(hiddenSize, headCount, headSize, layerCount: layerCount)).squareRoot(),
                softCap: try softCap("attn_logit_softcapping", or: 50),
                hasQueryKeyNorms: family == .qwen3 || family == .gemma3),
            positions: positions, layers: try layers(count: layerCount), biases: biases(), hasPostNorms: isGemma,
            embeddingScale: isGemma ? Float(hiddenSize).squareRoot() : 1,
            logitSoftCap: try softCap("final_logit_softcapping", or: 30),
            tiesEmbeddings: fields.gguf["output.weight"] == nil,
            beginOfSequence: try fields.tokenID("bos_token_id", vocabularySize: vocabularySize),
            endOfSequence: Set(try endTokens(vocabularySize)))
    }

    private func vocabularySize() throws(ModelFileError) -> Int {
        let name = "token_embd.weight"
        guard let shape = fields.gguf[name]?.shape else { throw fields.gguf.error(name, "is missing") }
        guard shape.count == 2, (1...Limit.vocabulary).contains(shape[0]) else {
            throw fields.gguf.error(name, "expected at most \(Limit.vocabulary) rows, got \(shape)")
        }
        return shape[0]
    }

    private func heads(hiddenSize: Int) throws(ModelFileError) -> (count: Int, keyValueCount: Int, size: Int) {
        let count = try fields.size("attention.head_count", max: Limit.heads)
        let keyValueCount = try fields.size("attention.head_count_kv", max: Limit.heads, or: count)
        guard count % keyValueCount == 0 else {
            throw fields.error("attention.head_count_kv", "\(keyValueCount) does not divide head_count \(count)")
        }
        let given = try fields.optionalSize("attention.key_length", max: Limit.headSize)
        guard given != nil || hiddenSize % count == 0 else {
            throw fields.error("attention.head_count", "\(count) does not divide embedding_length \(hiddenSize)")
        }
        let size = given ?? hiddenSize / count
        guard size % 2 == 0, size <= Limit.headSize else {
            throw fields.error("attention.key_length", "expected an even number up to \(Limit.headSize), got \(size)")
        }
        if let values = try fields.optionalSize("attention.value_length", max: Limit.headSize), values != size {
            throw fields.error("attention.value_length", "expected key_length \(size), got \(values)")
        }
        return (count, keyValueCount, size)
    }

    private func norm() throws(ModelFileError) -> DecoderDescription.Norm {
        let isLayer = family == .gpt2
        let name = isLayer ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"
        guard let epsilon = try fields.positiveNumber(name) else { throw fields.error(name, "is missing") }
        guard epsilon < 1 else { throw fields.error(name, "expected less than 1, got \(epsilon)") }
        return .init(kind: isLayer ? .layer : .rms, epsilon: Float(epsilon))
    }

    /// What scores are divided by the root of: few files say it, and the largest Gemma differs from the others.
    private func scaleDivisor(_ hiddenSize: Int, _ headCount: Int, _ headSize: Int, layerCount: Int) -> Int {
        let isLargest = family == .gemma2 && layerCount == 46 || family == .gemma3 && layerCount == 62
        return isLargest ? hiddenSize / headCount : headSize
    }

    /// Gemma 2 caps also where the key is left out.
    private func softCap(_ name: String, or usual: Float) throws(ModelFileError) -> Float? {
        guard isGemma else { return nil }
        return try fields.positiveNumber(name).map { Float($0) } ?? (family == .gemma2 ? usual : nil)
    }

    private func biases() -> DecoderDescription.Biases {
        func has(_ name: String) -> Bool { fields.gguf["blk.0.\(name).bias"] != nil }
        switch family {
        case .gpt2: return .init(queriesKeysValues: true, attentionOutput: true, feedForward: true)
        default:
            return .init(
                queriesKeysValues: has("attn_q"), attentionOutput: has("attn_output"), feedForward: has("ffn_down"))
        }
    }

    private func endTokens(_ vocabularySize: Int) throws(ModelFileError) -> [Int32] {
        var ids: [Int32] = []
        for name in ["eos_token_id", "eot_token_id", "eom_token_id"] {
            if let id = try fields.tokenID(name, vocabularySize: vocabularySize) { ids.append(id) }
        }
        return ids
    }
}

// Windows and rotations.
extension GGUFDecoderReader {
    private func layers(count: Int) throws(ModelFileError) -> [DecoderDescription.Layer] {
        // Writers say 0 where there is none.
        let key = fields.key("attention.sliding_window")
        let window =
            try fields.gguf.integer(key) == 0
            ? nil : try fields.optionalSize("attention.sliding_window", max: Limit.context)
        let slides = try slidingLayers(count: count)
        return (0..<count).map { index in
            switch family {
            case .gemma2: return .init(window: slides[index] ? window ?? 4096 : nil)
            case .gemma3:
                return .init(window: slides[index] ? window ?? 512 : nil, rotary: slides[index] ? 1 : 0)
            case .phi3, .mistral, .llama: return .init(window: window)
            case .qwen2, .qwen3, .gpt2: return .init()
            }
        }
    }

    /// For each layer of a Gemma whether it attends to a window only: by a list, or all but the last of each period.
    private func slidingLayers(count: Int) throws(ModelFileError) -> [Bool] {
        let key = fields.key("attention.sliding_window_pattern")
        if case .array? = fields.gguf.value(key) {
            let slides = try fields.gguf.integers(key: key) ?? []
            guard slides.count == count else {
                throw fields.gguf.keyError(key, "expected \(count) for block_count, got \(slides.count)")
            }
            return slides.map { $0 != 0 }
        }
        let period = try fields.size("attention.sliding_window_pattern", max: 1024, or: family == .gemma2 ? 2 : 6)
        return (0..<count).map { ($0 + 1) % period != 0 }
    }

    private func rotaries(headSize: Int, context: Int, trained: Int) throws(ModelFileError) -> [RotaryEmbedding] {
        let size = try fields.size("rope.dimension_count", max: headSize, or: headSize)
        guard size % 2 == 0 else { throw fields.error("rope.dimension_count", "expected an even number, got \(size)") }
        let theta = try theta("rope.freq_base", or: family == .gemma3 ? 1e6 : 1e4)
        let plain = RotaryEmbedding(theta: theta, size: size)
        let all = try scaled(plain, theta: theta, context: context, trained: trained)
        guard family == .gemma3 else { return [all] }
        return [all, RotaryEmbedding(theta: try self.theta("rope.freq_base_swa", or: 1e4), size: size)]
    }

    private func theta(_ name: String, or usual: Double) throws(ModelFileError) -> Double {
        let theta = try fields.positiveNumber(name) ?? usual
        guard theta >= 1 else { throw fields.error(name, "expected at least 1, got \(theta)") }
        return theta
    }

    private func scaled(
        _ plain: RotaryEmbedding, theta: Double, context: Int, trained: Int
    ) throws(ModelFileError) -> RotaryEmbedding {
        let count = plain.frequencies.count
        if let divisors = try fields.divisors("rope_freqs.weight", count: count) {
            return plain.scaled(by: .divisors(divisors, amplitude: 1))
        }
        let long = try fields.divisors("rope_factors_long.weight", count: count)
        let short = try fields.divisors("rope_factors_short.weight", count: count)
        if let long, let short {
            let original = try fields.size("rope.scaling.original_context_length", max: Limit.context)
            let factor = Double(trained) / Double(original)
            let usual = factor <= 1 || original == 1 ? 1 : (1 + log(factor) / log(Double(original))).squareRoot()
            return plain.scaled(
                by: .divisors(
                    context > original ? long : short,
                    amplitude: try fields.positiveNumber("rope.scaling.attn_factor") ?? usual))
        }
        let name = "rope.scaling.type"
        switch try fields.gguf.string(fields.key(name)) {
        case nil, "none"?: return plain
        case "linear"?: return plain.scaled(by: .linear(factor: try scalingFactor()))
        case "yarn"?: return plain.scaled(by: try yarn(theta: theta, size: 2 * count, trained: trained))
        case let type?: throw fields.error(name, "expected none, linear or yarn, got \"\(type)\"")
        }
    }

    private func scalingFactor() throws(ModelFileError) -> Double {
        guard let factor = try fields.positiveNumber("rope.scaling.factor") else {
            throw fields.error("rope.scaling.factor", "is missing")
        }
        return factor
    }

    /// - Source: llama.cpp, which multiplies the amplitude of the paper with the factors in the file, and for whose
    ///   `yarn_ext_factor` less than 0 means 1.
    private func yarn(theta: Double, size: Int, trained: Int) throws(ModelFileError) -> RotaryEmbedding.Scaling {
        guard theta > 1 else { throw fields.error("rope.freq_base", "expected more than 1 with yarn, got \(theta)") }
        for (name, usual) in [("yarn_ext_factor", 1.0), ("yarn_log_multiplier", 0)] {
            let name = "rope.scaling.\(name)"
            guard let number = try fields.gguf.number(fields.key(name)), number != usual, number >= 0 else { continue }
            throw fields.error(name, "expected \(usual), got \(number)")
        }
        let factor = try scalingFactor()
        let original = try fields.size("rope.scaling.original_context_length", max: Limit.context, or: trained)
        let amplitude =
            try (fields.positiveNumber("rope.scaling.attn_factor") ?? 1)
            * (fields.positiveNumber("rope.scaling.yarn_attn_factor") ?? 1)
        return RotaryEmbedding.yarn(
            factor: factor, originalLength: Double(original), theta: theta, size: size,
            turns: (
                try fields.positiveNumber("rope.scaling.yarn_beta_fast") ?? RotaryEmbedding.yarnTurns.fast,
                try fields.positiveNumber("rope.scaling.yarn_beta_slow") ?? RotaryEmbedding.yarnTurns.slow
            ),
            amplitude: amplitude * RotaryEmbedding.yarnAmplitude(factor))
    }
}
