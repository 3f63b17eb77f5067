import Messages
import Vocabulary

/// A graph with a row of features for each node, to be sent along with a call.
///
/// Nodes are counted from 0.
public struct FeatureNetwork: Hashable, Sendable {
    /// How many nodes there are.
    public var nodeCount: Int
    /// How many features each node has, as the model takes them.
    public var featureCount: Int
    /// `[nodeCount, featureCount]`, node by node.
    public var features: [Float]
    /// From node to node; an undirected edge is given in both directions.
    public var edges: [Edge]

    /// Leaves one node and enters another.
    public struct Edge: Hashable, Sendable {
        /// The node it leaves.
        public var source: Int
        /// The node it enters.
        public var target: Int

        /// An edge from `source` to `target`.
        public init(source: Int, target: Int) {
            self.source = source
            self.target = target
        }
    }

    /// A graph; what does not fit together is the server's to refuse.
    public init(nodeCount: Int, featureCount: Int, features: [Float], edges: [Edge]) {
        self.nodeCount = nodeCount
        self.featureCount = featureCount
        self.features = features
        self.edges = edges
    }
}

/// How many of its neighbours a node hears.
public struct NeighbourSampling: Hashable, Sendable {
    /// The most in each layer, from the last layer backwards; 0 for all.
    public var fanout: [Int]
    /// Decides which; the same seed draws the same ones.
    public var seed: UInt64

    /// A sample; a fanout for another number of layers is the server's to refuse.
    public init(fanout: [Int], seed: UInt64 = 0) {
        self.fanout = fanout
        self.seed = seed
    }
}

/// What nodes are.
public struct NodeClasses: Hashable, Sendable {
    /// What the model says about one node.
    public struct Prediction: Hashable, Sendable {
        /// As it was asked for.
        public let node: Int
        /// The class with the highest score, counted from 0.
        public let classIndex: Int
        /// Its name; empty when the model has no names.
        public let label: String
        /// The probability of each class, in the model's order.
        public let probabilities: [Float]
    }

    /// One for each node asked for, in the same order.
    public let predictions: [Prediction]
    /// Where the time went.
    public let cost: BatchCost
}

extension ApusClient {
    /// Classifies nodes of a graph.
    ///
    /// Without `nodes`, all nodes of the graph; without `network`, the graph that the model holds; without `sampling`,
    /// every node hears all its neighbours; without `version`, the newest.
    ///
    /// - Throws: NOT_FOUND for an unknown model, INVALID_ARGUMENT for a node that the graph does not have, or a fanout
    ///   for another number of layers; FAILED_PRECONDITION when no graph is sent to a model that holds none.
    public func predict(
        model: String, version: Int? = nil, nodes: [Int] = [], network: FeatureNetwork? = nil,
        sampling: NeighbourSampling? = nil, timeout: Duration? = nil
    ) async throws(ApusError) -> NodeClasses {
        var request = PredictRequest(model: model, version: wireVersion(version))
        request.nodes = try nodes.map { (node) throws(ApusError) in try number(node, "a node") }
        if let sampling {
            request.fanout = try sampling.fanout.map { (count) throws(ApusError) in try number(count, "a fanout") }
            request.samplingSeed = sampling.seed
        }
        if let network { request.graph = try FeatureGraph(network) }
        let response = try await call(GraphMethods.predict, request, timeout: timeout)
        return NodeClasses(
            predictions: response.predictions.map {
                NodeClasses.Prediction(
                    node: Int($0.node), classIndex: Int($0.predictedClass), label: $0.label, probabilities: $0.scores)
            },
            cost: BatchCost(
                queueTime: Duration(microseconds: response.queueMicroseconds),
                computeTime: Duration(microseconds: response.computeMicroseconds),
                batchSize: Int(response.batchSize)))
    }
}

extension ApusClient {
    /// Sets features of nodes of the graph that a model holds, as this client's tenant sees it; no other tenant's
    /// answers change.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - version: of it; nil for the newest.
    ///   - features: by node, as many as the model takes of each, before any normalisation.
    ///   - restoredNodes: have the features of the model's files again.
    ///   - timeout: how long to wait.
    /// - Returns: how many nodes have features of the tenant's own now.
    /// - Throws: NOT_FOUND for an unknown model; INVALID_ARGUMENT for what does not fit together, or no such node;
    ///   FAILED_PRECONDITION for a model without memory for updates, RESOURCE_EXHAUSTED when that is full.
    public func updateNodes(
        model: String, version: Int? = nil, features: [Int: [Float]], restoredNodes: [Int] = [],
        timeout: Duration? = nil
    ) async throws(ApusError) -> Int {
        let rows = features.sorted { $0.key < $1.key }
        var request = UpdateNodesRequest(model: model, version: wireVersion(version))
        request.nodes = try rows.map { (row) throws(ApusError) in try number(row.key, "a node") }
        request.restoredNodes = try restoredNodes.map { (node) throws(ApusError) in try number(node, "a node") }
        request.featureCount = try number(rows.first?.value.count ?? 0, "the number of features")
        request.features = rows.flatMap(\.value).withUnsafeBytes { Bytes(copying: $0) }
        let response = try await call(GraphMethods.updateNodes, request, timeout: timeout)
        return Int(clamping: response.updatedNodes)
    }
}

extension FeatureGraph {
    fileprivate init(_ network: FeatureNetwork) throws(ApusError) {
        self.init(
            nodeCount: try number(network.nodeCount, "the number of nodes"),
            featureCount: try number(network.featureCount, "the number of features"),
            features: network.features.withUnsafeBytes { Bytes(copying: $0) },
            edgeSources: try network.edges.map { (edge) throws(ApusError) in try number(edge.source, "a node") },
            edgeTargets: try network.edges.map { (edge) throws(ApusError) in try number(edge.target, "a node") })
    }
}
