import Compute
import ModelFiles

/// `Concat`: inputs behind each other along one axis.
struct Concatenation: Operator {
    let outputTypes: [ValueType]
    /// Runs of bytes that are contiguous in every input: one for each index of the axes before the joined one.
    private let runCount: Int
    /// Bytes of such a run in each input.
    private let runByteCounts: [Int]

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try Concatenation(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        let first = try reader.type(0)
        guard let givenAxis = try reader.optionalInt("axis") else { throw .missingAttribute("axis") }
        let axis = try first.axis(givenAxis)
        var extent = 0
        var runByteCounts: [Int] = []
        for index in 0..<reader.inputCount {
            let type = try reader.type(index)
            guard type.dataType == first.dataType else {
                throw .inputTypesDiffer(first.dataType.wireName, type.dataType.wireName)
            }
            var expected = first.shape
            if type.rank == first.rank { expected[axis] = type.shape[axis] }
            guard type.shape == expected else { throw .shapeMismatch("\(type.shape) behind \(first.shape)") }
            extent += type.shape[axis]
            runByteCounts.append(type.shape[axis...].reduce(type.elementByteCount, *))
        }
        var shape = first.shape
        shape[axis] = extent
        outputTypes = [try ValueType(first.dataType, shape)]
        runCount = first.shape[..<axis].reduce(1, *)
        self.runByteCounts = runByteCounts
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        var target = outputs[0].base
        for run in 0..<runCount {
            for (index, byteCount) in runByteCounts.enumerated() {
                guard let source = inputs[index]?.base else { continue }
                target.copyMemory(from: source + run * byteCount, byteCount: byteCount)
                target += byteCount
            }
        }
    }
}

/// `Split`: one input cut along one axis.
struct Splitting: Operator {
    let outputTypes: [ValueType]
    private let runCount: Int
    /// Bytes of a contiguous run in each output.
    private let runByteCounts: [Int]

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try Splitting(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        let partCount = reader.node.outputs.count
        try reader.limit(inputs: 2, outputs: 1 << 10)
        let type = try reader.type(0)
        let axis = try type.axis(try reader.int("axis", default: 0))
        let extent = type.shape[axis]
        if let count = try reader.optionalInt("num_outputs"), count != partCount {
            throw .unsupportedAttributeValue(name: "num_outputs", value: "\(count)")
        }
        let sizes: [Int]
        if let given = try reader.ints(attribute: "split", orInput: 1) {
            sizes = given
        } else {
            // Equal parts; the last one takes what is left.
            let size = (extent + partCount - 1) / max(partCount, 1)
            sizes = (0..<partCount).map { max(0, min(size, extent - $0 * size)) }
        }
        guard sizes.count == partCount, sizes.allSatisfy({ (0...extent).contains($0) }), sizes.reduce(0, +) == extent
        else { throw .shapeMismatch("\(extent) elements into parts of \(sizes)") }
        var types: [ValueType] = []
        for size in sizes {
            var shape = type.shape
            shape[axis] = size
            types.append(try ValueType(type.dataType, shape))
        }
        outputTypes = types
        runCount = type.shape[..<axis].reduce(1, *)
        runByteCounts = types.map { $0.shape[axis...].reduce(type.elementByteCount, *) }
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard var source = inputs[0]?.base else { return }
        for run in 0..<runCount {
            for (output, byteCount) in zip(outputs, runByteCounts) {
                output.base.advanced(by: run * byteCount).copyMemory(from: source, byteCount: byteCount)
                source += byteCount
            }
        }
    }
}
