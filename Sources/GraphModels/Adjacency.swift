/// Which nodes each node of a graph hears from: compressed sparse rows, one for each destination.
///
/// ```
/// starts   0 .. 3 ..... 5 ..      row i is sources[starts[i] ..< starts[i + 1]]
/// sources  0 1 4 | 0 1 | ...      ascending, without duplicates, node i itself among them
/// ```
///
/// Every node hears itself, as both papers want it, and an edge counts once however often it is listed. Rows are
/// ascending, so the bits of an answer do not depend on the order in which edges were listed.
///
/// A part of a graph (see `ReceptiveField`) numbers its nodes anew. Its rows keep the order and the degrees that they
/// have in the whole graph, and only the first `rowCount` nodes have one: the others are heard and hear nobody.
package struct Adjacency: Sendable {
    /// Nodes that may be heard.
    package let nodeCount: Int
    /// Nodes that hear, the first ones; all of a whole graph.
    let rowCount: Int
    /// `[rowCount + 1]` or longer, not falling.
    let starts: [Int]
    /// `[starts.last]`, each in `0 ..< nodeCount`.
    let sources: [Int32]
    /// `[nodeCount]` or longer, 1 / √(length of the row in the whole graph), for the symmetric normalisation.
    let inverseRootDegrees: [Float]
    /// `[rowCount]`, how many neighbours each one in the row stands for when the row is a sample of them (see
    /// `NeighbourSampling`); empty when every row is whole.
    let neighbourScales: [Float]

    /// More nodes are refused before this is reached, so that ids fit 32 bits.
    package static let nodeCountMax = 1 << 26

    /// Builds the rows.
    ///
    /// - Parameters:
    ///   - nodeCount: in `0 ... nodeCountMax`.
    ///   - edges: `[2, edgeCount]`: all source nodes, then all destination nodes. An undirected edge is listed in both
    ///     directions.
    /// - Throws: `GraphError.nodeOutOfRange`.
    /// - Precondition: `edges.count` is even.
    /// - Complexity: O(nodes + edges · log(longest row)).
    package init(nodeCount: Int, edges: [Int64]) throws(GraphError) {
        precondition((0...Self.nodeCountMax).contains(nodeCount), "nodeCount \(nodeCount)")
        precondition(edges.count.isMultiple(of: 2), "\(edges.count) ends of edges")
        try Self.check(edges, nodeCount: nodeCount)
        var (starts, sources) = Self.rows(nodeCount: nodeCount, edges: edges)
        Self.sortAndDeduplicate(starts: &starts, sources: &sources)
        self.nodeCount = nodeCount
        rowCount = nodeCount
        self.starts = starts
        self.sources = sources
        inverseRootDegrees = (0..<nodeCount).map { 1 / Float(starts[$0 + 1] - starts[$0]).squareRoot() }
        neighbourScales = []
    }

    /// A part of a graph.
    ///
    /// - Precondition: the sizes are as above.
    init(
        nodeCount: Int, rowCount: Int, starts: [Int], sources: [Int32], inverseRootDegrees: [Float],
        neighbourScales: [Float] = []
    ) {
        precondition(rowCount < starts.count && rowCount <= nodeCount, "\(rowCount) rows, \(starts.count) starts")
        precondition(nodeCount <= inverseRootDegrees.count, "\(nodeCount) nodes, \(inverseRootDegrees.count) degrees")
        self.nodeCount = nodeCount
        self.rowCount = rowCount
        self.starts = starts
        self.sources = sources
        self.inverseRootDegrees = inverseRootDegrees
        self.neighbourScales = neighbourScales
    }

    /// Edges that a layer gathers over, loops included.
    var edgeCount: Int { starts[rowCount] }

    /// The nodes that `node` hears from, in the order in which they are summed.
    func row(_ node: Int) -> ArraySlice<Int32> { sources[starts[node]..<starts[node + 1]] }

    /// Gives a gathering loop the rows without reference counts, which several threads would fight over.
    func withUnsafeRows(_ body: (UnsafeAdjacency) -> Void) {
        starts.withUnsafeBufferPointer { starts in
            sources.withUnsafeBufferPointer { sources in
                inverseRootDegrees.withUnsafeBufferPointer { degrees in
                    neighbourScales.withUnsafeBufferPointer { scales in
                        body(
                            UnsafeAdjacency(
                                starts: starts, sources: sources, neighbourScales: scales, inverseRootDegrees: degrees))
                    }
                }
            }
        }
    }

    private static func check(_ edges: [Int64], nodeCount: Int) throws(GraphError) {
        let edgeCount = edges.count / 2
        for (index, node) in edges.enumerated() where node < 0 || node >= Int64(nodeCount) {
            throw .nodeOutOfRange(edge: index % edgeCount, node: node, nodeCount: nodeCount)
        }
    }

    /// A counting sort of the edges by destination, each row beginning with the node itself.
    private static func rows(nodeCount: Int, edges: [Int64]) -> (starts: [Int], sources: [Int32]) {
        let edgeCount = edges.count / 2
        var starts = [Int](repeating: 0, count: nodeCount + 1)
        for edge in 0..<edgeCount { starts[Int(edges[edgeCount + edge]) + 1] += 1 }
        for node in 0..<nodeCount { starts[node + 1] += starts[node] + 1 }
        var sources = [Int32](repeating: 0, count: starts[nodeCount])
        var ends = Array(starts.dropLast())
        for node in 0..<nodeCount {
            sources[ends[node]] = Int32(node)
            ends[node] += 1
        }
        for edge in 0..<edgeCount {
            let destination = Int(edges[edgeCount + edge])
            sources[ends[destination]] = Int32(edges[edge])
            ends[destination] += 1
        }
        return (starts, sources)
    }

    /// Sorts every row and closes the gaps that its duplicates leave.
    private static func sortAndDeduplicate(starts: inout [Int], sources: inout [Int32]) {
        var end = 0
        var begin = 0
        for node in 0..<starts.count - 1 {
            let next = starts[node + 1]
            sources[begin..<next].sort()
            starts[node] = end
            for position in begin..<next where position == begin || sources[position] != sources[position - 1] {
                sources[end] = sources[position]
                end += 1
            }
            begin = next
        }
        starts[starts.count - 1] = end
        sources.removeLast(sources.count - end)
    }
}

/// The rows of an `Adjacency` in its memory; not to be kept.
struct UnsafeAdjacency {
    fileprivate let starts: UnsafeBufferPointer<Int>
    fileprivate let sources: UnsafeBufferPointer<Int32>
    fileprivate let neighbourScales: UnsafeBufferPointer<Float>
    /// As in `Adjacency`.
    let inverseRootDegrees: UnsafeBufferPointer<Float>

    /// The nodes that `node` hears from, ascending.
    @inline(__always)
    func row(_ node: Int) -> UnsafeBufferPointer<Int32> {
        UnsafeBufferPointer(rebasing: sources[starts[node]..<starts[node + 1]])
    }

    /// What each neighbour of `node` counts, but for the node itself, which counts 1.
    @inline(__always)
    func neighbourScale(_ node: Int) -> Float { neighbourScales.isEmpty ? 1 : neighbourScales[node] }
}
