package import Compute
package import ModelFiles
package import Models
import Vocabulary

/// The weights of a decoder, checked and packed.
///
/// - Isolation: any thread; never change after `init`.
package struct DecoderWeights: Sendable {
    /// The weights of a norm, with what the description adds to them.
    struct Norm: Sendable {
        let weight: [Float]
        /// Of a layer norm.
        let bias: [Float]?
    }

    /// A matrix product and what is added to it.
    struct Linear: Sendable {
        let matrix: PackedMatrix
        let bias: [Float]?
    }

    /// One decoder layer.
    struct Layer: Sendable {
        /// Before attention: `[hiddenSize]`.
        let attentionNorm: Norm
        /// hidden state → queries, keys and values side by side: `headCount + 2 · keyValueHeadCount` heads.
        let queriesKeysValues: Linear
        /// Of each head's query and key: `[headSize]`.
        let queryNorm: Norm?
        let keyNorm: Norm?
        /// `headCount` heads → hidden state.
        let attentionOutput: Linear
        /// After attention: `[hiddenSize]`.
        let attentionPostNorm: Norm?
        /// Before the feed-forward part: `[hiddenSize]`.
        let feedForwardNorm: Norm
        /// hidden state → gate and up side by side, `2 · intermediateSize`; without a gate up alone.
        let gateUp: Linear
        /// `intermediateSize` → hidden state.
        let down: Linear
        /// After the feed-forward part: `[hiddenSize]`.
        let feedForwardPostNorm: Norm?
    }

    let embedding: Embedding
    /// `[contextLengthMax, hiddenSize]`, of learned positions.
    let positions: [Float]?
    let layers: [Layer]
    /// Before the head: `[hiddenSize]`.
    let finalNorm: Norm
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
    /// - Parameters:
    ///   - file: its tensors.
    ///   - description: what they are of.
    ///   - format: of all matrices; nil for the file's own, see `TensorElementType.ownFormat`: of each GGUF tensor, and
    ///     bf16 for any other file.
    ///   - progress: is told after each layer and table, on the calling thread.
    /// - Throws: `ModelFileError` naming the tensor: missing, of another shape or type, with an infinite element or one
    ///   that is not a number, or not part of this architecture (such as a bias), which would change the results.
    package init(
        _ file: any TensorFile, _ description: DecoderDescription, format: WeightFormat? = .float32,
        progress: (LoadProgress) -> Void = { _ in }
    ) throws(ModelFileError) {
        let names = DecoderTensorNames(description.family, prefixed: { file[$0] != nil })
        var reader = DecoderWeightReader(file: file, description: description, names: names, format: format)
        let total = reader.weights.totalByteCount
        func report() {
            progress(LoadProgress(doneByteCount: reader.weights.readByteCount, totalByteCount: total))
        }
        var layers: [Layer] = []
        for index in 0..<description.layerCount {
            report()
            layers.append(try reader.layer(index))
        }
        self.layers = layers
        finalNorm = try reader.norm(names.finalNorm, size: description.hiddenSize)
        positions = try reader.positions()
        if description.tiesEmbeddings {
            head = try reader.head(names.embedding, format: format)
            embedding = .head
        } else {
            // Embeddings are read, not multiplied: fewer bits than bf16 would save no time. Those of a GGUF file have
            // been rounded already.
            let wanted: WeightFormat? = format == nil || format == .float32 ? format : .bfloat16
            report()
            embedding = .table(try reader.head(names.embedding, format: wanted))
            report()
            head = try reader.head(names.head, format: format)
        }
        try reader.refuseUnknownTensors()
        progress(LoadProgress(doneByteCount: total, totalByteCount: total))
    }

    /// The matrices that every step multiplies with, from the first layer to the logits.
    var matrices: [PackedMatrix] {
        layers.flatMap { layer in
            [layer.queriesKeysValues, layer.attentionOutput, layer.gateUp, layer.down].map(\.matrix)
        } + [head]
    }

    /// Bytes of the packed matrices, and of the table of embeddings where it is one of its own.
    var byteCount: Int {
        let count = matrices.reduce(0) { $0 + $1.byteCount }
        if case .table(let table) = embedding { return count + table.byteCount }
        return count
    }

    /// Copies the embedding of `token` to `destination`, `[hiddenSize]`.
    func embed(_ token: Int32, to destination: UnsafeMutablePointer<Float>) {
        switch embedding {
        case .head: head.copyWeights(ofOutput: Int(token), to: destination)
        case .table(let table): table.copyWeights(ofOutput: Int(token), to: destination)
        }
    }
}
