import Compute
import ModelFiles

/// Finds the tensors of an encoder by their names, checks their shapes and packs them.
struct EncoderWeightReader {
    private(set) var weights: WeightReader
    let description: EncoderDescription
    let names: EncoderTensorNames
    /// Of the linear layers; nil for the file's own.
    let format: WeightFormat?
    private var file: any TensorFile { weights.file }

    init(file: any TensorFile, description: EncoderDescription, format: WeightFormat?) {
        weights = WeightReader(file)
        self.description = description
        self.format = format
        names = EncoderTensorNames(description.family) { file[$0] != nil }
    }

    mutating func layer(_ index: Int) throws(ModelFileError) -> EncoderWeights.Layer {
        let (layer, hidden, intermediate) = (names.layer(index), description.hiddenSize, description.intermediateSize)
        return EncoderWeights.Layer(
            queriesKeysValues: try linear(
                [names.queries, names.keys, names.values].map { layer + $0 }, inputCount: hidden, outputCount: hidden,
                isBehindNorm: true, firstFactor: 1 / Float(description.headSize).squareRoot()),
            attentionOutput: try linear(
                [layer + names.attentionOutput], inputCount: hidden, outputCount: hidden, isBehindNorm: false),
            attentionNorm: try norm(layer + names.attentionNorm),
            up: try linear(
                [layer + names.up], inputCount: hidden, outputCount: intermediate, isBehindNorm: true),
            down: try linear(
                [layer + names.down], inputCount: intermediate, outputCount: hidden, isBehindNorm: false),
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
    ///
    /// Those that read what a layer norm gives have bf16 where the others have fewer bits: some numbers behind a norm
    /// are so much larger than the others that eight bits for 128 of them leave a vector of all-MiniLM-L6-v2 with a
    /// cosine of 0.994 only; this way it is 0.999.
    private mutating func linear(
        _ names: [String], inputCount: Int, outputCount: Int, isBehindNorm: Bool, firstFactor: Float = 1
    ) throws(ModelFileError) -> EncoderWeights.Linear {
        let matrices = names.map { $0 + ".weight" }
        let wanted = format ?? weights.ownFormat(of: matrices)
        let isQuantized = wanted == .int8 || wanted == .int4
        let matrix = try weights.matrix(
            matrices, outputs: names.map { _ in outputCount }, inputCount: inputCount,
            format: isBehindNorm && isQuantized ? .bfloat16 : wanted, firstFactor: firstFactor)
        var bias: [Float] = []
        for (index, name) in names.enumerated() {
            let factor = index == 0 ? firstFactor : 1
            bias += try floats(name + ".bias", shape: [outputCount]).map { $0 * factor }
        }
        return EncoderWeights.Linear(matrix: matrix, bias: bias)
    }

    mutating func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
        try weights.floats(name, shape: shape)
    }

    /// Refuses tensors that were not read and would change the hidden states.
    func refuseUnknownTensors() throws(ModelFileError) {
        // What a GGUF file has beside the architecture's tensors has no name of Hugging Face.
        let foreign = Set((file as? GGUFModel)?.unknownNames ?? [])
        for name in file.names where !weights.used.contains(name) {
            guard foreign.contains(name) ? !names.isHead(name) : names.isOfEncoder(name) else { continue }
            throw file.error(name, "is not part of this architecture")
        }
    }
}
