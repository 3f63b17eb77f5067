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
