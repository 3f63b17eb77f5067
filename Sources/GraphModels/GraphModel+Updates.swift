import Compute
package import Models
import Synchronization
package import Vocabulary

extension GraphModel: GraphHolder {
    package nonisolated func update(
        _ update: NodeUpdate, for tenant: TenantID?
    ) throws(ServingError) -> NodeUpdateStatus {
        guard let resident else {
            throw ServingError(.failedPrecondition, "model '\(description.name)' holds no graph", label: "no_graph")
        }
        let (byteCountMax, rowByteCount) = changes.withLock { ($0.byteCountMax, $0.rowByteCount) }
        guard byteCountMax > 0 else {
            throw ServingError(
                .failedPrecondition,
                "model '\(description.name)' keeps no updates of nodes; \"graph: {update_memory: 16MiB}\" in its "
                    + "model.yaml lets it",
                label: "updates_off")
        }
        try check(update.nodes, "nodes", nodeCount: resident.nodeCount)
        try check(update.restored, "restored_nodes", nodeCount: resident.nodeCount)
        let rows = try rows(of: update)
        let restored = update.restoresAll ? nil : Set(update.restored.map { Int32($0) })
        do throws(NodeChanges.NoRoom) {
            let nodeCount = try changes.withLock { (changes) throws(NodeChanges.NoRoom) in
                try changes.change(for: tenant, setting: rows, restoring: restored)
            }
            return NodeUpdateStatus(nodeCount: nodeCount, byteCount: nodeCount * rowByteCount)
        } catch {
            throw ServingError(
                .resourceExhausted,
                "model '\(description.name)' has \(byteCountMax) bytes for updates of nodes, \(error.missingByteCount) "
                    + "too few for these; take others back, or raise update_memory in its model.yaml",
                label: "update_memory_full")
        }
    }

    private nonisolated func check(
        _ nodes: [UInt32], _ field: String, nodeCount: Int
    ) throws(ServingError) {
        guard nodes.count <= limits.queryCountMax else {
            throw ServingError(
                .invalidArgument, "\(field): at most \(limits.queryCountMax) nodes, got \(nodes.count)")
        }
        for node in nodes where node >= nodeCount {
            throw ServingError(
                .invalidArgument,
                "\(field): node \(node) is out of range: the graph has \(nodeCount) nodes, from 0")
        }
    }

    /// The rows that `update` sets, normalised as those of the files are.
    private nonisolated func rows(of update: NodeUpdate) throws(ServingError) -> NodeChanges.Rows {
        guard let features = update.features, !update.nodes.isEmpty else { return [:] }
        let featureCount = network.featureCount
        guard features.dataType == .float32, features.shape == [update.nodes.count, featureCount] else {
            throw ServingError(
                .invalidArgument,
                "features: expected shape [\(update.nodes.count), \(featureCount)] for model '\(description.name)', "
                    + "got \(features.shape)")
        }
        do throws(GraphError) {
            let values = try NodeFeatures.checked(
                features.array(of: Float.self), featureCount: featureCount,
                normalization: network.featureNormalization)
            var rows: NodeChanges.Rows = [:]
            for (index, node) in update.nodes.enumerated() {
                rows[Int32(node)] = Array(values[index * featureCount..<(index + 1) * featureCount])
            }
            return rows
        } catch {
            // What the error counts as nodes are the rows of the update.
            guard case .featureNotFinite(let row, let feature) = error else { preconditionFailure("\(error)") }
            throw ServingError(
                .invalidArgument,
                "features: \(GraphError.featureNotFinite(node: Int(update.nodes[row]), feature: feature))")
        }
    }
}
