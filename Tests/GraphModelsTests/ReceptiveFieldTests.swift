import Compute
import Foundation
import Models
import TestSupport
import Testing
import Vocabulary

@testable import GraphModels

/// Goal: whatever part of a graph is computed, an answer has the bits of the run of the whole graph, and nothing is
/// computed that no answer needs.
@Suite("ReceptiveField")
struct ReceptiveFieldTests {
    private let gang = ComputeGang(threadCount: 1)

    /// 0 → 1 → 2 → … → 9.
    private static let path = Array(Int64(0)..<9) + Array(1...9)

    private func pathModel(layerCount: Int) throws -> GraphModel {
        let shape = NetworkShape(
            description: "gcn", featureCount: 40,
            layers: Array(repeating: .init(kind: .convolution(outputs: 40), activation: "relu"), count: layerCount))
        let random = try RandomModel(shape, seed: 41)
        let graph = RandomGraph(nodeCount: 10, edgeCount: 0, featureCount: 40, density: 1, seed: 42)
        try random.hold(RandomGraph(nodeCount: 10, featureCount: 40, features: graph.features, edges: Self.path))
        return try random.folder.model()
    }

    private func field(
        _ queries: [[Int]], of model: GraphModel, costMax: Double? = nil, positions: inout [Int32]
    ) throws -> ReceptiveField? {
        let graph = try #require(model.resident)
        return ReceptiveField(
            of: queries, in: graph.adjacency, costs: RunCosts(of: model.network, features: graph.features),
            costMax: costMax, positions: &positions)
    }

    @Test("a layer takes the nodes that the next one hears, and computes no others")
    func goesBackwards() throws {
        var positions: [Int32] = []
        let field = try #require(try field([[5]], of: try pathModel(layerCount: 3), positions: &positions))
        #expect(field.nodes == [5, 4, 3, 2])
        #expect(field.adjacencies.map(\.nodeCount) == [4, 3, 2])
        #expect(field.adjacencies.map(\.rowCount) == [3, 2, 1])
        // Each row keeps the order of the whole graph: 4 before 5.
        #expect(field.adjacencies[2].row(0) == [1, 0])
        #expect(field.adjacencies[0].edgeCount == 6)
        #expect(positions == [Int32](repeating: -1, count: 10))
    }

    @Test("what several queries need is there once, and each finds its rows")
    func sharesNodes() throws {
        var positions: [Int32] = []
        let field = try #require(
            try field([[5, 6], [], [6, 6, 0]], of: try pathModel(layerCount: 2), positions: &positions))
        #expect(field.nodes == [5, 6, 0, 4, 3])
        #expect(field.rows == [[0, 1], [], [1, 1, 2]])
        #expect(field.answerCount == 3)
        #expect(field.adjacencies.map(\.rowCount) == [4, 3])
    }

    @Test("a search that costs more than the run it saves is given up, and leaves nothing behind")
    func givesUp() throws {
        let model = try pathModel(layerCount: 2)
        let graph = try #require(model.resident)
        let costs = RunCosts(of: model.network, features: graph.features)
        // Two layers of 10 nodes · 40 · 40, and of 19 edges · 40.
        let whole: Double = 2 * (10 * 1600 + 19 * 40)
        #expect(costs.whole(graph.adjacency) == whole)
        // Two steps, then one layer of 2 nodes and 2 edges; two steps more, then one of 3 nodes and 4 edges.
        let expected: Double = 4 * 64 + 5 * 1600 + 6 * 40
        var positions: [Int32] = []
        #expect(try field([[5]], of: model, costMax: expected, positions: &positions) != nil)
        for costMax in [0, 1, 200, 4000, expected - 1] {
            #expect(try field([[5]], of: model, costMax: costMax, positions: &positions) == nil)
            #expect(positions == [Int32](repeating: -1, count: 10))
        }
    }

    @Test("a batch computes the union of what its requests need, once; all nodes are the whole graph")
    func computesOnce() throws {
        let model = try pathModel(layerCount: 2)
        _ = model.execute([try InferenceInput(nodes: [5]), try InferenceInput(nodes: [6])], on: gang)
        var expected = GraphWork()
        // 5 and 6 hear 4; those three hear 3. Apart it would be 6 rows and 12 edges.
        (expected.partRunCount, expected.rowCount, expected.edgeCount) = (1, 3 + 2, 6 + 4)
        #expect(model.work == expected)
        _ = model.execute([try InferenceInput(nodes: [5]), try InferenceInput(nodes: nil)], on: gang)
        expected.wholeRunCount = 1
        expected.rowCount += 20
        expected.edgeCount += 38
        #expect(model.work == expected)
        // Half of the nodes cost more than half of the run.
        _ = model.execute([try InferenceInput(nodes: [1, 3, 5, 7, 9])], on: gang)
        #expect(model.work.wholeRunCount == 2)
    }

    @Test(
        "any mix of requests has the bits of the whole graph, on one thread and on three",
        arguments: GraphNetworkTests.shapes, [1.0, 0.05])
    func hasTheBitsOfTheWhole(shape: NetworkShape, density: Double) throws {
        let random = try RandomModel(shape, seed: 51)
        let graph = RandomGraph(
            nodeCount: 4_000, edgeCount: 9_000, featureCount: shape.featureCount, density: density, seed: 52)
        try random.hold(graph)
        let model = try random.folder.model()
        let whole = try model.execute([InferenceInput(nodes: nil)], on: gang)[0].get()
        let classCount = try #require(whole.tensor("logits")?.shape[1])
        var generator = SeededGenerator(seed: 53)
        for round in 0..<12 {
            let queries = (0..<Int.random(in: 1...8, using: &generator)).map { _ in
                (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                    Int64.random(in: 0..<4_000, using: &generator)
                }
            }
            let before = model.work.partRunCount
            let answers = model.execute(
                try queries.map { try InferenceInput(nodes: $0) }, on: ComputeGang(threadCount: round % 2 == 0 ? 1 : 3))
            #expect(model.work.partRunCount == before + 1)
            for (query, answer) in zip(queries, answers) {
                let expected = whole.rows(query, classCount: classCount)
                #expect(try answer.get().logits == expected.logits, "round \(round)")
                #expect(try answer.get().scores == expected.scores, "round \(round)")
            }
        }
        // The same of a graph sent along.
        let sent = try model.execute([InferenceInput(graph: graph, nodes: [17, 3_999])], on: gang)[0].get()
        #expect(sent.logits == whole.rows([17, 3_999], classCount: classCount).logits)
        #expect(model.work.wholeRunCount == 1)
    }

    @Test("on karate every node and every pair has the bits of the whole graph, by its part")
    func hasTheBitsOfKarate() throws {
        let package = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        let model = try GraphModel(
            folder: package.appending(path: "Sources/ApusServer/ExampleModels/karate/1").path,
            name: ModelName("karate")!, version: ModelVersion(1)!, batchSizeMax: 8)
        let whole = try model.execute([InferenceInput(nodes: nil)], on: gang)[0].get().logits
        let graph = try #require(model.resident)
        let workspace = Workspace()
        var positions: [Int32] = []
        for pair in 0..<34 * 34 {
            let nodes = [pair / 34, pair % 34]
            let field = try #require(try field([nodes], of: model, positions: &positions))
            let logits = try model.network.run(field, of: graph, workspace: workspace, gang: gang)
            for (row, node) in zip(field.rows[0], nodes) {
                #expect(logits[row][0] == whole[2 * node] && logits[row][1] == whole[2 * node + 1], "\(nodes)")
            }
            workspace.reset()
        }
    }
}
