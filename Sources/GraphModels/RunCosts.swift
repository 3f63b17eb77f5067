/// What a run of a network over a graph or a part of it is expected to cost, in multiply-adds.
///
/// ```
/// run          Σ over layers:  nodes · values of a node · outputs  +  edges · outputs
/// extraction   edges · multiplyAddsPerStep
/// ```
///
/// Sums in `Double`: the largest graph times the widest layer would overflow an `Int`.
struct RunCosts: Sendable {
    /// For each layer, first to last: to project a node, and to gather over an edge.
    let layers: [(perNode: Double, perEdge: Double)]

    /// What a step over an edge of a graph costs that is looking for its part: a read of somewhere in memory, in which
    /// a core does so many multiply-adds.
    static let multiplyAddsPerStep = 64.0

    init(of network: GraphNetwork, features: NodeFeatures) {
        layers = network.layers.enumerated().map { index, layer in
            let valueCount = index == 0 ? features.valuesPerNode : Double(layer.inputCount)
            return (layer.multiplyAddsPerNode(valueCount: valueCount), layer.multiplyAddsPerEdge)
        }
    }

    /// Of a layer that takes so many nodes and gathers over so many edges.
    func layer(_ index: Int, nodeCount: Int, edgeCount: Int) -> Double {
        Double(nodeCount) * layers[index].perNode + Double(edgeCount) * layers[index].perEdge
    }

    /// Of the run of a whole graph.
    func whole(_ graph: Adjacency) -> Double {
        layers.indices.reduce(0) {
            $0 + layer($1, nodeCount: graph.nodeCount, edgeCount: graph.edgeCount)
        }
    }

    /// The most that a part may cost, extraction included, to be run instead of the whole graph.
    ///
    /// Half: an extraction that is given up when it has cost as much makes the run of the whole graph half as long
    /// again at worst.
    func partMax(of graph: Adjacency) -> Double { whole(graph) / 2 }
}
