import Compute
import Engine
package import Messages
import Models
import Routing
import Tenancy
package import Vocabulary

extension GraphService {
    /// Changes features of nodes of the graph that a model holds, as the caller's tenant sees it.
    ///
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT for a model of another modality, an unknown node, or features that do not
    ///   fit; FAILED_PRECONDITION for a model without a graph or without memory for updates; RESOURCE_EXHAUSTED when
    ///   that is full, or the tenant may not use so much.
    package func updateNodes(
        _ request: UpdateNodesRequest, _ call: CallContext
    ) async throws(ServingError) -> UpdateNodesResponse {
        let selector = try graphModel(request.model, request.version, for: "UpdateNodes").selector
        let update = try nodeUpdate(request)
        let amounts = MeteredAmounts(nodes: request.meteredNodeCount)
        try call.meter?.reserve(amounts)
        let tally = UsageTally()
        call.meter?.begin(tally) { usage in
            var used = Consumption(usage)
            // A refused update has changed nothing.
            if usage.batchSampleCount > 0 { used.nodeCount = amounts.nodes }
            return used.clamped
        }
        defer { call.end(tally) }
        let status = try await engine.updateNodes(selector, update, share: call.share, tally: tally)
        return UpdateNodesResponse(
            updatedNodes: UInt64(status.nodeCount), updatedBytes: UInt64(status.byteCount))
    }

    private func nodeUpdate(_ request: UpdateNodesRequest) throws(ServingError) -> NodeUpdate {
        guard !request.nodes.isEmpty else {
            guard request.features.isEmpty else {
                throw ServingError(.invalidArgument, "features: \(request.features.count) bytes without nodes")
            }
            return NodeUpdate(
                nodes: [], features: nil, restored: request.restoredNodes, restoresAll: request.restoreAll)
        }
        do throws(TensorError) {
            let features = try Tensor(
                .float32, shape: [request.nodes.count, Int(request.featureCount)], data: request.features)
            return NodeUpdate(
                nodes: request.nodes, features: features, restored: request.restoredNodes,
                restoresAll: request.restoreAll)
        } catch {
            throw ServingError(.invalidArgument, "features: \(error)")
        }
    }
}

extension UpdateNodesRequest {
    /// The nodes that it names.
    var meteredNodeCount: UInt64 { UInt64(nodes.count + restoredNodes.count) }
}
