import GraphModels
import TestSupport
import Testing

@testable import GraphModels

@Suite("Adjacency")
struct AdjacencyTests {
    private func rows(_ adjacency: Adjacency) -> [[Int32]] {
        var rows: [[Int32]] = []
        adjacency.withUnsafeRows { unsafe in rows = (0..<adjacency.nodeCount).map { Array(unsafe.row($0)) } }
        return rows
    }

    @Test("rows are ascending, hold the node itself and each source once")
    func buildsRows() throws {
        // 2→0, 1→0, 2→0 again, 3→3 (a loop), 0→3
        let adjacency = try Adjacency(nodeCount: 5, edges: [2, 1, 2, 3, 0, 0, 0, 0, 3, 3])
        #expect(rows(adjacency) == [[0, 1, 2], [1], [2], [0, 3], [4]])
        #expect(adjacency.inverseRootDegrees[4] == 1)
        #expect(abs(adjacency.inverseRootDegrees[0] - 0.57735026) < 1e-7)
    }

    @Test("random graphs agree with sets", arguments: [UInt64(1), 2, 3, 4])
    func agreesWithSets(seed: UInt64) throws {
        let graph = RandomGraph(nodeCount: 40, edgeCount: 300, featureCount: 1, density: 1, seed: seed)
        let adjacency = try Adjacency(nodeCount: graph.nodeCount, edges: graph.edges)
        #expect(rows(adjacency) == graph.sources.map { $0.map(Int32.init).sorted() })
    }

    @Test("a graph without nodes or without edges is a graph")
    func acceptsEmpty() throws {
        #expect(rows(try Adjacency(nodeCount: 0, edges: [])).isEmpty)
        #expect(rows(try Adjacency(nodeCount: 2, edges: [])) == [[0], [1]])
    }

    @Test(
        "an edge to a node that is not there is named",
        arguments: [
            ([0, 9, 1, 1], GraphError.nodeOutOfRange(edge: 1, node: 9, nodeCount: 3)),
            ([0, 1, -1, 1], .nodeOutOfRange(edge: 0, node: -1, nodeCount: 3)),
            ([0, 1, 1, 3], .nodeOutOfRange(edge: 1, node: 3, nodeCount: 3)),
            ([.max, .min], .nodeOutOfRange(edge: 0, node: .max, nodeCount: 3)),
        ] as [([Int64], GraphError)])
    func refusesUnknownNodes(edges: [Int64], expected: GraphError) {
        #expect(throws: expected) { try Adjacency(nodeCount: 3, edges: edges) }
    }
}
