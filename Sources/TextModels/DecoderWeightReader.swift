import Compute
import ModelFiles
import Vocabulary

/// Finds the tensors of a decoder by their names, checks their shapes and packs them.
struct DecoderWeightReader {
    private(set) var weights: WeightReader
    let description: DecoderDescription
    let names: DecoderTensorNames
    /// Of all linear layers; nil for the file's own.
    let format: WeightFormat?
    private var file: any TensorFile { weights.file }

    init(
        file: any TensorFile, description: DecoderDescription, names: DecoderTensorNames, format: WeightFormat?
    ) {
        weights = WeightReader(file)
        self.description = description
        self.names = names
        self.format = format
    }

    mutating func layer(_ index: Int) throws(ModelFileError) -> DecoderWeights.Layer {
        let d = description
        let (layer, hidden) = (names.layerPrefix(index), d.hiddenSize)
        let (queries, keys, intermediate) = (d.querySize, d.keySize, d.intermediateSize)
        return DecoderWeights.Layer(
            attentionNorm: try norm(layer + names.attentionNorm, size: hidden),
            queriesKeysValues: try linear(
                names.queriesKeysValues.map { layer + $0 }, outputs: [queries, keys, keys], inputCount: hidden,
                hasBias: d.biases.queriesKeysValues),
            queryNorm: d.attention.hasQueryKeyNorms ? try norm(layer + names.queryNorm, size: d.headSize) : nil,
            keyNorm: d.attention.hasQueryKeyNorms ? try norm(layer + names.keyNorm, size: d.headSize) : nil,
            attentionOutput: try linear(
                [layer + names.attentionOutput], outputs: [hidden], inputCount: queries,
                hasBias: d.biases.attentionOutput),
            attentionPostNorm: d.hasPostNorms ? try norm(layer + names.attentionPostNorm, size: hidden) : nil,
            feedForwardNorm: try norm(layer + names.feedForwardNorm, size: hidden),
            gateUp: try linear(
                names.gateUp.map { layer + $0 },
                outputs: d.feedForward.isGated ? [intermediate, intermediate] : [intermediate], inputCount: hidden,
                hasBias: d.biases.feedForward),
            down: try linear(
                [layer + names.down], outputs: [hidden], inputCount: intermediate, hasBias: d.biases.feedForward),
            feedForwardPostNorm: d.hasPostNorms ? try norm(layer + names.feedForwardPostNorm, size: hidden) : nil)
    }

    /// The output head, or the table of embeddings, from the tensor of that name.
    mutating func head(_ name: String, format: WeightFormat?) throws(ModelFileError) -> PackedMatrix {
        try matrix(
            [name], outputs: [description.vocabularySize], inputCount: description.hiddenSize, layout: .outputMajor,
            format: format)
    }

    /// The table of learned positions, nil where there is none.
    mutating func positions() throws(ModelFileError) -> [Float]? {
        guard case .learned(let rowCount) = description.positions, let name = names.positions else { return nil }
        let count = rowCount ?? max(description.contextLengthMax, file[name]?.shape.first ?? 0)
        return try floats(name, shape: [count, description.hiddenSize])
    }

    mutating func norm(_ name: String, size: Int) throws(ModelFileError) -> DecoderWeights.Norm {
        let offset = description.norm.weightOffset
        let weight = try floats(name + ".weight", shape: [size])
        return DecoderWeights.Norm(
            weight: offset == 0 ? weight : weight.map { $0 + offset },
            bias: description.norm.kind == .layer ? try floats(name + ".bias", shape: [size]) : nil)
    }

    /// The layers of those names, or one layer that holds them all, side by side.
    private mutating func linear(
        _ names: [String], outputs: [Int], inputCount: Int, hasBias: Bool
    ) throws(ModelFileError) -> DecoderWeights.Linear {
        let outputs = names.count == 1 ? [outputs.reduce(0, +)] : outputs
        let matrix = try matrix(
            names.map { $0 + ".weight" }, outputs: outputs, inputCount: inputCount, layout: self.names.matrixLayout,
            format: format)
        guard hasBias else { return DecoderWeights.Linear(matrix: matrix, bias: nil) }
        var bias: [Float] = []
        for (name, count) in zip(names, outputs) { bias += try floats(name + ".bias", shape: [count]) }
        return DecoderWeights.Linear(matrix: matrix, bias: bias)
    }

    /// Packs tensors of shape `[outputs, inputCount]`, or turned, side by side: every matrix of a decoder is made here.
    ///
    /// The file's own format is meant where there is none.
    private mutating func matrix(
        _ names: [String], outputs: [Int], inputCount: Int, layout: PackedMatrix.Layout, format: WeightFormat?
    ) throws(ModelFileError) -> PackedMatrix {
        let isTurned = layout == .inputMajor && names.first.flatMap { file.matrix($0) }?.isTurned == true
        if layout == .outputMajor || isTurned {
            return try weights.matrix(names, outputs: outputs, inputCount: inputCount, format: format)
        }
        // Columns come in one tensor.
        let columns = try floats(names[0], shape: [inputCount, outputs.reduce(0, +)])
        do {
            return try columns.withUnsafeBufferPointer { columns throws(ComputeError) in
                try PackedMatrix(
                    columns, inputCount: inputCount, outputCount: outputs.reduce(0, +), layout: layout,
                    format: format ?? .bfloat16)
            }
        } catch {
            throw file.error(names[0], error.description)
        }
    }

    mutating func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
        try weights.floats(name, shape: shape)
    }

    func refuseUnknownTensors() throws(ModelFileError) {
        for name in file.names where !weights.used.contains(name) && !names.isHarmless(name) {
            throw file.error(name, "is not part of this architecture")
        }
    }
}
