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
