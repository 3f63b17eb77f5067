import Compute
import Models
import TestSupport
import Testing
import Vocabulary

@testable import GraphModels

@Suite("NeighbourSampling")
struct NeighbourSamplingTests {
    private let gang = ComputeGang(threadCount: 1)

    @Test("without a number above 0 all neighbours are heard, whatever the seed")
    func knowsExactness() {
        #expect(NeighbourSampling(fanoutsFromLast: [0, 0], seed: 7) == nil)
        #expect(NeighbourSampling(fanoutsFromLast: [3, 0], seed: 7)?.fanouts == [0, 3])
    }

    @Test("a sample has the node itself and as many neighbours as were asked for, in the row's order")
    func drawsSubsets() throws {
        let row: [Int32] = [2, 3, 5, 7, 11, 13, 17]
        for fanout in 1...8 {
            let sampling = try #require(NeighbourSampling(fanoutsFromLast: [fanout, 0], seed: 9))
            for node in row {
                let sample = sampling.sample(row[...], of: node, layer: 1)
                #expect(sample.nodes.count == min(fanout, 6) + 1)
                #expect(sample.nodes.contains(node) && Set(sample.nodes).isSubset(of: row))
                #expect(Array(sample.nodes) == sample.nodes.sorted() && Set(sample.nodes).count == sample.nodes.count)
                #expect(sample.scale == (fanout < 6 ? 6 / Float(fanout) : 1))
                #expect(Array(sampling.sample(row[...], of: node, layer: 0).nodes) == row)
            }
        }
    }

    @Test("every neighbour is drawn equally often, and seed, node and layer each give other samples")
    func isUniform() throws {
        let row = (0..<20).map(Int32.init)
        var counts = [Int](repeating: 0, count: 20)
        var different = 0
        for seed in UInt64(0)..<4_000 {
            let sampling = try #require(NeighbourSampling(fanoutsFromLast: [5, 5], seed: seed))
            let sample = sampling.sample(row[...], of: 6, layer: 1).nodes
            for node in sample { counts[Int(node)] += 1 }
            if sample != sampling.sample(row[...], of: 6, layer: 0).nodes { different += 1 }
        }
        #expect(counts[6] == 4_000)
        // Of 4000 draws of 5 in 19: 1052.6 each, with a standard deviation of 27.9; five of those.
        for node in 0..<20 where node != 6 { #expect(abs(counts[node] - 1_053) < 140, "\(node): \(counts[node])") }
        #expect(different > 3_990)
    }

    @Test(
        "sampled networks agree with the reference that hears the same neighbours",
        arguments: GraphNetworkTests.shapes)
    func agreesWithReference(shape: NetworkShape) throws {
        let random = try RandomModel(shape, seed: 61)
        let graph = RandomGraph(
            nodeCount: 60, edgeCount: 500, featureCount: shape.featureCount, density: 1, seed: 62)
        let fanouts = shape.layers.indices.map { 3 + $0 }
        let sampling = try #require(NeighbourSampling(fanoutsFromLast: fanouts, seed: 63))
        let whole = graph.sources
        let hearing = shape.layers.indices.map { layer in
            var hearing = ReferenceNetwork.Hearing(whole)
            for node in whole.indices {
                let row = whole[node].map(Int32.init).sorted()
                let sample = sampling.sample(row[...], of: Int32(node), layer: layer)
                hearing.sources[node] = Set(sample.nodes.map(Int.init))
                hearing.scales[node] = Double(sample.scale)
            }
            return hearing
        }
        let expected = random.reference.run(graph.rows, hearing: hearing).flatMap(\.self)
        let input = try InferenceInput(graph: graph).sampling(fanouts.map(Int64.init), seed: 63)
        let actual = try random.folder.model().execute([input], on: gang)[0].get().logits
        #expect(actual.count == expected.count)
        // As in GraphNetworkTests; the scales make the values a few times larger.
        for (actual, expected) in zip(actual, expected) {
            #expect(abs(Double(actual) - expected) < 1e-4 * max(1, abs(expected)), "\(actual) for \(expected)")
        }
    }

    @Test(
        "a sampled answer has the bits it has alone, whoever else asks with the same sampling, another or none",
        arguments: GraphNetworkTests.shapes)
    func isIndependentOfCompany(shape: NetworkShape) throws {
        let random = try RandomModel(shape, seed: 71)
        try random.hold(
            RandomGraph(nodeCount: 800, edgeCount: 16_000, featureCount: shape.featureCount, density: 0.5, seed: 72))
        let model = try random.folder.model()
        let fanout = [Int64](repeating: 3, count: shape.layers.count)
        let questions = try [[5], [5, 700], [0, 1, 2], nil, []].map { try InferenceInput(nodes: $0) }
        var batch = questions
        for seed in [UInt64(1), 2] { batch += try questions.map { try $0.sampling(fanout, seed: seed) } }
        let many = [Int64](repeating: 1_000, count: shape.layers.count)
        batch.append(try questions[1].sampling(many, seed: 1))
        batch.append(try questions[1].sampling(fanout.map { _ in 0 }, seed: 1))
        let alone = try batch.map { try model.execute([$0], on: gang)[0].get().tensors }
        let together = try model.execute(batch, on: ComputeGang(threadCount: 3)).map { try $0.get().tensors }
        #expect(together == alone)
        // A part of an answer is what is asked for alone, and as many as there are is all of them.
        #expect(together[6][0].tensor.data.count == 2 * together[5][0].tensor.data.count)
        #expect(together[15] == together[1] && together[16] == together[1])
        #expect(together[5] != together[0] && together[5] != together[10])
    }

    @Test("requests with the same sampling are computed once, others apart")
    func sharesWork() throws {
        let shape = NetworkShape(
            description: "gcn", featureCount: 3,
            layers: [.init(kind: .convolution(outputs: 3)), .init(kind: .convolution(outputs: 2))])
        let random = try RandomModel(shape, seed: 81)
        try random.hold(RandomGraph(nodeCount: 1_000, edgeCount: 50_000, featureCount: 3, density: 1, seed: 82))
        let model = try random.folder.model()
        let one = try InferenceInput(nodes: [4]).sampling([5, 4], seed: 1)
        _ = model.execute([one, one, try InferenceInput(nodes: [4, 4]).sampling([5, 4], seed: 1)], on: gang)
        // The last layer gives 1 row of 1 + 5 edges, the first gives those 6, of 1 + 4 edges each.
        #expect(model.work.partRunCount == 1 && model.work.wholeRunCount == 0)
        #expect(model.work.rowCount == 1 + 6)
        #expect(model.work.edgeCount == 6 + 6 * 5)
        _ = model.execute([one, try InferenceInput(nodes: [4]).sampling([5, 4], seed: 2)], on: gang)
        #expect(model.work.partRunCount == 3 && model.work.rowCount == 3 * 7)
    }
}
