package import ApusClient

/// Makes tensors that a model takes, from what its metadata says.
package struct TensorMaker: Sendable {
    private var generator: SplitMix64
    /// Extents for inputs whose metadata leaves them open, by name.
    private let shapes: [String: [Int]]

    /// More elements than this are refused: a shape given by mistake should not fill the memory.
    package static let byteCountMax = 1 << 30

    package init(seed: UInt64, shapes: [String: [Int]] = [:]) {
        generator = SplitMix64(seed: seed)
        self.shapes = shapes
    }

    /// A tensor for every input; for a model that takes any tensor, FP32 of 16 elements or as its shapes say.
    ///
    /// - Throws: INVALID_ARGUMENT naming the input for which none can be made.
    package mutating func inputs(of model: ModelInformation) throws(ApusError) -> [NamedInferenceTensor] {
        guard model.inputs.isEmpty else {
            var inputs: [NamedInferenceTensor] = []
            for input in model.inputs { inputs.append(NamedInferenceTensor(input.name, try tensor(for: input))) }
            return inputs
        }
        let names = shapes.isEmpty ? ["input": [1, 16]] : shapes
        var inputs: [NamedInferenceTensor] = []
        for (name, shape) in names.sorted(by: { $0.key < $1.key }) {
            inputs.append(NamedInferenceTensor(name, try tensor(name, "FP32", shape)))
        }
        return inputs
    }

    /// A tensor for one input; open extents are 1 unless a shape was given.
    package mutating func tensor(for input: TensorInformation) throws(ApusError) -> InferenceTensor {
        try tensor(input.name, input.dataType, shapes[input.name] ?? input.shape.map { $0 < 0 ? 1 : $0 })
    }

    /// A picture for one input: its tensor without the batch, which is the first extent of four.
    package mutating func pixels(for input: TensorInformation) throws(ApusError) -> InferenceTensor {
        var tensor = try tensor(for: input)
        if tensor.shape.count == 4, tensor.shape[0] == 1 { tensor.shape.removeFirst() }
        return tensor
    }

    private mutating func tensor(_ name: String, _ dataType: String, _ shape: [Int]) throws(ApusError)
        -> InferenceTensor
    {
        let (width, isFloat) = try elementWidth(name, dataType)
        var count = 1
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow, product <= Self.byteCountMax / max(width, 1) else {
                throw ApusError(.invalidArgument, "input '\(name)': the shape \(shape) is too large or negative")
            }
            count = product
        }
        if dataType == "BYTES" {
            return InferenceTensor(shape: shape, [String](repeating: "Once upon a time", count: count))
        }
        if isFloat {
            return InferenceTensor(shape: shape, (0..<count).map { _ in Float.random(in: 0..<1, using: &generator) })
        }
        // Zero is a value of every other type, and an index that every model knows.
        return InferenceTensor(dataType: dataType, shape: shape, contents: [UInt8](repeating: 0, count: count * width))
    }

    private func elementWidth(_ name: String, _ dataType: String) throws(ApusError) -> (width: Int, isFloat: Bool) {
        switch dataType {
        case "FP32": (4, true)
        case "BOOL", "INT8", "UINT8": (1, false)
        case "INT16", "UINT16", "FP16", "BF16": (2, false)
        case "INT32", "UINT32": (4, false)
        case "INT64", "UINT64", "FP64": (8, false)
        case "BYTES": (20, false)
        default:
            throw ApusError(.invalidArgument, "input '\(name)' has the type \(dataType), of which none can be made")
        }
    }
}
