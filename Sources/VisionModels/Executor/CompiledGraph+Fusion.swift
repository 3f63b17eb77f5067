import Compute
import Vocabulary

extension CompiledGraph {
    /// Lets convolutions do the work of what follows them: batch normalisation goes into the weights, `Relu` and `Clip`
    /// into the pass that adds the bias.
    ///
    /// Only where nothing else reads the value in between, so no output changes but for rounding.
    mutating func fuse() {
        var readerCounts = readerCounts()
        for index in steps.indices {
            while let follower = soleFollower(of: index, readerCounts) {
                guard absorb(follower, into: index) else { break }
                let output = steps[follower].outputs[0]
                // The value in between has no writer and no reader any more.
                readerCounts[steps[index].outputs[0]] = 0
                steps[index].outputs = [output]
                steps[follower].outputs = []
                steps[follower].inputs = []
            }
        }
        steps.removeAll { $0.outputs.isEmpty }
    }

    /// The step that alone reads the one output of step `index`, as its first input.
    private func soleFollower(of index: Int, _ readerCounts: [Int]) -> Int? {
        guard let output = steps[index].outputs.first, steps[index].operation is Convolution,
            readerCounts[output] == 1
        else { return nil }
        return steps[(index + 1)...].firstIndex { step in
            step.inputs.first == output && step.outputs.count == 1
        }
    }

    /// Whether the convolution at `index` now does what step `follower` did.
    private mutating func absorb(_ follower: Int, into index: Int) -> Bool {
        guard var convolution = steps[index].operation as? Convolution, convolution.activation == .unbounded else {
            return false
        }
        if let range = (steps[follower].operation as? UnaryOperator)?.clampRange {
            convolution.activation = range
            steps[index].operation = convolution
            return true
        }
        if let normalisation = steps[follower].operation as? BatchNormalization {
            return fold(normalisation, at: follower, into: convolution, at: index)
        }
        return false
    }

    /// Scales the filters by `scale / sqrt(variance + epsilon)` and moves the bias accordingly, when all of it is
    /// constant.
    private mutating func fold(
        _ normalisation: BatchNormalization, at follower: Int, into convolution: Convolution, at index: Int
    ) -> Bool {
        let inputs = steps[index].inputs
        let parameters = steps[follower].inputs[1...].compactMap { floats($0) }
        guard parameters.count == 4, var weights = floats(inputs[1]) else { return false }
        let hasBias = inputs.count > 2 && inputs[2] != nil
        guard var bias = hasBias ? floats(inputs[2]) : Array(repeating: 0, count: convolution.filterCount),
            let biasType = try? ValueType(.float32, [convolution.filterCount]), let weightsIndex = inputs[1]
        else { return false }
        let (scale, shift, mean, variance) = (parameters[0], parameters[1], parameters[2], parameters[3])
        for filter in 0..<convolution.filterCount {
            let factor = scale[filter] / (variance[filter] + normalisation.epsilon).squareRoot()
            for weight in filter * convolution.depth..<(filter + 1) * convolution.depth { weights[weight] *= factor }
            bias[filter] = (bias[filter] - mean[filter]) * factor + shift[filter]
        }
        let newWeights = addConstant(weights, values[weightsIndex].type)
        steps[index].inputs = [inputs[0], newWeights, addConstant(bias, biasType)]
        return true
    }

    private func floats(_ value: Int?) -> [Float]? {
        value.flatMap { constant($0) }.map { loadElements(Float.self, $0) }
    }

    private mutating func addConstant(_ elements: [Float], _ type: ValueType) -> Int {
        values.append(.init(name: "", type: type, source: .constant(elements.withUnsafeBytes { Bytes(copying: $0) })))
        return values.count - 1
    }
}
