package import Compute
package import Vocabulary

/// A change to the features of nodes of the graph that a model holds, as one tenant sees it.
///
/// It happens as a whole or not at all: first nodes are taken back, then others are set.
package struct NodeUpdate: Sendable {
    /// Whose features are set; of one that stands twice, the last row counts.
    package let nodes: [UInt32]
    /// FP32 `[nodes, features of a node]`, as the files of the model would have them; nil only without `nodes`.
    package let features: Tensor?
    /// Who has the features of the files again.
    package let restored: [UInt32]
    /// Whether all nodes have them again.
    package let restoresAll: Bool

    /// - Precondition: `features` are there when there are `nodes`.
    package init(nodes: [UInt32], features: Tensor?, restored: [UInt32] = [], restoresAll: Bool = false) {
        precondition(nodes.isEmpty || features != nil, "\(nodes.count) nodes without features")
        self.nodes = nodes
        self.features = features
        self.restored = restored
        self.restoresAll = restoresAll
    }
}

/// What a tenant has changed of a graph so far.
package struct NodeUpdateStatus: Sendable, Equatable {
    /// Nodes whose features are the tenant's own.
    package let nodeCount: Int
    /// Bytes of memory that they count.
    package let byteCount: Int

    package init(nodeCount: Int, byteCount: Int) {
        self.nodeCount = nodeCount
        self.byteCount = byteCount
    }
}

/// A model that holds a graph of which every tenant may change the features of nodes for itself.
package protocol GraphHolder: BatchModel {
    /// Changes what `tenant` sees; executions that begin later see all of it, others nothing.
    ///
    /// - Parameters:
    ///   - update: what to change.
    ///   - tenant: who sees the change; all callers without a tenant are one.
    /// - Returns: what the tenant has changed now.
    /// - Throws: FAILED_PRECONDITION when the model holds no graph or no memory for changes; INVALID_ARGUMENT naming
    ///   the node or the feature; RESOURCE_EXHAUSTED when that memory is full. Then nothing has changed.
    /// - Isolation: any thread.
    nonisolated func update(
        _ update: NodeUpdate, for tenant: TenantID?
    ) throws(ServingError) -> NodeUpdateStatus
}
