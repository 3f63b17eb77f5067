import Compute
import GraphModels
import Models
import TestSupport
import Testing
import Vocabulary

@Suite("GraphModel")
struct GraphModelTests {
    private static let shape = NetworkShape(
        description: "gat and gcn", featureCount: 4,
        layers: [
            .init(kind: .attention(heads: 2, outputs: 3, merge: .concatenate), activation: "elu"),
            .init(kind: .convolution(outputs: 2)),
        ])
    private let gang = ComputeGang(threadCount: 1)
    private let resident = RandomGraph(nodeCount: 20, edgeCount: 60, featureCount: 4, density: 1, seed: 1)

    /// A model that holds `resident`, in a file of its own.
    private func folder() throws -> ModelFolder {
        let random = try RandomModel(Self.shape, seed: 2)
        var graph = StoredTensors()
        graph.add("x", resident.features, shape: [resident.nodeCount, resident.featureCount])
        graph.add("e", integers: resident.edges, shape: [2, resident.edges.count / 2])
        try random.folder.write(graph.bytes, to: "graph.safetensors")
        try random.folder.describe(
            """
            {"labels": ["a", "b"], "layers": [
              {"kind": "gat", "heads": ["layers.0.heads.0", "layers.0.heads.1"], "activation": "elu",
               "attention_slope": 0.25},
              {"kind": "gcn", "tensors": "layers.1"}],
             "resident_graph": {"file": "graph.safetensors", "features": "x", "edges": "e"}}
            """)
        return random.folder
    }

    private func refusal(_ model: GraphModel, _ tensors: [NamedTensor]) -> String {
        let input = InferenceInput(tensors: tensors)
        do {
            _ = try model.sampleCount(of: input)
            _ = try model.execute([input], on: gang)[0].get()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("the description names inputs, outputs and labels, with the sizes of the weights")
    func describes() throws {
        let description = try folder().model().description
        #expect(description.modality == .graph)
        #expect(description.labels == ["a", "b"])
        #expect(
            description.inputs == [
                TensorDescription("nodes", .int64, shape: [-1], isOptional: true),
                TensorDescription("features", .float32, shape: [-1, 4], isOptional: true),
                TensorDescription("edges", .int64, shape: [2, -1], isOptional: true),
                TensorDescription("fanout", .int64, shape: [2], isOptional: true),
                TensorDescription("sampling_seed", .int64, shape: [1], isOptional: true),
            ])
        #expect(
            description.outputs == [
                TensorDescription("scores", .float32, shape: [-1, 2]),
                TensorDescription("logits", .float32, shape: [-1, 2]),
            ])
        #expect(try folder().model(labels: ["c", "d"]).description.labels == ["c", "d"])
    }

    @Test("a question about some nodes picks the rows of the answer about all, in the order asked")
    func picksRows() throws {
        let model = try folder().model()
        try model.warmUp(on: gang)
        let all = try model.execute([InferenceInput(nodes: nil)], on: gang)[0].get()
        #expect(all.tensor("scores")?.shape == [20, 2])
        let some = try model.execute([InferenceInput(nodes: [7, 0, 7, 19])], on: gang)[0].get()
        var expected: [Float] = []
        for node in [7, 0, 7, 19] { expected += all.logits[2 * node..<2 * node + 2] }
        #expect(some.logits == expected)
        let none = try model.execute([InferenceInput(nodes: [])], on: gang)[0].get()
        #expect(none.tensor("scores")?.shape == [0, 2])
    }

    @Test("scores are the softmax of the logits")
    func givesProbabilities() throws {
        let answer = try folder().model().execute([InferenceInput(nodes: nil)], on: gang)[0].get()
        for node in 0..<20 {
            let sum = answer.scores[2 * node] + answer.scores[2 * node + 1]
            #expect(abs(sum - 1) < 1e-6)
            let higher = answer.logits[2 * node] > answer.logits[2 * node + 1]
            #expect(higher == (answer.scores[2 * node] > answer.scores[2 * node + 1]))
        }
    }

    @Test("every request of a batch has the bits it has alone, failures and graphs sent along among them")
    func isIndependentOfBatch() throws {
        let model = try folder().model()
        let other = RandomGraph(nodeCount: 9, edgeCount: 12, featureCount: 4, density: 1, seed: 3)
        var bad = try InferenceInput(graph: other).tensors
        bad[1] = NamedTensor("edges", try Tensor([0, 9] as [Int64], shape: [2, 1]))
        let batch = [
            try InferenceInput(nodes: [3]), try InferenceInput(graph: other, nodes: [8, 1]),
            try InferenceInput(nodes: nil), InferenceInput(tensors: bad), try InferenceInput(graph: resident),
            try InferenceInput(nodes: [19, 3]),
        ]
        let alone = batch.map { model.execute([$0], on: gang)[0] }
        let together = model.execute(batch, on: gang)
        #expect(together.count == batch.count)
        for (index, pair) in zip(alone, together).enumerated() where index != 3 {
            #expect(try pair.0.get().tensors == pair.1.get().tensors, "request \(index)")
        }
        #expect(throws: ServingError.self) { try together[3].get() }
        // The resident graph sent along is the resident graph.
        #expect(try together[4].get().tensors == together[2].get().tensors)
        for input in batch { #expect(try model.sampleCount(of: input) == 1) }
        #expect(Set(batch.map(model.batchKey)).count == 1)
    }

    @Test("bad requests are refused by the name of what is wrong")
    func refuses() throws {
        let model = try folder().model(limits: GraphRequestLimits(nodeCountMax: 9, edgeCountMax: 2, queryCountMax: 3))
        func nodes(_ ids: [Int64]) throws -> NamedTensor { NamedTensor("nodes", try Tensor(ids, shape: [ids.count])) }
        func features(_ count: Int, _ width: Int = 4, value: Float = 1) throws -> NamedTensor {
            NamedTensor("features", try Tensor([Float](repeating: value, count: count * width), shape: [count, width]))
        }
        func edges(_ ids: [Int64]) throws -> NamedTensor {
            NamedTensor("edges", try Tensor(ids, shape: [2, ids.count / 2]))
        }
        func fanout(_ counts: [Int64]) throws -> NamedTensor {
            NamedTensor("fanout", try Tensor(counts, shape: [counts.count]))
        }
        let cases: [([NamedTensor], String)] = [
            ([try nodes([0, 20])], "node 20 of input 'nodes' is out of range: the graph has 20 nodes"),
            ([try nodes([-1])], "node -1 of input 'nodes' is out of range"),
            ([try nodes([.min])], "is out of range"),
            ([try nodes([0, 0, 0, 0])], "4 nodes in input 'nodes', more than 3"),
            ([try nodes([0]), try nodes([0])], "input 'nodes' already exists"),
            ([NamedTensor("nodes", try Tensor([1] as [Float], shape: [1]))], "expects 'INT64'"),
            ([NamedTensor("nodes", try Tensor([1] as [Int64], shape: [1, 1]))], "Expected [-1], got [1,1]"),
            ([NamedTensor("ids", try Tensor([1] as [Int64], shape: [1]))], "unexpected inference input 'ids'"),
            ([try features(2)], "input 'features' came without input 'edges'"),
            ([try edges([0, 0])], "input 'edges' came without input 'features'"),
            ([try features(2, 3), try edges([])], "Expected [-1,4], got [2,3]"),
            ([try features(10), try edges([])], "10 nodes in input 'features', more than 9"),
            ([try features(2), try edges([0, 0, 0, 1, 1, 1])], "3 edges in input 'edges', more than 2"),
            ([try features(2), try edges([0, 2])], "edge 0 names node 2, but the graph has nodes 0 to 1"),
            ([try fanout([1])], "unexpected shape for input 'fanout' for model 'test'. Expected [2], got [1]"),
            ([try fanout([1, -1])], "-1 in input 'fanout' is out of range"),
            ([try fanout([.max, 0])], "9223372036854775807 in input 'fanout' is out of range"),
            ([NamedTensor("sampling_seed", try Tensor([1] as [Float], shape: [1]))], "expects 'INT64'"),
            ([try features(2), try edges([]), try nodes([2])], "node 2 of input 'nodes' is out of range"),
            ([try features(0), try edges([0, 0])], "edge 0 names node 0"),
            ([try features(2, value: .nan), try edges([])], "feature 0 of node 0 is infinite or not a number"),
        ]
        for (tensors, expected) in cases {
            let refusal = refusal(model, tensors)
            #expect(refusal.hasPrefix("INVALID_ARGUMENT: "))
            #expect(refusal.contains(expected), "\(refusal)")
            #expect(refusal.contains("model 'test'"), "\(refusal)")
        }
        #expect(refusal(model, [try features(0), try edges([])]) == "no error")
    }

    @Test("a model that holds no graph says so when none is sent")
    func needsGraph() throws {
        let model = try RandomModel(Self.shape, seed: 4).folder.model()
        #expect(refusal(model, []).hasPrefix("FAILED_PRECONDITION: model 'test' holds no graph"))
        try model.warmUp(on: gang)
        #expect(try model.execute([InferenceInput(graph: resident)], on: gang)[0].get().logits.count == 40)
    }
}
