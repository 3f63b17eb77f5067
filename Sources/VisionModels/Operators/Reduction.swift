import Compute

/// `ReduceMean` and its like: some axes folded into one element.
struct Reduction: Operator {
    private enum Function { case sum, mean, maximum, minimum }

    let outputTypes: [ValueType]
    private let function: Function
    /// Where each output's elements begin, and where they lie from there.
    private let starts: [Int]
    private let offsets: [Int]

    static func makeSum(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try Reduction(reader, .sum, axesInputSince: 13)
    }

    static func makeMean(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try Reduction(reader, .mean, axesInputSince: 18)
    }

    static func makeMax(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try Reduction(reader, .maximum, axesInputSince: 18)
    }

    static func makeMin(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try Reduction(reader, .minimum, axesInputSince: 18)
    }

    private init(_ reader: NodeReader, _ function: Function, axesInputSince: Int) throws(OperatorError) {
        try reader.limit(inputs: 2)
        let type = try reader.floatType(0)
        let axes: [Int]
        let given = reader.opset >= axesInputSince ? try reader.optionalConstantInts(1) : try reader.ints("axes")
        if let given, !given.isEmpty {
            axes = try given.map { (axis) throws(OperatorError) in try type.axis(axis) }
        } else {
            axes = try reader.flag("noop_with_empty_axes") ? [] : Array(0..<type.rank)
        }
        _ = try reader.flag("noop_with_empty_axes")
        let keepsAxes = try reader.flag("keepdims", default: true)
        let strides = rowMajorStrides(type.shape)
        let kept = (0..<type.rank).filter { !axes.contains($0) }
        let shape = (0..<type.rank).compactMap { axes.contains($0) ? (keepsAxes ? 1 : nil) : type.shape[$0] }
        outputTypes = [try ValueType(.float32, shape)]
        self.function = function
        starts = Self.indices(kept.map { (type.shape[$0], strides[$0]) })
        offsets = Self.indices((0..<type.rank).filter { axes.contains($0) }.map { (type.shape[$0], strides[$0]) })
    }

    /// The element indices of a grid, in row-major order.
    private static func indices(_ axes: [(count: Int, stride: Int)]) -> [Int] {
        axes.reduce([0]) { indices, axis in
            indices.flatMap { index in (0..<axis.count).map { index + $0 * axis.stride } }
        }
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let x = inputs[0]?.floats else { return }
        let y = outputs[0].floats
        context.parallelFor(count: starts.count, elementsPerItem: offsets.count) { range in
            for index in range {
                let element = x + starts[index]
                switch function {
                case .sum: y[index] = offsets.reduce(0) { $0 + element[$1] }
                case .mean: y[index] = offsets.reduce(0) { $0 + element[$1] } / Float(offsets.count)
                case .maximum: y[index] = offsets.reduce(-.infinity) { max($0, element[$1]) }
                case .minimum: y[index] = offsets.reduce(.infinity) { min($0, element[$1]) }
                }
            }
        }
    }
}
