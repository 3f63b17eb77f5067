import Compute

/// `MatMul`: products of the last two axes, the axes before them broadcast.
struct MatrixProduct: Operator {
    let outputTypes: [ValueType]
    private let rowCount: Int
    private let depth: Int
    private let columnCount: Int
    /// For each product, which matrix of A and of B it takes.
    private let pairs: [(a: Int, b: Int)]
    /// B, when it is one constant matrix.
    private let weights: PackedMatrix?

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try MatrixProduct(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        try reader.limit(inputs: 2)
        let (a, b) = (try reader.floatType(0), try reader.floatType(1))
        guard a.rank >= 1 else { throw .wrongInputRank(0, rank: 0, expected: "at least 1") }
        guard b.rank >= 1 else { throw .wrongInputRank(1, rank: 0, expected: "at least 1") }
        // A vector counts as a row on the left and as a column on the right.
        let left = a.rank == 1 ? [1] + a.shape : a.shape
        let right = b.rank == 1 ? b.shape + [1] : b.shape
        rowCount = left[left.count - 2]
        depth = left[left.count - 1]
        columnCount = right[right.count - 1]
        guard right[right.count - 2] == depth else { throw .shapeMismatch("\(a.shape) times \(b.shape)") }
        let batches = try Broadcast(Array(left.dropLast(2)), Array(right.dropLast(2)))
        let matrixShape = (a.rank == 1 ? [] : [rowCount]) + (b.rank == 1 ? [] : [columnCount])
        outputTypes = [try ValueType(.float32, batches.shape + matrixShape)]
        pairs = batches.indexPairs()
        let isOneMatrix = right.dropLast(2).allSatisfy { $0 == 1 }
        weights =
            isOneMatrix
            ? try packedWeights(try reader.input(1), depth: depth, columnCount: columnCount, isTransposed: false) : nil
    }

    var scratchFloatCount: Int {
        weights == nil ? UnsafePanel.floatCount(depth: depth, columnCount: columnCount) : 0
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let a = inputs[0]?.floats, let b = inputs[1]?.floats, outputTypes[0].elementCount > 0 else { return }
        let y = outputs[0].floats
        if let weights {
            // With one B, the matrices of A follow each other like more rows.
            weights.multiply(a, rowCount: pairs.count * rowCount, into: y, on: context.gang)
            return
        }
        let cost = depth * columnCount * (rowCount + 1) / 8
        context.parallelFor(count: pairs.count, elementsPerItem: cost) { products, panel in
            for product in products {
                let pair = pairs[product]
                UnsafePanel.pack(
                    b + pair.b * depth * columnCount, depth: depth, columnCount: columnCount,
                    depthStride: columnCount, columnStride: 1, into: panel)
                context.gang.kernels.packedMultiply(
                    rows: rowCount, depth: depth, x: a + pair.a * rowCount * depth, xStride: depth, packed: panel,
                    columns: 0..<columnCount, y: y + product * rowCount * columnCount, yStride: columnCount)
            }
        }
    }
}
