import Compute
package import Models
package import Vocabulary

extension GraphModel {
    /// Checks names, types, shapes and limits, the ids in `nodes` and the numbers in `fanout`.
    ///
    /// The ids in `edges` and the features are checked when the graph is built on the engine thread, because looking at
    /// millions of them would hold up the calling event loop; a bad one fails its own request only.
    ///
    /// - Returns: 1.
    /// - Throws: INVALID_ARGUMENT naming the tensor and, where there is one, the node; FAILED_PRECONDITION when no
    ///   graph is sent to a model that holds none.
    package nonisolated func sampleCount(of input: InferenceInput) throws(ServingError) -> Int {
        try description.checkNames(of: input)
        for declared in description.inputs {
            if let tensor = input.tensor(declared.name) { try description.check(tensor, against: declared) }
        }
        try checkFanout(of: input)
        let nodeCount = try checkedNodeCount(of: input)
        if let nodes = input.tensor(InputName.nodes) { try check(nodes, nodeCount: nodeCount) }
        return 1
    }

    /// Nodes of the graph that `input` asks about.
    private nonisolated func checkedNodeCount(of input: InferenceInput) throws(ServingError) -> Int {
        switch (input.tensor(InputName.features), input.tensor(InputName.edges)) {
        case (let features?, let edges?):
            try check(features.shape[0], max: limits.nodeCountMax, "nodes in input 'features'")
            try check(edges.shape[1], max: limits.edgeCountMax, "edges in input 'edges'")
            return features.shape[0]
        case (.some, nil):
            throw invalid("input 'features' came without input 'edges'")
        case (nil, .some):
            throw invalid("input 'edges' came without input 'features'")
        case (nil, nil):
            guard let resident else {
                throw ServingError(
                    .failedPrecondition,
                    "model '\(description.name)' holds no graph: send 'features' and 'edges' along")
            }
            // Without `nodes` the answer is about all of them, however large a graph the operator gave the model.
            return resident.nodeCount
        }
    }

    private nonisolated func check(_ nodes: Tensor, nodeCount: Int) throws(ServingError) {
        try check(nodes.shape[0], max: limits.queryCountMax, "nodes in input 'nodes'")
        for node in nodes.array(of: Int64.self) where node < 0 || node >= Int64(nodeCount) {
            throw invalid("node \(node) of input 'nodes' is out of range: the graph has \(nodeCount) nodes, from 0")
        }
    }

    private nonisolated func checkFanout(of input: InferenceInput) throws(ServingError) {
        guard let fanout = input.tensor(InputName.fanout) else { return }
        for count in fanout.array(of: Int64.self) where !(0...Int64(Int32.max)).contains(count) {
            throw invalid("\(count) in input 'fanout' is out of range: expected 0, for all neighbours, or more")
        }
    }

    private nonisolated func check(_ count: Int, max: Int, _ what: String) throws(ServingError) {
        guard count <= max else { throw invalid("\(count) \(what), more than \(max)") }
    }

    private nonisolated func invalid(_ problem: String) -> ServingError {
        ServingError(.invalidArgument, "\(problem) for model '\(description.name)'")
    }

    /// The graph sent along with a request that passed `sampleCount(of:)`.
    ///
    /// - Throws: INVALID_ARGUMENT naming the edge or the feature.
    func sentGraph(of input: InferenceInput) throws(ServingError) -> FeatureGraph {
        guard let features = input.tensor(InputName.features), let edges = input.tensor(InputName.edges) else {
            preconditionFailure("a request without a graph for a model that holds none")
        }
        do throws(GraphError) {
            return try FeatureGraph(
                nodeCount: features.shape[0], features: features.array(of: Float.self),
                featureCount: network.featureCount, normalization: network.featureNormalization,
                edges: edges.array(of: Int64.self))
        } catch {
            throw invalid("\(error)")
        }
    }

    /// Some rows of `logits`, in that order, as logits and as probabilities.
    func answer(_ rows: [Int], of logits: UnsafeNodeMatrix, kernels: Kernels) -> InferenceOutput {
        let classCount = logits.columnCount
        func tensor(_ body: (UnsafeMutablePointer<Float>) -> Void) -> Tensor {
            let data = Bytes(byteCount: rows.count * classCount * MemoryLayout<Float>.stride) { bytes in
                guard let values = bytes.bindMemory(to: Float.self).baseAddress else { return }
                for (index, source) in rows.enumerated() {
                    let row = values + index * classCount
                    row.update(from: logits[source], count: classCount)
                    body(row)
                }
            }
            do {
                return try Tensor(.float32, shape: [rows.count, classCount], data: data)
            } catch {
                preconditionFailure("\(rows.count) rows of \(classCount): \(error)")
            }
        }
        return InferenceOutput(tensors: [
            NamedTensor(OutputName.scores, tensor { kernels.softmax(size: classCount, $0) }),
            NamedTensor(OutputName.logits, tensor { _ in }),
        ])
    }
}

extension InferenceInput {
    /// Whether a graph came along, rather than a question about the resident one.
    var sendsGraph: Bool { tensor(InputName.features) != nil }

    /// Which neighbours it wants heard; nil for all.
    var sampling: NeighbourSampling? {
        guard let fanout = tensor(InputName.fanout) else { return nil }
        return NeighbourSampling(
            fanoutsFromLast: fanout.array(of: Int64.self).map(Int.init),
            seed: tensor(InputName.samplingSeed).map { UInt64(bitPattern: $0.array(of: Int64.self)[0]) } ?? 0)
    }

    /// The nodes it asks about; nil for all of the graph.
    var nodes: [Int]? { tensor(InputName.nodes)?.array(of: Int64.self).map(Int.init) }
}
