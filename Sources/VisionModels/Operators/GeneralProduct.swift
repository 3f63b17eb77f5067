import Compute
import Vocabulary

/// `Gemm`: `alpha · op(A) · op(B) + beta · C` of matrices.
///
/// A constant B is packed when the model is loaded, any other at each run.
struct GeneralProduct: Operator {
    let outputTypes: [ValueType]
    private let rowCount: Int
    private let depth: Int
    private let columnCount: Int
    private let isFirstTransposed: Bool
    private let isSecondTransposed: Bool
    private let alpha: Float
    private let beta: Float
    /// The strides of C along rows and columns, 0 where it is broadcast; nil without C.
    private let addendStrides: (row: Int, column: Int)?
    private let weights: PackedMatrix?

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try GeneralProduct(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        try reader.limit(inputs: 3)
        let (a, b) = (try reader.floatType(0), try reader.floatType(1))
        guard a.rank == 2 else { throw .wrongInputRank(0, rank: a.rank, expected: "2") }
        guard b.rank == 2 else { throw .wrongInputRank(1, rank: b.rank, expected: "2") }
        isFirstTransposed = try reader.flag("transA")
        isSecondTransposed = try reader.flag("transB")
        alpha = try reader.float("alpha", default: 1)
        beta = try reader.float("beta", default: 1)
        rowCount = a.shape[isFirstTransposed ? 1 : 0]
        depth = a.shape[isFirstTransposed ? 0 : 1]
        columnCount = b.shape[isSecondTransposed ? 0 : 1]
        guard b.shape[isSecondTransposed ? 1 : 0] == depth else {
            throw .shapeMismatch("\(a.shape) times \(b.shape)")
        }
        outputTypes = [try ValueType(.float32, [rowCount, columnCount])]
        addendStrides = try Self.addendStrides(reader, rowCount: rowCount, columnCount: columnCount)
        weights = try packedWeights(
            try reader.input(1), depth: depth, columnCount: columnCount, isTransposed: isSecondTransposed)
    }

    private static func addendStrides(
        _ reader: NodeReader, rowCount: Int, columnCount: Int
    ) throws(OperatorError) -> (row: Int, column: Int)? {
        guard reader.optionalInput(2) != nil else { return nil }
        let type = try reader.floatType(2)
        let shape = Array(repeating: 1, count: max(0, 2 - type.rank)) + type.shape
        guard shape.count == 2, shape[0] == 1 || shape[0] == rowCount, shape[1] == 1 || shape[1] == columnCount else {
            throw .shapeMismatch("C of shape \(type.shape) for a product of [\(rowCount), \(columnCount)]")
        }
        return (row: shape[0] == 1 ? 0 : shape[1], column: shape[1] == 1 ? 0 : 1)
    }

    private var panelFloatCount: Int {
        weights == nil ? UnsafePanel.floatCount(depth: depth, columnCount: columnCount) : 0
    }

    var scratchFloatCount: Int { panelFloatCount + (isFirstTransposed ? rowCount * depth : 0) }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard var a = inputs[0]?.floats, let b = inputs[1]?.floats else { return }
        let y = outputs[0].floats
        if isFirstTransposed {
            let rows = context.scratch[0] + panelFloatCount
            for row in 0..<rowCount {
                for k in 0..<depth { rows[row * depth + k] = a[k * rowCount + row] }
            }
            a = UnsafePointer(rows)
        }
        if let weights {
            weights.multiply(a, rowCount: rowCount, into: y, on: context.gang)
        } else {
            UnsafePanel.pack(
                b, depth: depth, columnCount: columnCount, depthStride: isSecondTransposed ? 1 : columnCount,
                columnStride: isSecondTransposed ? depth : 1, into: context.scratch[0])
            context.gang.kernels.packedMultiply(
                rows: rowCount, depth: depth, x: a, xStride: depth, packed: context.scratch[0],
                columns: 0..<columnCount, y: y, yStride: columnCount)
        }
        addAddend(inputs.count > 2 ? inputs[2]?.floats : nil, to: y)
    }

    private func addAddend(_ c: UnsafePointer<Float>?, to y: UnsafeMutablePointer<Float>) {
        if alpha != 1 {
            for index in 0..<rowCount * columnCount { y[index] *= alpha }
        }
        guard let c, let strides = addendStrides else { return }
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                y[row * columnCount + column] += beta * c[row * strides.row + column * strides.column]
            }
        }
    }
}

/// The weights of a constant right operand, nil when it is not constant.
func packedWeights(
    _ value: KnownValue, depth: Int, columnCount: Int, isTransposed: Bool
) throws(OperatorError) -> PackedMatrix? {
    guard let data = value.constant else { return nil }
    let values = loadElements(Float.self, data)
    do {
        return try values.withUnsafeBufferPointer { (weights) throws(ComputeError) in
            try PackedMatrix(
                weights, inputCount: depth, outputCount: columnCount,
                layout: isTransposed ? .outputMajor : .inputMajor)
        }
    } catch {
        throw .outOfMemory(byteCount: data.count)
    }
}
