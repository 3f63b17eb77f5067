import Compute

/// The layers of a graph model with their weights.
struct GraphNetwork: Sendable {
    let featureNormalization: FeatureNormalization
    /// At least one; the inputs of each are the outputs of the one before.
    let layers: [GraphLayer]

    /// Features of a node.
    var featureCount: Int { layers[0].inputCount }
    /// Logits of a node.
    var classCount: Int { layers[layers.count - 1].outputCount }

    /// Runs all nodes of a graph through the layers.
    ///
    /// A node's logits have the same bits on any number of threads.
    ///
    /// - Returns: logits `[nodeCount, classCount]` in `workspace`.
    /// - Throws: `ComputeError.outOfMemory`.
    /// - Complexity: O(nodes · weights + edges · outputs), summed over the layers.
    func run(
        _ graph: FeatureGraph, workspace: Workspace, gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        try graph.features.withValues { features throws(ComputeError) in
            var values = features
            var logits: UnsafeNodeMatrix?
            for layer in layers {
                let result = try layer.apply(to: values, adjacency: graph.adjacency, workspace: workspace, gang: gang)
                values = .dense(result)
                logits = result
            }
            guard let logits else { preconditionFailure("a network without layers") }
            return logits
        }
    }
}

/// A graph and the features of its nodes.
struct FeatureGraph: Sendable {
    let adjacency: Adjacency
    let features: NodeFeatures

    var nodeCount: Int { adjacency.nodeCount }

    /// Checks and builds both halves.
    ///
    /// - Parameters:
    ///   - nodeCount: in `0 ... Adjacency.nodeCountMax`.
    ///   - features: `[nodeCount, featureCount]`.
    ///   - featureCount: at least 1.
    ///   - normalization: what is done to the features.
    ///   - edges: `[2, edgeCount]`; see `Adjacency`.
    /// - Throws: `GraphError`.
    init(
        nodeCount: Int, features: [Float], featureCount: Int, normalization: FeatureNormalization, edges: [Int64]
    ) throws(GraphError) {
        adjacency = try Adjacency(nodeCount: nodeCount, edges: edges)
        self.features = try NodeFeatures(
            features, nodeCount: nodeCount, featureCount: featureCount, normalization: normalization)
    }
}
