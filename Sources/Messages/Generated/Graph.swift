// Made by Proto/generate from apus/graph/v1/graph.proto.
// swift-format-ignore-file

package import Vocabulary

/// What graph models do.
package enum GraphMethods {
    /// The full name of the service.
    package static let service = "apus.graph.v1.Graph"

    /// Classifies nodes of the graph that the model holds, or of one sent along.
    ///
    /// NOT_FOUND for an unknown model; INVALID_ARGUMENT for a node that the graph does not have, features that do not
    /// fit the model or a fanout for another number of layers; FAILED_PRECONDITION when no graph is sent to a model that
    /// holds none; RESOURCE_EXHAUSTED when the queue of the model is full.
    package static let predict = MethodSignature<PredictRequest, PredictResponse>(
        path: "/apus.graph.v1.Graph/Predict")

    /// Changes features of nodes of the graph that the model holds, as the caller's tenant sees it: no other tenant's
    /// answers change. Whose view it is follows from the caller's certificate, never from the request.
    ///
    /// It happens as a whole or not at all. Every call that comes after the answer sees the change, those that run at the
    /// same time see all of it or nothing. It is kept in memory with this version of the model, and lost when that is
    /// unloaded, loaded anew or driven out by the limit of memory, and when the server ends.
    ///
    /// NOT_FOUND for an unknown model; INVALID_ARGUMENT for a node that the graph does not have or features that do not
    /// fit the model; FAILED_PRECONDITION when the model holds no graph, when its model.yaml gives no memory to updates,
    /// and at a front end unless exactly one shard serves the model, for the others would not hear of it; UNAVAILABLE at a
    /// front end whose shards have not all said yet what they serve; RESOURCE_EXHAUSTED when that memory is full.
    package static let updateNodes = MethodSignature<UpdateNodesRequest, UpdateNodesResponse>(
        path: "/apus.graph.v1.Graph/UpdateNodes")
}

/// A graph with a row of features for each node. Nodes are counted from 0.
package struct FeatureGraph: Message {
    /// How many nodes there are.
    package var nodeCount: UInt32
    /// How many features each node has, as the model takes them.
    package var featureCount: UInt32
    /// `node_count * feature_count` numbers, node by node, each a little-endian 32-bit float.
    package var features: Bytes
    /// The node that each edge leaves. An undirected edge is given in both directions.
    package var edgeSources: [UInt32]
    /// The node that each edge enters; as long as `edge_sources`.
    package var edgeTargets: [UInt32]

    package init(
        nodeCount: UInt32 = 0,
        featureCount: UInt32 = 0,
        features: Bytes = Bytes(),
        edgeSources: [UInt32] = [],
        edgeTargets: [UInt32] = []
    ) {
        self.nodeCount = nodeCount
        self.featureCount = featureCount
        self.features = features
        self.edgeSources = edgeSources
        self.edgeTargets = edgeTargets
    }
}

/// Asks what nodes are.
package struct PredictRequest: Message {
    /// The model.
    package var model: String
    /// Its version, a positive integer; the newest one when empty.
    package var version: String
    /// The nodes to answer for, in this order; all nodes of the graph when empty.
    package var nodes: [UInt32]
    /// The graph they belong to; when absent, the one that the model holds.
    package var graph: FeatureGraph?
    /// The most neighbours that a node hears in each layer of the model, one number a layer from the last one backwards;
    /// 0 stands for all. When empty, every node hears all its neighbours and the answer is exact.
    ///
    /// The neighbours are drawn without replacement. Which they are depends on `sampling_seed`, the node and the layer
    /// alone, so that the same request has the same answer whatever else the server does. A node always hears itself.
    /// Each neighbour counts as often as it stands for one: in a convolution, whose degrees stay those of the whole graph,
    /// the sum over samples is on average the sum over all.
    package var fanout: [UInt32]
    /// Decides which neighbours `fanout` draws; without `fanout` it does not matter.
    package var samplingSeed: UInt64

    package init(
        model: String = "",
        version: String = "",
        nodes: [UInt32] = [],
        graph: FeatureGraph? = nil,
        fanout: [UInt32] = [],
        samplingSeed: UInt64 = 0
    ) {
        self.model = model
        self.version = version
        self.nodes = nodes
        self.graph = graph
        self.fanout = fanout
        self.samplingSeed = samplingSeed
    }
}

/// What the model says about one node.
package struct NodePrediction: Message {
    /// The node.
    package var node: UInt32
    /// The probability of each class, from 0 to 1, together 1; in the model's order of classes.
    package var scores: [Float]
    /// The class with the highest score, counted from 0; the first of equal ones.
    package var predictedClass: UInt32
    /// The name of that class; empty when the model has no names.
    package var label: String

    package init(node: UInt32 = 0, scores: [Float] = [], predictedClass: UInt32 = 0, label: String = "") {
        self.node = node
        self.scores = scores
        self.predictedClass = predictedClass
        self.label = label
    }
}

/// What nodes are.
package struct PredictResponse: Message {
    /// One prediction for each node asked for, in the same order.
    package var predictions: [NodePrediction]
    /// Time until the model began.
    package var queueMicroseconds: UInt64
    /// Time the model took for the batch.
    package var computeMicroseconds: UInt64
    /// How many calls ran together with this one, itself included.
    package var batchSize: UInt32

    package init(
        predictions: [NodePrediction] = [],
        queueMicroseconds: UInt64 = 0,
        computeMicroseconds: UInt64 = 0,
        batchSize: UInt32 = 0
    ) {
        self.predictions = predictions
        self.queueMicroseconds = queueMicroseconds
        self.computeMicroseconds = computeMicroseconds
        self.batchSize = batchSize
    }
}

/// Changes what nodes have as features. Nodes are taken back first, then others are set.
package struct UpdateNodesRequest: Message {
    /// The model.
    package var model: String
    /// Its version, a positive integer; the newest one when empty.
    package var version: String
    /// The nodes whose features are set. Of a node that stands twice, the last features count.
    package var nodes: [UInt32]
    /// How many features each node has, as the model takes them; without `nodes` it does not matter.
    package var featureCount: UInt32
    /// As many rows of features as there are `nodes`, in their order, each number a little-endian 32-bit float; what the
    /// files of the model would have, before any normalisation.
    package var features: Bytes
    /// Nodes that have the features of the model's files again; those that have them anyway do not matter.
    package var restoredNodes: [UInt32]
    /// Whether all nodes have the features of the model's files again.
    package var restoreAll: Bool

    package init(
        model: String = "",
        version: String = "",
        nodes: [UInt32] = [],
        featureCount: UInt32 = 0,
        features: Bytes = Bytes(),
        restoredNodes: [UInt32] = [],
        restoreAll: Bool = false
    ) {
        self.model = model
        self.version = version
        self.nodes = nodes
        self.featureCount = featureCount
        self.features = features
        self.restoredNodes = restoredNodes
        self.restoreAll = restoreAll
    }
}

/// What the caller's tenant has changed so far.
package struct UpdateNodesResponse: Message {
    /// Nodes whose features are the tenant's own now.
    package var updatedNodes: UInt64
    /// What they count in the model's memory for updates.
    package var updatedBytes: UInt64

    package init(updatedNodes: UInt64 = 0, updatedBytes: UInt64 = 0) {
        self.updatedNodes = updatedNodes
        self.updatedBytes = updatedBytes
    }
}
