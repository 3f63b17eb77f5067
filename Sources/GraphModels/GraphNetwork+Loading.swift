import Compute
import ModelFiles

extension GraphNetwork {
    /// Takes the weights that `description` names out of `weights`.
    ///
    /// - Throws: `ModelFileError` naming the tensor that is missing or does not fit.
    init(_ description: GraphDescription, weights: SafetensorsFile) throws(ModelFileError) {
        var layers: [GraphLayer] = []
        for layer in description.layers {
            // The first layer takes as many features as its weights have rows.
            let reader = LayerReader(weights: weights, inputCount: layers.last?.outputCount)
            switch layer {
            case .convolution(let layer): layers.append(.convolution(try reader.convolution(layer)))
            case .attention(let layer): layers.append(.attention(try reader.attention(layer)))
            }
        }
        self.layers = layers
        featureNormalization = description.featureNormalization
    }
}

/// Reads the tensors of one layer.
private struct LayerReader {
    let weights: SafetensorsFile
    /// Outputs of the layer before; nil for the first one.
    let inputCount: Int?

    /// Larger layers are refused, so that sizes multiplied with numbers of nodes stay far from overflow.
    private static let widthMax = 1 << 20

    func convolution(_ layer: GraphConvolutionDescription) throws(ModelFileError) -> GraphConvolution {
        let name = "\(layer.tensors).weight"
        let shape = try matrixShape(name)
        let values = try weights.floats(name, shape: [shape.inputCount, shape.outputCount])
        return GraphConvolution(
            projection: try projection(values, shape, name),
            output: NodeOutput(
                residual: try residual(layer.residual, shape),
                bias: try optional("\(layer.tensors).bias", count: shape.outputCount), activation: layer.activation))
    }

    func attention(_ layer: GraphAttentionDescription) throws(ModelFileError) -> GraphAttention {
        let name = "\(layer.heads[0]).weight"
        let perHead = try matrixShape(name)
        let headCount = layer.heads.count
        let all = MatrixShape(inputCount: perHead.inputCount, outputCount: headCount * perHead.outputCount)
        guard all.outputCount <= Self.widthMax else {
            throw weights.error(name, "\(headCount) heads of \(perHead.outputCount) outputs are too many")
        }
        let merged = layer.merge == .concatenate ? all : perHead
        return GraphAttention(
            headCount: headCount, projection: try projection(try sideBySide(layer.heads, perHead), all, name),
            source: try endWeights(layer.heads, "att_src", size: perHead.outputCount),
            destination: try endWeights(layer.heads, "att_dst", size: perHead.outputCount), merge: layer.merge,
            slope: layer.attentionSlope,
            output: NodeOutput(
                residual: try residual(layer.residual, merged),
                bias: try mergedBias(layer, size: perHead.outputCount), activation: layer.activation))
    }

    private struct MatrixShape {
        let inputCount: Int
        let outputCount: Int
    }

    /// The extents of the matrix called `name`, which must take what the layer before gives.
    private func matrixShape(_ name: String) throws(ModelFileError) -> MatrixShape {
        guard let shape = weights[name]?.shape else { throw weights.error(name, "is missing") }
        let expected = "[\(inputCount.map(String.init) ?? "inputs"), outputs]"
        guard shape.count == 2, inputCount == nil || shape[0] == inputCount else {
            throw weights.error(name, "expected shape \(expected), got \(shape)")
        }
        guard shape.allSatisfy({ (1...Self.widthMax).contains($0) }) else {
            throw weights.error(name, "expected extents of 1 to \(Self.widthMax), got \(shape)")
        }
        return MatrixShape(inputCount: shape[0], outputCount: shape[1])
    }

    private func projection(
        _ values: [Float], _ shape: MatrixShape, _ name: String
    ) throws(ModelFileError) -> NodeProjection {
        do {
            return try NodeProjection(
                values, inputCount: shape.inputCount, outputCount: shape.outputCount,
                takesFeatures: inputCount == nil)
        } catch {
            throw weights.error(name, "\(error)")
        }
    }

    private func residual(_ name: String?, _ shape: MatrixShape) throws(ModelFileError) -> NodeOutput.Residual {
        switch name {
        case nil:
            return .none
        case "identity":
            guard shape.inputCount == shape.outputCount else {
                throw ModelFileError(
                    file: weights.file, field: "residual \"identity\"",
                    problem: "the layer has \(shape.inputCount) inputs and \(shape.outputCount) outputs")
            }
            return .identity
        case .some(let name):
            let values = try weights.floats(name, shape: [shape.inputCount, shape.outputCount])
            return .projection(try projection(values, shape, name))
        }
    }

    /// The attention vectors of all heads for one end of an edge, `att_src` or `att_dst`.
    private func endWeights(
        _ prefixes: [String], _ end: String, size: Int
    ) throws(ModelFileError) -> GraphAttention.EndWeights {
        var vectors: [Float] = []
        var biases: [Float] = []
        for prefix in prefixes {
            vectors += try weights.floats("\(prefix).\(end).weight", shape: [size])
            biases += try optional("\(prefix).\(end).bias", count: 1)
        }
        return GraphAttention.EndWeights(vectors: vectors, biases: biases)
    }

    /// The matrices of all heads as one, head by head in each row.
    private func sideBySide(_ prefixes: [String], _ shape: MatrixShape) throws(ModelFileError) -> [Float] {
        let width = prefixes.count * shape.outputCount
        var all = [Float](repeating: 0, count: shape.inputCount * width)
        for (head, prefix) in prefixes.enumerated() {
            let one = try weights.floats("\(prefix).weight", shape: [shape.inputCount, shape.outputCount])
            for row in 0..<shape.inputCount {
                let begin = row * width + head * shape.outputCount
                all.replaceSubrange(
                    begin..<begin + shape.outputCount,
                    with: one[row * shape.outputCount..<(row + 1) * shape.outputCount])
            }
        }
        return all
    }

    /// The biases of all heads, merged as their outputs are.
    private func mergedBias(_ layer: GraphAttentionDescription, size: Int) throws(ModelFileError) -> [Float] {
        var biases: [[Float]] = []
        for prefix in layer.heads { biases.append(try optional("\(prefix).bias", count: size)) }
        switch layer.merge {
        case .concatenate: return biases.flatMap(\.self)
        case .mean: return (0..<size).map { index in biases.reduce(0) { $0 + $1[index] } / Float(biases.count) }
        }
    }

    /// The vector called `name`, or zeros if there is none.
    private func optional(_ name: String, count: Int) throws(ModelFileError) -> [Float] {
        guard weights[name] != nil else { return [Float](repeating: 0, count: count) }
        return try weights.floats(name, shape: [count])
    }
}
