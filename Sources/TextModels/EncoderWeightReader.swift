import Compute
import ModelFiles

/// Finds the tensors of an encoder by their names, checks their shapes and packs them.
struct EncoderWeightReader {
    let file: any TensorFile
    let description: EncoderDescription
    let names: EncoderTensorNames
    /// Of the linear layers.
    let format: WeightFormat
    /// Of those that read what a layer norm gives: some of its numbers are so much larger than the others that eight
    /// bits for 128 of them leave a vector of all-MiniLM-L6-v2 with a cosine of 0.994 only; this way it is 0.999.
    private var formatBehindNorm: WeightFormat { format == .int8 || format == .int4 ? .bfloat16 : format }
    private var used: Set<String> = []

    init(file: any TensorFile, description: EncoderDescription, format: WeightFormat) {
        self.file = file
        self.description = description
        self.format = format
        names = EncoderTensorNames(description.family) { file[$0] != nil }
    }

    mutating func layer(_ index: Int) throws(ModelFileError) -> EncoderWeights.Layer {
        let (layer, hidden, intermediate) = (names.layer(index), description.hiddenSize, description.intermediateSize)
        return EncoderWeights.Layer(
            queriesKeysValues: try linear(
                [names.queries, names.keys, names.values].map { layer + $0 }, inputCount: hidden, outputCount: hidden,
                format: formatBehindNorm, firstFactor: 1 / Float(description.headSize).squareRoot()),
            attentionOutput: try linear(
                [layer + names.attentionOutput], inputCount: hidden, outputCount: hidden, format: format),
            attentionNorm: try norm(layer + names.attentionNorm),
            up: try linear(
                [layer + names.up], inputCount: hidden, outputCount: intermediate, format: formatBehindNorm),
            down: try linear([layer + names.down], inputCount: intermediate, outputCount: hidden, format: format),
            outputNorm: try norm(layer + names.outputNorm))
    }

    /// The rows of the positions that texts have, each with the row of the first token type added.
    mutating func positions() throws(ModelFileError) -> [Float] {
        let (d, size) = (description, description.hiddenSize)
        let table = try floats(names.positions, shape: [d.positionCount, size])
        var rows = Array(table[d.firstPosition * size..<(d.firstPosition + d.lengthMax) * size])
        guard d.tokenTypeCount > 0 else { return rows }
        let types = try floats(names.tokenTypes, shape: [d.tokenTypeCount, size])
        for index in rows.indices { rows[index] += types[index % size] }
        return rows
    }

    mutating func norm(_ name: String) throws(ModelFileError) -> EncoderWeights.Norm {
        let shape = [description.hiddenSize]
        // Files converted from the first releases call them gamma and beta.
        let isOld = file[name + ".weight"] == nil && file[name + ".gamma"] != nil
        return EncoderWeights.Norm(
            weight: try floats(name + (isOld ? ".gamma" : ".weight"), shape: shape),
            bias: try floats(name + (isOld ? ".beta" : ".bias"), shape: shape))
    }

    /// The layers of those names side by side, the outputs of the first times `firstFactor`: every matrix of an encoder
    /// is made here.
    private mutating func linear(
        _ names: [String], inputCount: Int, outputCount: Int, format: WeightFormat, firstFactor: Float = 1
    ) throws(ModelFileError) -> EncoderWeights.Linear {
        var (weights, bias): ([Float], [Float]) = ([], [])
        for (index, name) in names.enumerated() {
            let factor = index == 0 ? firstFactor : 1
            weights += try floats(name + ".weight", shape: [outputCount, inputCount]).map { $0 * factor }
            bias += try floats(name + ".bias", shape: [outputCount]).map { $0 * factor }
        }
        do {
            let matrix = try weights.withUnsafeBufferPointer { weights throws(ComputeError) in
                try PackedMatrix(
                    weights, inputCount: inputCount, outputCount: outputCount * names.count, format: format)
            }
            return EncoderWeights.Linear(matrix: matrix, bias: bias)
        } catch {
            throw file.error(names[0] + ".weight", error.description)
        }
    }

    mutating func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
        used.insert(name)
        return try file.floats(name, shape: shape)
    }

    func refuseUnknownTensors() throws(ModelFileError) {
        for name in file.names where !used.contains(name) && names.isOfEncoder(name) {
            throw file.error(name, "is not part of this architecture")
        }
    }
}
