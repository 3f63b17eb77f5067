/// How large a graph sent along with a request may be, and how much may be asked about one.
package struct GraphRequestLimits: Sendable {
    /// In `1 ... Adjacency.nodeCountMax`.
    package let nodeCountMax: Int
    package let edgeCountMax: Int
    /// Length of `nodes`, in which a node may stand more than once.
    package let queryCountMax: Int

    package init(nodeCountMax: Int = 1 << 18, edgeCountMax: Int = 1 << 22, queryCountMax: Int = 1 << 18) {
        precondition((1...Adjacency.nodeCountMax).contains(nodeCountMax), "nodeCountMax \(nodeCountMax)")
        precondition(edgeCountMax >= 0 && queryCountMax >= 1, "edges \(edgeCountMax), queries \(queryCountMax)")
        self.nodeCountMax = nodeCountMax
        self.edgeCountMax = edgeCountMax
        self.queryCountMax = queryCountMax
    }
}
