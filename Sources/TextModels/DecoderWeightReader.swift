import Compute
import ModelFiles
import Synchronization
import Vocabulary

/// Finds the tensors of a decoder by their names, checks their shapes and packs them.
struct DecoderWeightReader {
    let file: any TensorFile
    let description: DecoderDescription
    let names: DecoderTensorNames
    /// Of all linear layers.
    let format: WeightFormat
    /// Packs.
    private let gang: ComputeGang
    private var used: Set<String> = []

    init(
        file: any TensorFile, description: DecoderDescription, names: DecoderTensorNames, format: WeightFormat,
        gang: ComputeGang
    ) {
        self.gang = gang
        self.file = file
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
    mutating func head(_ name: String, format: WeightFormat? = nil) throws(ModelFileError) -> PackedMatrix {
        try matrix(
            [name], outputs: [description.vocabularySize], inputCount: description.hiddenSize, layout: .outputMajor,
            format: format ?? self.format)
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
    private mutating func matrix(
        _ names: [String], outputs: [Int], inputCount: Int, layout: PackedMatrix.Layout, format: WeightFormat
    ) throws(ModelFileError) -> PackedMatrix {
        if layout == .outputMajor { return try streamed(names, outputs, inputCount, format) }
        // Columns come in one tensor.
        let weights = try floats(names[0], shape: [inputCount, outputs.reduce(0, +)])
        do {
            return try weights.withUnsafeBufferPointer { weights throws(ComputeError) in
                try PackedMatrix(
                    weights, inputCount: inputCount, outputCount: outputs.reduce(0, +), layout: layout, format: format)
            }
        } catch {
            throw file.error(names[0], error.description)
        }
    }

    /// Packs tensors of shape `[outputs, inputCount]` side by side, a few rows at a time and on all threads.
    private mutating func streamed(
        _ names: [String], _ outputs: [Int], _ inputCount: Int, _ format: WeightFormat
    ) throws(ModelFileError) -> PackedMatrix {
        var parts: [MatrixPart] = []
        for (name, count) in zip(names, outputs) {
            used.insert(name)
            let entry = try file.entry(name, shape: [count, inputCount])
            // Rows are read by themselves, so they have to be whole blocks, which every checked tensor has.
            guard entry.elementType.isDequantizable else {
                throw file.error(
                    name, "expected numbers such as F32, F16 or BF16, got \(entry.elementType.rawValue)")
            }
            let begin = parts.last?.outputs.upperBound ?? 0
            parts.append(MatrixPart(entry: entry, outputs: begin..<begin + count, inputCount: inputCount))
        }
        let matrix: PackedMatrix
        do {
            matrix = try PackedMatrix(
                inputCount: inputCount, outputCount: outputs.reduce(0, +), format: format, on: gang
            ) { range, destination in
                for part in parts { part.write(range, to: destination) }
            }
        } catch {
            throw file.error(names[0], error.description)
        }
        for (name, part) in zip(names, parts) {
            guard part.isFinite.load(ordering: .relaxed) else {
                throw file.error(name, "has an element that is infinite or not a number")
            }
            MappedFile.release(part.entry.data)
        }
        return matrix
    }

    mutating func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
        used.insert(name)
        return try file.floats(name, shape: shape)
    }

    func refuseUnknownTensors() throws(ModelFileError) {
        for name in file.names where !used.contains(name) && !names.isHarmless(name) {
            throw file.error(name, "is not part of this architecture")
        }
    }
}

/// A tensor whose rows are some of the outputs of a matrix.
private final class MatrixPart: Sendable {
    let entry: StoredTensor
    /// Which outputs of the matrix.
    let outputs: Range<Int>
    private let rowByteCount: Int
    private let inputCount: Int
    /// Whether all elements read so far are finite.
    let isFinite = Atomic(true)

    init(entry: StoredTensor, outputs: Range<Int>, inputCount: Int) {
        self.entry = entry
        self.outputs = outputs
        self.inputCount = inputCount
        rowByteCount = entry.data.count / outputs.count
    }

    /// Writes those of the rows `range` that are its own to their places in `destination`, `[range, inputCount]`.
    func write(_ range: Range<Int>, to destination: UnsafeMutablePointer<Float>) {
        let own = range.clamped(to: outputs)
        guard !own.isEmpty else { return }
        let first = (own.lowerBound - outputs.lowerBound) * rowByteCount
        let rows = entry.data[first..<first + own.count * rowByteCount]
        let place = destination + (own.lowerBound - range.lowerBound) * inputCount
        if !entry.elementType.write(rows, to: place) { isFinite.store(false, ordering: .relaxed) }
    }
}
