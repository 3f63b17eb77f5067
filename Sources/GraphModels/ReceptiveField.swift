/// The part of a graph that the answers about some nodes depend on, layer by layer.
///
/// ```
/// nodes          q q q | a a a a | b b b b b b b b        q asked for, a heard by q, b heard by a
/// last layer     rows..| heard   |
/// first layer    rows............| heard          |
/// ```
///
/// A node stands once, in the row in which it was found, so what a layer takes and gives are the first rows of this
/// order: every node hears itself, and therefore what a layer gives is among what it takes. A node that only the first
/// layer hears is not computed by it, one that the last layer does not need not by the last.
///
/// Why the answers have the bits of a run of the whole graph: the rows keep the order of the neighbours, the degrees
/// are the whole graph's, and each row of a layer is computed by itself.
///
/// With sampling, a layer has rows of its own: those of the nodes that it gives, with the neighbours that it hears.
///
/// - Source: Hamilton et al. 2017 (GraphSAGE), algorithm 2.
struct ReceptiveField: Sendable {
    /// The node of each row.
    let nodes: [Int32]
    /// For each layer, first to last, over rows.
    let adjacencies: [Adjacency]
    /// For each query the rows of its nodes, in its order.
    let rows: [[Int]]

    /// Rows that the last layer gives: the nodes asked for, each once.
    var answerCount: Int { adjacencies[adjacencies.count - 1].rowCount }

    /// Looks for what `queries` depend on, once for all of them; nil when that was given up.
    ///
    /// - Parameters:
    ///   - queries: nodes of the graph; one may stand in several.
    ///   - graph: the whole graph.
    ///   - sampling: which neighbours are heard; nil for all.
    ///   - costs: what the layers cost, and how many there are.
    ///   - costMax: give up when running the part would cost more, the search included; nil to go to the end.
    ///   - positions: for each node of the graph -1, and so again afterwards; shorter ones are lengthened.
    /// - Complexity: O(edges of the part).
    init?(
        of queries: [[Int]], in graph: Adjacency, sampling: NeighbourSampling? = nil, costs: RunCosts,
        costMax: Double?, positions: inout [Int32]
    ) {
        if positions.count < graph.nodeCount {
            positions = [Int32](repeating: -1, count: graph.nodeCount)
        }
        let part = positions.withUnsafeMutableBufferPointer { positions in
            var search = FieldSearch(graph: graph, positions: positions)
            defer { search.clear() }
            let rows = queries.map { query in query.map { search.visit(Int32($0)) } }
            let found = sampling.map { search.findLayers($0) } ?? search.findLayers(costs: costs, costMax: costMax)
            return found.map { adjacencies in
                (nodes: search.nodes, adjacencies: adjacencies, rows: rows)
            }
        }
        guard let part else { return nil }
        (nodes, adjacencies, rows) = part
    }
}

/// A search for a receptive field, from the last layer to the first.
private struct FieldSearch {
    let graph: Adjacency
    /// For each node of the graph its row; -1 for none yet.
    let positions: UnsafeMutableBufferPointer<Int32>
    private(set) var nodes: [Int32] = []
    private var degrees: [Float] = []
    private var starts = [0]
    private var sources: [Int32] = []

    init(graph: Adjacency, positions: UnsafeMutableBufferPointer<Int32>) {
        self.graph = graph
        self.positions = positions
    }

    /// The row of a node, a new one if it has none.
    mutating func visit(_ node: Int32) -> Int {
        let known = positions[Int(node)]
        guard known < 0 else { return Int(known) }
        positions[Int(node)] = Int32(nodes.count)
        nodes.append(node)
        degrees.append(graph.inverseRootDegrees[Int(node)])
        return nodes.count - 1
    }

    /// Leaves `positions` as they were.
    func clear() {
        for node in nodes { positions[Int(node)] = -1 }
    }

    /// The adjacency of each layer, first to last, with all neighbours; nil when that costs too much.
    mutating func findLayers(costs: RunCosts, costMax: Double?) -> [Adjacency]? {
        var sizes: [(nodeCount: Int, rowCount: Int)] = []
        var cost = 0.0
        for layer in costs.layers.indices.reversed() {
            // A row is the same in every layer, so only the nodes of the layer behind that are new need theirs.
            let rowCount = nodes.count
            for row in starts.count - 1..<rowCount {
                let neighbours = graph.row(Int(nodes[row]))
                cost += Double(neighbours.count) * RunCosts.multiplyAddsPerStep
                if let costMax, cost > costMax { return nil }
                append(neighbours)
            }
            cost += costs.layer(layer, nodeCount: nodes.count, edgeCount: sources.count)
            if let costMax, cost > costMax { return nil }
            sizes.append((nodes.count, rowCount))
        }
        return sizes.reversed().map {
            Adjacency(
                nodeCount: $0.nodeCount, rowCount: $0.rowCount, starts: starts, sources: sources,
                inverseRootDegrees: degrees)
        }
    }

    /// The adjacency of each layer, first to last, with the neighbours that `sampling` gives it.
    mutating func findLayers(_ sampling: NeighbourSampling) -> [Adjacency] {
        var layers: [SampledRows] = []
        for layer in sampling.fanouts.indices.reversed() {
            let rowCount = nodes.count
            (starts, sources) = ([0], [])
            var scales: [Float] = []
            for row in 0..<rowCount {
                let sample = sampling.sample(graph.row(Int(nodes[row])), of: nodes[row], layer: layer)
                append(sample.nodes)
                scales.append(sample.scale)
            }
            layers.append(SampledRows(nodeCount: nodes.count, starts: starts, sources: sources, scales: scales))
        }
        return layers.reversed().map {
            Adjacency(
                nodeCount: $0.nodeCount, rowCount: $0.scales.count, starts: $0.starts, sources: $0.sources,
                inverseRootDegrees: degrees, neighbourScales: $0.scales)
        }
    }

    private struct SampledRows {
        let nodeCount: Int
        let starts: [Int]
        let sources: [Int32]
        let scales: [Float]
    }

    private mutating func append(_ neighbours: ArraySlice<Int32>) {
        for neighbour in neighbours { sources.append(Int32(visit(neighbour))) }
        starts.append(sources.count)
    }
}
