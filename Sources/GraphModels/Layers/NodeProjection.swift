import Compute

/// A linear map applied to every node: y = x · W.
///
/// Layers project first and gather afterwards: outputs are fewer than inputs in the models this is for, so the rows
/// that neighbours gather are short.
struct NodeProjection: Sendable {
    let inputCount: Int
    let outputCount: Int
    private let packed: PackedMatrix
    /// `[inputCount, outputCount]`, for sparse inputs; only kept by the first layer.
    private let rows: [Float]?

    /// Multiply-adds worth a range of their own on another thread: some 10 µs.
    private static let multiplyAddsPerRangeMin = 1 << 17

    /// Packs the weights.
    ///
    /// - Parameters:
    ///   - weights: `[inputCount, outputCount]`.
    ///   - inputCount: at least 1.
    ///   - outputCount: at least 1.
    ///   - takesFeatures: whether this stands in the first layer, whose input may be sparse.
    /// - Throws: `ComputeError.outOfMemory`.
    init(_ weights: [Float], inputCount: Int, outputCount: Int, takesFeatures: Bool) throws(ComputeError) {
        packed = try weights.withUnsafeBufferPointer { weights throws(ComputeError) in
            try PackedMatrix(weights, inputCount: inputCount, outputCount: outputCount, layout: .inputMajor)
        }
        self.inputCount = inputCount
        self.outputCount = outputCount
        rows = takesFeatures ? weights : nil
    }

    /// `[nodeCount, outputCount]` in `workspace`.
    ///
    /// - Precondition: sparse input only if `takesFeatures`.
    /// - Throws: `ComputeError.outOfMemory`.
    func apply(
        to input: NodeValues, nodeCount: Int, workspace: Workspace, gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        let result = try UnsafeMutableNodeMatrix(nodeCount: nodeCount, columnCount: outputCount, in: workspace)
        switch input {
        case .dense(let matrix): packed.multiply(matrix.base, rowCount: nodeCount, into: result.base, on: gang)
        case .sparse(let sparse): multiply(sparse, nodeCount: nodeCount, into: result, gang: gang)
        }
        return result.values
    }

    /// Each row of the result is the sum of the rows of W at the columns that are not zero.
    private func multiply(
        _ input: SparseRows, nodeCount: Int, into result: UnsafeMutableNodeMatrix, gang: ComputeGang
    ) {
        guard let rows else { preconditionFailure("sparse values behind the first layer") }
        let kernels = gang.kernels
        // A row has an eighth of its values at most; see NodeFeatures.
        let workPerNode = max(1, inputCount * outputCount / 8)
        rows.withUnsafeBufferPointer { weights in
            guard let weights = weights.baseAddress else { return }
            gang.parallelFor(
                count: nodeCount, minimumPerThread: max(1, Self.multiplyAddsPerRangeMin / workPerNode)
            ) { nodes in
                for node in nodes {
                    let sum = result[node]
                    sum.update(repeating: 0, count: outputCount)
                    input.forEach(inRow: node) { column, value in
                        kernels.addScaled(size: outputCount, value, weights + column * outputCount, to: sum)
                    }
                }
            }
        }
    }
}
