import Compute

/// A layer of a graph network.
enum GraphLayer: Sendable {
    case convolution(GraphConvolution)
    case attention(GraphAttention)

    /// Length of a node's row in front of the layer.
    var inputCount: Int {
        switch self {
        case .convolution(let layer): layer.projection.inputCount
        case .attention(let layer): layer.projection.inputCount
        }
    }

    /// Length of a node's row behind the layer.
    var outputCount: Int {
        switch self {
        case .convolution(let layer): layer.outputCount
        case .attention(let layer): layer.outputCount
        }
    }

    private var projection: NodeProjection {
        switch self {
        case .convolution(let layer): layer.projection
        case .attention(let layer): layer.projection
        }
    }

    /// Multiply-adds to project a node of which so many inputs are not zero.
    func multiplyAddsPerNode(valueCount: Double) -> Double { valueCount * Double(projection.outputCount) }

    /// Multiply-adds to gather over an edge.
    var multiplyAddsPerEdge: Double { Double(projection.outputCount) }

    /// `[adjacency.rowCount, outputCount]` in `workspace`, of an input for all `adjacency.nodeCount` nodes.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    func apply(
        to input: NodeValues, adjacency: Adjacency, workspace: Workspace, gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        switch self {
        case .convolution(let layer):
            try layer.apply(to: input, adjacency: adjacency, workspace: workspace, gang: gang)
        case .attention(let layer):
            try layer.apply(to: input, adjacency: adjacency, workspace: workspace, gang: gang)
        }
    }
}
