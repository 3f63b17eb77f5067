import Compute

/// `Gather` with indices that are known when the model is loaded.
struct Gathering: Operator {
    let outputTypes: [ValueType]
    private let indices: [Int]
    private let runCount: Int
    /// Bytes of what one index takes.
    private let pieceByteCount: Int
    private let extent: Int

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try Gathering(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        try reader.limit(inputs: 2)
        let type = try reader.type(0)
        let axis = try type.axis(try reader.int("axis", default: 0))
        let extent = type.shape[axis]
        indices = try reader.constantInts(1).map { (index) throws(OperatorError) in
            guard (-extent..<extent).contains(index) else {
                throw .shapeMismatch("index \(index) of an axis of \(extent)")
            }
            return index < 0 ? index + extent : index
        }
        let shape = type.shape[..<axis] + (try reader.type(1).shape) + type.shape[(axis + 1)...]
        outputTypes = [try ValueType(type.dataType, Array(shape))]
        runCount = type.shape[..<axis].reduce(1, *)
        pieceByteCount = type.shape[(axis + 1)...].reduce(type.elementByteCount, *)
        self.extent = extent
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let source = inputs[0]?.base else { return }
        var target = outputs[0].base
        for run in 0..<runCount {
            for index in indices {
                target.copyMemory(from: source + (run * extent + index) * pieceByteCount, byteCount: pieceByteCount)
                target += pieceByteCount
            }
        }
    }
}
