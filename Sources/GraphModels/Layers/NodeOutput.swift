import Compute

/// How a layer ends: the input added once more if it has a residual connection, then the bias and the activation.
struct NodeOutput: Sendable {
    let residual: Residual
    /// `[outputCount]`.
    let bias: [Float]
    let activation: NodeActivation

    /// What is added to the gathered sum of a node.
    enum Residual: Sendable {
        case none
        /// The layer's input itself, as long as its output.
        case identity
        case projection(NodeProjection)
    }

    /// What the residual connection adds, for the first `nodeCount` nodes; nil for nothing.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    func residualValues(
        of input: NodeValues, nodeCount: Int, workspace: Workspace, gang: ComputeGang
    ) throws(ComputeError) -> NodeValues? {
        switch residual {
        case .none: nil
        case .identity: input
        case .projection(let projection):
            .dense(try projection.apply(to: input, nodeCount: nodeCount, workspace: workspace, gang: gang))
        }
    }

    /// Finishes the row of one node in place.
    ///
    /// - Parameters:
    ///   - row: `[outputCount]`, what the node gathered.
    ///   - node: whose row it is.
    ///   - residual: from `residualValues(of:nodeCount:workspace:gang:)`.
    ///   - kernels: the instruction set.
    func finish(
        _ row: UnsafeMutablePointer<Float>, of node: Int, adding residual: NodeValues?, kernels: Kernels
    ) {
        residual?.add(rowOf: node, to: row, kernels: kernels)
        bias.withUnsafeBufferPointer { bias in
            guard let values = bias.baseAddress else { return }
            kernels.add(size: bias.count, values, to: row)
        }
        activation.apply(bias.count, row)
    }
}
