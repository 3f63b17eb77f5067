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
