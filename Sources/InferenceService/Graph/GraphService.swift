import Compute
package import Engine
package import Messages
import Models
import Routing
package import Vocabulary

/// `apus.graph.v1.Graph`: classes of nodes, and what tenants change of their features.
package struct GraphService: Sendable {
    let engine: Engine

    package init(engine: Engine) { self.engine = engine }

    /// Classifies nodes of the graph that the model holds, or of one sent along.
    ///
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT for a model of another modality, an unknown node, or features or a fanout
    ///   that do not fit; RESOURCE_EXHAUSTED; DEADLINE_EXCEEDED; CANCELLED.
    package func predict(_ request: PredictRequest, _ call: CallContext) async throws(ServingError) -> PredictResponse {
        let (selector, description) = try graphModel(request.model, request.version, for: "Predict")
        let answer = try await engine.infer(
            selector, InferenceInput(tensors: try tensors(request), requestedOutputs: ["scores"]),
            as: description, for: call)
        guard let scores = answer.output.tensor("scores"), scores.shape.count == 2 else {
            throw ServingError(.internal, "model '\(request.model)' gave no scores")
        }
        return PredictResponse(
            predictions: predictions(scores, nodes: request.nodes, labels: description.labels),
            queueMicroseconds: answer.usage.queueNanoseconds / 1000,
            computeMicroseconds: answer.usage.computeNanoseconds / 1000,
            batchSize: UInt32(clamping: answer.usage.batchSampleCount))
    }

    /// The model that a request names.
    ///
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT for one of another modality.
    func graphModel(
        _ name: String, _ version: String, for method: String
    ) throws(ServingError) -> (selector: ModelSelector, description: ModelDescription) {
        let selector = try ModelSelector(name: name, version: version)
        let description = try engine.description(of: selector)
        guard description.modality == .graph else {
            throw ServingError(
                .invalidArgument,
                "model '\(name)' is a \(description.modality.rawValue) model; \(method) takes graph models",
                label: "wrong_modality")
        }
        return (selector, description)
    }

    /// The request as the tensors a graph model takes.
    private func tensors(_ request: PredictRequest) throws(ServingError) -> [NamedTensor] {
        if let graph = request.graph, graph.edgeSources.count != graph.edgeTargets.count {
            throw ServingError(
                .invalidArgument,
                "graph: expected as many edge_targets as edge_sources, got \(graph.edgeTargets.count) and "
                    + "\(graph.edgeSources.count)")
        }
        do throws(TensorError) {
            var tensors: [NamedTensor] = []
            if !request.nodes.isEmpty { tensors.append(try integers("nodes", request.nodes)) }
            if !request.fanout.isEmpty {
                tensors.append(try integers("fanout", request.fanout))
                tensors.append(
                    NamedTensor(
                        "sampling_seed", try Tensor([Int64(bitPattern: request.samplingSeed)], shape: [1])))
            }
            guard let graph = request.graph else { return tensors }
            let features = try Tensor(
                .float32, shape: [Int(graph.nodeCount), Int(graph.featureCount)], data: graph.features)
            let ends = (graph.edgeSources + graph.edgeTargets).map(Int64.init)
            tensors.append(NamedTensor("features", features))
            tensors.append(NamedTensor("edges", try Tensor(ends, shape: [2, graph.edgeSources.count])))
            return tensors
        } catch {
            throw ServingError(.invalidArgument, "graph.features: \(error)")
        }
    }

    /// A vector of integers.
    private func integers(_ name: String, _ values: [UInt32]) throws(TensorError) -> NamedTensor {
        NamedTensor(name, try Tensor(values.map(Int64.init), shape: [values.count]))
    }

    /// One prediction for each row of `scores` `[n, classes]`.
    private func predictions(_ scores: Tensor, nodes: [UInt32], labels: [String]) -> [NodePrediction] {
        let values = scores.array(of: Float.self)
        let classCount = scores.shape[1]
        return (0..<scores.shape[0]).map { row in
            let rowScores = Array(values[row * classCount..<(row + 1) * classCount])
            let best = highest(1, of: rowScores).first?.index ?? 0
            return NodePrediction(
                node: nodes.isEmpty ? UInt32(row) : nodes[row], scores: rowScores, predictedClass: UInt32(best),
                label: best < labels.count ? labels[best] : "")
        }
    }
}
