// Made by Proto/generate from apus/graph/v1/graph.proto.
// swift-format-ignore-file

import CMessages

extension FeatureGraph: StoredMessage {
    typealias Stored = Apus__Graph__V1__FeatureGraph
    static let storedType = StoredType(apus__graph__v1__feature_graph__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        nodeCount = stored.node_count
        featureCount = stored.feature_count
        features = arena.bytes(stored.features)
        edgeSources = arena.values(stored.edge_sources, stored.n_edge_sources)
        edgeTargets = arena.values(stored.edge_targets, stored.n_edge_targets)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.node_count = nodeCount
        stored.feature_count = featureCount
        stored.features = arena.store(features)
        (stored.n_edge_sources, stored.edge_sources) = arena.store(edgeSources)
        (stored.n_edge_targets, stored.edge_targets) = arena.store(edgeTargets)
    }
}

extension PredictRequest: StoredMessage {
    typealias Stored = Apus__Graph__V1__PredictRequest
    static let storedType = StoredType(apus__graph__v1__predict_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        model = try arena.string(stored.model, "apus.graph.v1.PredictRequest.model")
        version = try arena.string(stored.version, "apus.graph.v1.PredictRequest.version")
        nodes = arena.values(stored.nodes, stored.n_nodes)
        graph = try arena.message(stored.graph)
        fanout = arena.values(stored.fanout, stored.n_fanout)
        samplingSeed = stored.sampling_seed
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.model = arena.store(model)
        stored.version = arena.store(version)
        (stored.n_nodes, stored.nodes) = arena.store(nodes)
        stored.graph = arena.store(graph)
        (stored.n_fanout, stored.fanout) = arena.store(fanout)
        stored.sampling_seed = samplingSeed
    }
}

extension NodePrediction: StoredMessage {
    typealias Stored = Apus__Graph__V1__NodePrediction
    static let storedType = StoredType(apus__graph__v1__node_prediction__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        node = stored.node
        scores = arena.values(stored.scores, stored.n_scores)
        predictedClass = stored.predicted_class
        label = try arena.string(stored.label, "apus.graph.v1.NodePrediction.label")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.node = node
        (stored.n_scores, stored.scores) = arena.store(scores)
        stored.predicted_class = predictedClass
        stored.label = arena.store(label)
    }
}

extension PredictResponse: StoredMessage {
    typealias Stored = Apus__Graph__V1__PredictResponse
    static let storedType = StoredType(apus__graph__v1__predict_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        predictions = try arena.messages(stored.predictions, stored.n_predictions)
        queueMicroseconds = stored.queue_microseconds
        computeMicroseconds = stored.compute_microseconds
        batchSize = stored.batch_size
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_predictions, stored.predictions) = arena.store(predictions)
        stored.queue_microseconds = queueMicroseconds
        stored.compute_microseconds = computeMicroseconds
        stored.batch_size = batchSize
    }
}

extension UpdateNodesRequest: StoredMessage {
    typealias Stored = Apus__Graph__V1__UpdateNodesRequest
    static let storedType = StoredType(apus__graph__v1__update_nodes_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        model = try arena.string(stored.model, "apus.graph.v1.UpdateNodesRequest.model")
        version = try arena.string(stored.version, "apus.graph.v1.UpdateNodesRequest.version")
        nodes = arena.values(stored.nodes, stored.n_nodes)
        featureCount = stored.feature_count
        features = arena.bytes(stored.features)
        restoredNodes = arena.values(stored.restored_nodes, stored.n_restored_nodes)
        restoreAll = stored.restore_all != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.model = arena.store(model)
        stored.version = arena.store(version)
        (stored.n_nodes, stored.nodes) = arena.store(nodes)
        stored.feature_count = featureCount
        stored.features = arena.store(features)
        (stored.n_restored_nodes, stored.restored_nodes) = arena.store(restoredNodes)
        stored.restore_all = restoreAll ? 1 : 0
    }
}

extension UpdateNodesResponse: StoredMessage {
    typealias Stored = Apus__Graph__V1__UpdateNodesResponse
    static let storedType = StoredType(apus__graph__v1__update_nodes_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        updatedNodes = stored.updated_nodes
        updatedBytes = stored.updated_bytes
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.updated_nodes = updatedNodes
        stored.updated_bytes = updatedBytes
    }
}
