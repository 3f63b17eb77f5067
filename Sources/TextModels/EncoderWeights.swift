package import Compute
package import ModelFiles
package import Models

/// The weights of an encoder, checked and packed.
///
/// - Isolation: any thread; never change after `init`.
package struct EncoderWeights: Sendable {
    /// The weights of a layer norm: `[hiddenSize]` each.
    struct Norm: Sendable {
        let weight: [Float]
        let bias: [Float]
    }

    /// A matrix product and what is added to it.
    struct Linear: Sendable {
        let matrix: PackedMatrix
        let bias: [Float]
    }

    /// One layer.
    struct Layer: Sendable {
        /// hidden state → queries, keys and values side by side; the queries already carry the factor of the scores.
        let queriesKeysValues: Linear
        /// all heads → hidden state.
        let attentionOutput: Linear
        let attentionNorm: Norm
        /// hidden state → `intermediateSize`.
        let up: Linear
        /// `intermediateSize` → hidden state.
        let down: Linear
        let outputNorm: Norm
    }

    /// `[vocabularySize, hiddenSize]`.
    let tokens: [Float]
    /// `[lengthMax, hiddenSize]`: what a token gets for its position, and for being of the first type.
    let positions: [Float]
    let embeddingNorm: Norm
    let layers: [Layer]

    /// Reads the tensors of `file` by their Hugging Face names, with or without the name of the model in front, and
    /// packs the matrices.
    ///
    /// - Parameters:
    ///   - file: its tensors.
    ///   - description: what they are of.
    ///   - format: of all matrices, except that of quantised ones those stay bf16 that read what a layer norm gives;
    ///     nil for the file's own, see `TensorElementType.ownFormat`: of each GGUF tensor, and bf16 for any other file.
    ///   - progress: is told after each layer and table, on the calling thread.
    /// - Throws: `ModelFileError` naming the tensor: missing, of another shape or type, with an infinite element or one
    ///   that is not a number, or a part of the encoder that is not computed here.
    package init(
        _ file: any TensorFile, _ description: EncoderDescription, format: WeightFormat? = .float32,
        progress: (LoadProgress) -> Void = { _ in }
    ) throws(ModelFileError) {
        var reader = EncoderWeightReader(file: file, description: description, format: format)
        let total = reader.weights.totalByteCount
        func report() {
            progress(LoadProgress(doneByteCount: reader.weights.readByteCount, totalByteCount: total))
        }
        let names = reader.names
        let hidden = description.hiddenSize
        report()
        tokens = try reader.floats(names.tokens, shape: [description.vocabularySize, hidden])
        positions = try reader.positions()
        embeddingNorm = try reader.norm(names.embeddingNorm)
        var layers: [Layer] = []
        for index in 0..<description.layerCount {
            report()
            layers.append(try reader.layer(index))
        }
        self.layers = layers
        try reader.refuseUnknownTensors()
        progress(LoadProgress(doneByteCount: total, totalByteCount: total))
    }

    /// The matrices of all layers, from the first to the last.
    var matrices: [PackedMatrix] {
        layers.flatMap { [$0.queriesKeysValues, $0.attentionOutput, $0.up, $0.down].map(\.matrix) }
    }

    /// Bytes of the packed matrices and of the tables of tokens and positions.
    var byteCount: Int {
        matrices.reduce(0) { $0 + $1.byteCount } + (tokens.count + positions.count) * MemoryLayout<Float>.stride
    }
}

/// What the tensors of an encoder are called.
struct EncoderTensorNames {
    private let prefix: String
    private let layers: String
    let queries, keys, values, attentionOutput, attentionNorm, up, down, outputNorm: String

    init(_ family: EncoderDescription.Family, prefixed isThere: (String) -> Bool) {
        let tokens = "embeddings.word_embeddings.weight"
        prefix = ["bert.", "roberta.", "distilbert.", "model."].first { isThere($0 + tokens) } ?? ""
        switch family {
        case .bert, .roberta:
            layers = "encoder.layer."
            (queries, keys, values) = ("attention.self.query", "attention.self.key", "attention.self.value")
            (attentionOutput, attentionNorm) = ("attention.output.dense", "attention.output.LayerNorm")
            (up, down, outputNorm) = ("intermediate.dense", "output.dense", "output.LayerNorm")
        case .distilbert:
            layers = "transformer.layer."
            (queries, keys, values) = ("attention.q_lin", "attention.k_lin", "attention.v_lin")
            (attentionOutput, attentionNorm) = ("attention.out_lin", "sa_layer_norm")
            (up, down, outputNorm) = ("ffn.lin1", "ffn.lin2", "output_layer_norm")
        }
    }

    var tokens: String { prefix + "embeddings.word_embeddings.weight" }
    var positions: String { prefix + "embeddings.position_embeddings.weight" }
    var tokenTypes: String { prefix + "embeddings.token_type_embeddings.weight" }
    var embeddingNorm: String { prefix + "embeddings.LayerNorm" }

    func layer(_ index: Int) -> String { "\(prefix)\(layers)\(index)." }

    /// Whether a tensor of a GGUF file is a head of a classifier or the like, by its name there.
    func isHead(_ name: String) -> Bool { name.hasPrefix("cls.") }

    /// Whether a tensor that is not read would change the hidden states: heads and poolers come behind them.
    func isOfEncoder(_ name: String) -> Bool {
        let buffers = [prefix + "embeddings.position_ids", prefix + "embeddings.token_type_ids"]
        return (name.hasPrefix(prefix + "embeddings.") || name.hasPrefix(prefix + layers)) && !buffers.contains(name)
    }
}
