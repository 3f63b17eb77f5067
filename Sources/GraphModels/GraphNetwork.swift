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
    /// - Parameters:
    ///   - graph: the graph.
    ///   - changes: features that replace those of its nodes; then all features are copied.
    ///   - workspace: where the results live.
    ///   - gang: the threads.
    /// - Returns: logits `[nodeCount, classCount]` in `workspace`.
    /// - Throws: `ComputeError.outOfMemory`.
    /// - Complexity: O(nodes · weights + edges · outputs), summed over the layers.
    func run(
        _ graph: FeatureGraph, changes: NodeChanges.Rows = [:], workspace: Workspace, gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        guard changes.isEmpty else {
            let nodes = (0..<graph.nodeCount).map { Int32($0) }
            let features = try graph.features.values(of: nodes, changes: changes, workspace: workspace)
            return try run(features, workspace: workspace, gang: gang) { _ in graph.adjacency }
        }
        return try graph.features.withValues { features throws(ComputeError) in
            try run(features, workspace: workspace, gang: gang) { _ in graph.adjacency }
        }
    }

    /// Runs only what the answers about some nodes depend on.
    ///
    /// - Parameters:
    ///   - field: that part of the graph.
    ///   - graph: the whole graph.
    ///   - changes: features that replace those of its nodes.
    ///   - workspace: where the results live.
    ///   - gang: the threads.
    /// - Returns: logits `[field.answerCount, classCount]` in `workspace`, with the bits they have in the run of all
    ///   nodes.
    /// - Throws: `ComputeError.outOfMemory`.
    func run(
        _ field: ReceptiveField, of graph: FeatureGraph, changes: NodeChanges.Rows = [:], workspace: Workspace,
        gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        let features = try graph.features.values(of: field.nodes, changes: changes, workspace: workspace)
        return try run(features, workspace: workspace, gang: gang) { field.adjacencies[$0] }
    }

    private func run(
        _ features: NodeValues, workspace: Workspace, gang: ComputeGang, adjacency: (_ layer: Int) -> Adjacency
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        var values = features
        var logits: UnsafeNodeMatrix?
        for (index, layer) in layers.enumerated() {
            let result = try layer.apply(
                to: values, adjacency: adjacency(index), workspace: workspace, gang: gang)
            values = .dense(result)
            logits = result
        }
        guard let logits else { preconditionFailure("a network without layers") }
        return logits
    }
}
