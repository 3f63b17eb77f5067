import Compute
import Models
import TestSupport
import Testing
import Vocabulary

@testable import GraphModels

/// Networks against sums done by hand and against the papers' formulas in double precision.
@Suite("GraphNetwork")
struct GraphNetworkTests {
    private func logits(
        _ model: GraphModel, _ input: InferenceInput, gang: ComputeGang = ComputeGang(threadCount: 1)
    ) throws -> [Float] {
        _ = try model.sampleCount(of: input)
        return try model.execute([input], on: gang)[0].get().logits
    }

    private func input(features: [Float], shape: [Int], edges: [Int64]) throws -> InferenceInput {
        InferenceInput(tensors: [
            NamedTensor("features", try Tensor(features, shape: shape)),
            NamedTensor("edges", try Tensor(edges, shape: [2, edges.count / 2])),
        ])
    }

    @Test("a convolution over a path of three nodes gives what the formula gives by hand")
    func convolvesByHand() throws {
        let folder = try ModelFolder()
        var tensors = StoredTensors()
        tensors.add("l.weight", [2], shape: [1, 1])
        tensors.add("l.bias", [1], shape: [1])
        try folder.write(tensors.bytes, to: "model.safetensors")
        try folder.describe(#"{"layers": [{"kind": "gcn", "tensors": "l"}]}"#)
        // 0 — 1 — 2, so d = 2, 3, 2; x = 1, 10, 100.
        let path = try input(features: [1, 10, 100], shape: [3, 1], edges: [0, 1, 1, 2, 1, 0, 2, 1])
        let root6: Float = 2.4494897
        let expected: [Float] = [
            1 + 2 * (1 / 2 + 10 / root6), 1 + 2 * (101 / root6 + 10 / 3), 1 + 2 * (50 + 10 / root6),
        ]
        for (actual, expected) in zip(try logits(try folder.model(), path), expected) {
            #expect(abs(actual - expected) < 1e-5 * expected)
        }
    }

    @Test("an attention head weighs its sources by the softmax of its logits")
    func attendsByHand() throws {
        let folder = try ModelFolder()
        var tensors = StoredTensors()
        tensors.add("h.weight", [1], shape: [1, 1])
        tensors.add("h.att_src.weight", [1], shape: [1])
        tensors.add("h.att_dst.weight", [0], shape: [1])
        try folder.write(tensors.bytes, to: "model.safetensors")
        try folder.describe(#"{"layers": [{"kind": "gat", "heads": ["h"], "attention_slope": 0.5}]}"#)
        // 1 → 0 with z = 0 and ln 3: weights 1 and 3. 3 → 2 with z = 0 and -2 ln 3: the slope makes it 1 and 1/3.
        let ln3: Float = 1.0986123
        let graph = try input(features: [0, ln3, 0, -2 * ln3], shape: [4, 1], edges: [1, 3, 0, 2])
        let expected = [0.75 * ln3, ln3, -0.25 * 2 * ln3, -2 * ln3]
        for (actual, expected) in zip(try logits(try folder.model(), graph), expected) {
            #expect(abs(actual - expected) < 1e-6)
        }
    }

    @Test("huge attention logits do not overflow the softmax")
    func staysFinite() throws {
        let folder = try ModelFolder()
        var tensors = StoredTensors()
        tensors.add("h.weight", [1], shape: [1, 1])
        tensors.add("h.att_src.weight", [1e6], shape: [1])
        tensors.add("h.att_dst.weight", [-1e6], shape: [1])
        try folder.write(tensors.bytes, to: "model.safetensors")
        try folder.describe(#"{"layers": [{"kind": "gat", "heads": ["h"]}]}"#)
        let graph = try input(features: [1, 100], shape: [2, 1], edges: [0, 1, 1, 0])
        // Both nodes hear node 1 only: the other one is 10^7 behind, even after the slope of 0.2.
        #expect(try logits(try folder.model(), graph) == [100, 100])
    }

    static let shapes = [
        NetworkShape(description: "one gcn", featureCount: 5, layers: [.init(kind: .convolution(outputs: 3))]),
        NetworkShape(
            description: "gcn, relu, gcn", featureCount: 40,
            layers: [
                .init(kind: .convolution(outputs: 17), activation: "relu"), .init(kind: .convolution(outputs: 4)),
            ]),
        NetworkShape(
            description: "gat concatenated, elu, gat mean", featureCount: 33,
            layers: [
                .init(kind: .attention(heads: 3, outputs: 5, merge: .concatenate), activation: "elu"),
                .init(kind: .attention(heads: 4, outputs: 7, merge: .mean)),
            ]),
        NetworkShape(
            description: "residual projections", featureCount: 9,
            layers: [
                .init(
                    kind: .attention(heads: 2, outputs: 3, merge: .concatenate), activation: "relu",
                    residual: "skip.0"),
                .init(kind: .convolution(outputs: 2), residual: "skip.1"),
            ]),
        NetworkShape(
            description: "residual identities", featureCount: 6,
            layers: [
                .init(kind: .convolution(outputs: 6), activation: "elu", residual: "identity"),
                .init(kind: .attention(heads: 2, outputs: 6, merge: .mean), residual: "identity"),
            ]),
        NetworkShape(
            description: "one output", featureCount: 1,
            layers: [.init(kind: .attention(heads: 1, outputs: 1, merge: .mean))]),
    ]

    @Test("random networks agree with the reference, dense and sparse", arguments: shapes, [1.0, 0.05])
    func agreesWithReference(shape: NetworkShape, density: Double) throws {
        let random = try RandomModel(shape, seed: 11)
        let graph = RandomGraph(
            nodeCount: 60, edgeCount: 200, featureCount: shape.featureCount, density: density, seed: 12)
        let actual = try logits(try random.folder.model(), try InferenceInput(graph: graph))
        let expected = random.reference.run(graph.rows, sources: graph.sources).flatMap(\.self)
        #expect(actual.count == expected.count)
        // Some hundred float32 roundings of 6e-8 each on values that grow to some tens.
        for (actual, expected) in zip(actual, expected) {
            #expect(abs(Double(actual) - expected) < 2e-5 * max(1, abs(expected)), "\(actual) for \(expected)")
        }
    }

    @Test("a node's logits have the same bits on one thread and on three", arguments: shapes)
    func isIndependentOfThreads(shape: NetworkShape) throws {
        let random = try RandomModel(shape, seed: 21)
        let graph = RandomGraph(
            nodeCount: 5_000, edgeCount: 20_000, featureCount: shape.featureCount, density: 0.5, seed: 22)
        let model = try random.folder.model()
        let alone = try logits(model, try InferenceInput(graph: graph))
        #expect(try logits(model, try InferenceInput(graph: graph), gang: ComputeGang(threadCount: 3)) == alone)
    }

    @Test("the order in which edges are listed does not change a bit")
    func isIndependentOfEdgeOrder() throws {
        let random = try RandomModel(Self.shapes[2], seed: 31)
        let graph = RandomGraph(nodeCount: 30, edgeCount: 90, featureCount: 33, density: 1, seed: 32)
        let reversed = graph.edges[0..<90].reversed() + graph.edges[90..<180].reversed()
        let model = try random.folder.model()
        let forwards = try input(features: graph.features, shape: [30, 33], edges: graph.edges)
        let backwards = try input(features: graph.features, shape: [30, 33], edges: Array(reversed))
        #expect(try logits(model, forwards) == logits(model, backwards))
    }
}
