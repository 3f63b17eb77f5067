import Compute
import Engine
import Models
import Routing
import Tenancy
import Vocabulary

extension Engine {
    /// Runs tensors through a model on account of the call's tenant.
    ///
    /// - Throws: RESOURCE_EXHAUSTED when the tenant may not use so much; as `infer`.
    func infer(
        _ selector: ModelSelector, _ input: InferenceInput, as description: ModelDescription, for call: CallContext
    ) async throws(ServingError) -> InferenceAnswer {
        let amounts = description.amounts(in: input)
        try call.meter?.reserve(amounts)
        let tally = UsageTally()
        call.meter?.begin(tally) { usage in
            var used = Consumption(usage)
            // What was never executed has only waited.
            guard usage.batchSampleCount > 0 else { return used }
            (used.imageCount, used.nodeCount, used.edgeCount) = (amounts.images, amounts.nodes, amounts.edges)
            return used.clamped
        }
        defer { call.end(tally) }
        let answer = try await infer(selector, input, deadline: call.deadline, share: call.share, tally: tally)
        call.meter?.digest?.add(answer.output)
        return answer
    }
}

extension ModelDescription {
    /// The pictures, nodes and edges that a request brings, or asks for in the graph that the model holds.
    ///
    /// Sizes that do not fit together are the model's to refuse; here they only count.
    func amounts(in input: InferenceInput) -> MeteredAmounts {
        switch modality {
        case .vision: MeteredAmounts(images: UInt64(clamping: input.tensors.first?.tensor.shape.first ?? 0))
        case .graph:
            // Who names no node asks for all of them.
            input.tensor("nodes") == nil && input.tensor("features") == nil
                ? MeteredAmounts(nodes: UInt64(clamping: residentNodeCount)) : Self.graphAmounts(in: input)
        case .text, .tensor: MeteredAmounts()
        }
    }

    /// The nodes and edges that a request to a graph model brings or asks for.
    static func graphAmounts(in input: InferenceInput) -> MeteredAmounts {
        func extent(_ name: String, _ axis: Int) -> UInt64 {
            guard let shape = input.tensor(name)?.shape, axis < shape.count else { return 0 }
            return UInt64(clamping: shape[axis])
        }
        return MeteredAmounts(
            nodes: input.tensor("features") == nil ? extent("nodes", 0) : extent("features", 0),
            edges: extent("edges", 1))
    }
}
