package import Compute
package import ModelFiles

/// The weights of a Llama decoder, checked and packed.
///
/// - Isolation: any thread; never change after `init`.
package struct LlamaWeights: Sendable {
    /// One decoder layer.
    struct Layer: Sendable {
        /// Before attention: `[hiddenSize]`.
        let attentionNorm: [Float]
        /// hidden state → queries, keys and values side by side: `headCount + 2 · keyValueHeadCount` heads.
        let queriesKeysValues: PackedMatrix
        /// `headCount` heads → hidden state.
        let attentionOutput: PackedMatrix
        /// Before the feed-forward part: `[hiddenSize]`.
        let feedForwardNorm: [Float]
        /// hidden state → gate and up side by side, `2 · intermediateSize`.
        let gateUp: PackedMatrix
        /// `intermediateSize` → hidden state.
        let down: PackedMatrix
    }

    let embedding: Embedding
    let layers: [Layer]
    /// Before the head: `[hiddenSize]`.
    let finalNorm: [Float]
    /// hidden state → logits.
    let head: PackedMatrix

    /// Where the hidden states of tokens come from.
    enum Embedding: Sendable {
        /// A matrix of its own: `vocabularySize` outputs of `hiddenSize`.
        case table(PackedMatrix)
        /// The weights of the head, read back from their packed form, so that they are in memory once.
        case head
    }

    /// Reads the tensors of `file` by their Hugging Face names, and stores the matrices as `format`.
    ///
    /// - Throws: `ModelFileError` naming the tensor: missing, of another shape or type, with an infinite element or one
    ///   that is not a number, or not part of this architecture (such as a bias), which would change the results.
    package init(
        _ file: SafetensorsFile, _ configuration: LlamaConfiguration, format: WeightFormat = .float32
    ) throws(ModelFileError) {
        let reader = Reader(file: file, format: format)
        let hidden = configuration.hiddenSize
        var layers: [Layer] = []
        for index in 0..<configuration.layerCount { layers.append(try reader.layer(index, configuration)) }
        self.layers = layers
        finalNorm = try file.floats("model.norm.weight", shape: [hidden])
        let tableName = "model.embed_tokens.weight"
        if configuration.tiesEmbeddings {
            head = try reader.matrix([(tableName, configuration.vocabularySize)], inputCount: hidden)
            embedding = .head
        } else {
            // Embeddings are read, not multiplied: fewer bits than bf16 would save no time.
            let table = Reader(file: file, format: format == .float32 ? .float32 : .bfloat16)
            embedding = .table(try table.matrix([(tableName, configuration.vocabularySize)], inputCount: hidden))
            head = try reader.matrix([("lm_head.weight", configuration.vocabularySize)], inputCount: hidden)
        }
        try reader.refuseUnknownTensors(configuration)
    }

    /// Copies the embedding of `token` to `destination`, `[hiddenSize]`.
    func embed(_ token: Int32, to destination: UnsafeMutablePointer<Float>) {
        switch embedding {
        case .head: head.copyWeights(ofOutput: Int(token), to: destination)
        case .table(let table): table.copyWeights(ofOutput: Int(token), to: destination)
        }
    }
}

/// Names, shapes and packing.
private struct Reader {
    let file: SafetensorsFile
    let format: WeightFormat

    /// The names of a layer's tensors after `model.layers.N.`.
    private static let layerTensors: Set<String> = [
        "input_layernorm.weight", "self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight",
        "self_attn.o_proj.weight", "post_attention_layernorm.weight", "mlp.gate_proj.weight", "mlp.up_proj.weight",
        "mlp.down_proj.weight",
    ]

    func layer(_ index: Int, _ configuration: LlamaConfiguration) throws(ModelFileError) -> LlamaWeights.Layer {
        let prefix = "model.layers.\(index)."
        let hidden = configuration.hiddenSize
        let queries = configuration.headCount * configuration.headSize
        let keys = configuration.keyValueHeadCount * configuration.headSize
        let intermediate = configuration.intermediateSize
        return LlamaWeights.Layer(
            attentionNorm: try file.floats(prefix + "input_layernorm.weight", shape: [hidden]),
            queriesKeysValues: try matrix(
                [
                    (prefix + "self_attn.q_proj.weight", queries), (prefix + "self_attn.k_proj.weight", keys),
                    (prefix + "self_attn.v_proj.weight", keys),
                ], inputCount: hidden),
            attentionOutput: try matrix([(prefix + "self_attn.o_proj.weight", hidden)], inputCount: queries),
            feedForwardNorm: try file.floats(prefix + "post_attention_layernorm.weight", shape: [hidden]),
            gateUp: try matrix(
                [(prefix + "mlp.gate_proj.weight", intermediate), (prefix + "mlp.up_proj.weight", intermediate)],
                inputCount: hidden),
            down: try matrix([(prefix + "mlp.down_proj.weight", hidden)], inputCount: intermediate))
    }

    /// Packs tensors of shape `[outputCount, inputCount]` side by side.
    func matrix(
        _ tensors: [(name: String, outputCount: Int)], inputCount: Int
    ) throws(ModelFileError) -> PackedMatrix {
        var weights: [Float] = []
        for (name, outputCount) in tensors {
            // The weights lie one after the other, which is what packing them side by side takes.
            weights += try file.floats(name, shape: [outputCount, inputCount])
        }
        let outputCount = tensors.reduce(0) { $0 + $1.outputCount }
        do {
            return try weights.withUnsafeBufferPointer { weights throws(ComputeError) in
                try PackedMatrix(weights, inputCount: inputCount, outputCount: outputCount, format: format)
            }
        } catch {
            throw file.error(tensors[0].name, error.description)
        }
    }

    func refuseUnknownTensors(_ configuration: LlamaConfiguration) throws(ModelFileError) {
        for name in file.names where !isKnown(name, configuration) {
            throw file.error(name, "is not part of this architecture")
        }
    }

    private func isKnown(_ name: String, _ configuration: LlamaConfiguration) -> Bool {
        // A head beside a tied table is a copy of it, as some writers leave it; the frequencies follow from rope_theta.
        if ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"].contains(name) { return true }
        if name.hasSuffix("rotary_emb.inv_freq") { return true }
        let parts = name.split(separator: ".", maxSplits: 3)
        guard parts.count == 4, parts[0] == "model", parts[1] == "layers", let index = Int(parts[2]) else {
            return false
        }
        return (0..<configuration.layerCount).contains(index) && Self.layerTensors.contains(String(parts[3]))
    }
}
