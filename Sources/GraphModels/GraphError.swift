/// Why edges and features do not make a graph; the words fit an answer to a caller and an error about a file.
package enum GraphError: Error, Equatable, CustomStringConvertible {
    /// `edge` is the position in the list of edges.
    case nodeOutOfRange(edge: Int, node: Int64, nodeCount: Int)
    case featureNotFinite(node: Int, feature: Int)

    package var description: String {
        switch self {
        case .nodeOutOfRange(let edge, let node, let nodeCount):
            "edge \(edge) names node \(node), but the graph has nodes 0 to \(nodeCount - 1)"
        case .featureNotFinite(let node, let feature):
            "feature \(feature) of node \(node) is infinite or not a number"
        }
    }
}
