import Compute
import Models
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import GraphModels

/// Goal: a tenant that has changed a graph has the answers of a model that was loaded with its changes, and nobody else
/// notices.
@Suite("GraphModel: updates")
struct GraphModelUpdatesTests {
    private let gang = ComputeGang(threadCount: 1)
    private static let (acme, globex) = (TenantID("acme"), TenantID("globex"))

    private func update(_ nodes: [UInt32], _ rows: [Float]) throws -> NodeUpdate {
        let features = nodes.isEmpty ? nil : try Tensor(rows, shape: [nodes.count, rows.count / nodes.count])
        return NodeUpdate(nodes: nodes, features: features)
    }

    @Test(
        "the answers are those of a model that was loaded with the changed features, by part and by whole graph",
        arguments: GraphNetworkTests.shapes, [(1.0, "none"), (1.0, "row_sum"), (0.03, "none")])
    func equalsLoaded(shape: NetworkShape, kind: (density: Double, normalization: String)) throws {
        let random = try RandomModel(shape, seed: 91)
        let graph = RandomGraph(
            nodeCount: 3_000, edgeCount: 7_000, featureCount: shape.featureCount, density: kind.density, seed: 92)
        try random.hold(graph, normalization: kind.normalization)
        let model = try random.folder.model(updateByteCountMax: 1 << 20)
        let nodes = (0..<40).map { UInt32($0 * 71) }
        let rows = RandomGraph(
            nodeCount: 40, edgeCount: 0, featureCount: shape.featureCount, density: kind.density, seed: 93
        ).features
        var features = graph.features
        for (index, node) in nodes.enumerated() {
            let width = shape.featureCount
            features.replaceSubrange(
                Int(node) * width..<(Int(node) + 1) * width, with: rows[index * width..<(index + 1) * width])
        }
        try random.hold(
            RandomGraph(nodeCount: 3_000, featureCount: shape.featureCount, features: features, edges: graph.edges),
            normalization: kind.normalization)
        let loaded = try random.folder.model()
        let status = try model.update(try update(nodes, rows), for: Self.acme)
        #expect(status.nodeCount == 40 && status.byteCount == 40 * (64 + 4 * shape.featureCount))
        let questions = try [[71], [142, 5, 2_999], [], nil].map { try InferenceInput(nodes: $0) }
        for question in questions {
            let expected = try loaded.execute([question], on: gang)[0].get().tensors
            #expect(try model.execute([question.asked(by: Self.acme)], on: gang)[0].get().tensors == expected)
        }
        #expect(model.work == loaded.work, "it computes as much")
    }

    private func smallModel(updateByteCountMax: Int = 1 << 20) throws -> GraphModel {
        let shape = NetworkShape(
            description: "gcn", featureCount: 3,
            layers: [.init(kind: .convolution(outputs: 3)), .init(kind: .convolution(outputs: 2))])
        let random = try RandomModel(shape, seed: 94)
        try random.hold(RandomGraph(nodeCount: 500, edgeCount: 1_000, featureCount: 3, density: 1, seed: 95))
        return try random.folder.model(updateByteCountMax: updateByteCountMax)
    }

    @Test("no other tenant's answer changes, in company or alone, and what was taken back is as before")
    func isPrivate() throws {
        let model = try smallModel()
        let plain = try [[0, 1], nil].map { try InferenceInput(nodes: $0) }
        let sampled = try plain[0].sampling([2, 2], seed: 3)
        let questions = plain + [sampled]
        let before = try questions.map { try model.execute([$0], on: gang)[0].get().tensors }
        _ = try model.update(try update([0, 1], [1, 2, 3, 4, 5, 6]), for: Self.acme)
        _ = try model.update(try update([0], [9, 9, 9]), for: Self.globex)
        var batch: [InferenceInput] = []
        for tenant in [nil, Self.acme, Self.globex, TenantID("other")] {
            batch += questions.map { $0.asked(by: tenant) }
        }
        let alone = try batch.map { try model.execute([$0], on: gang)[0].get().tensors }
        let runsBefore = model.work.wholeRunCount + model.work.partRunCount
        #expect(try model.execute(batch, on: gang).map { try $0.get().tensors } == alone)
        // Three views times sampled and not.
        #expect(model.work.wholeRunCount + model.work.partRunCount == runsBefore + 6)
        #expect(Array(alone[0..<3]) == before && Array(alone[9..<12]) == before)
        for index in 0..<3 {
            #expect(alone[3 + index] != before[index] && alone[6 + index] != before[index])
            #expect(alone[3 + index] != alone[6 + index])
        }
        let restored = try model.update(NodeUpdate(nodes: [], features: nil, restored: [1, 7]), for: Self.acme)
        #expect(restored.nodeCount == 1)
        let all = try model.update(NodeUpdate(nodes: [], features: nil, restoresAll: true), for: Self.acme)
        #expect(all == NodeUpdateStatus(nodeCount: 0, byteCount: 0))
        for (question, expected) in zip(questions, before) {
            #expect(try model.execute([question.asked(by: Self.acme)], on: gang)[0].get().tensors == expected)
        }
        #expect(try model.execute([batch[6]], on: gang)[0].get().tensors == alone[6], "globex keeps its own")
    }

    @Test("a graph sent along is nobody's to change")
    func sentGraph() throws {
        let model = try smallModel()
        let graph = RandomGraph(nodeCount: 9, edgeCount: 12, featureCount: 3, density: 1, seed: 96)
        let question = try InferenceInput(graph: graph)
        let before = try model.execute([question], on: gang)[0].get().tensors
        _ = try model.update(try update([0, 1], [1, 2, 3, 4, 5, 6]), for: Self.acme)
        #expect(try model.execute([question.asked(by: Self.acme)], on: gang)[0].get().tensors == before)
    }

    private func refusal(_ model: GraphModel, _ update: NodeUpdate) -> String {
        do {
            _ = try model.update(update, for: Self.acme)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("a bad update is refused by the name of what is wrong, and changes nothing")
    func refuses() throws {
        let model = try smallModel(updateByteCountMax: 2 * (64 + 12))
        _ = try model.update(try update([4], [1, 1, 1]), for: Self.globex)
        let cases: [(NodeUpdate, String)] = [
            (try update([1, 500], [1, 2, 3, 4, 5, 6]), "INVALID_ARGUMENT: nodes: node 500 is out of range"),
            (try update([.max], [1, 2, 3]), "nodes: node 4294967295 is out of range: the graph has 500 nodes"),
            (NodeUpdate(nodes: [], features: nil, restored: [500]), "restored_nodes: node 500 is out of range"),
            (try update([1], [1, 2]), "features: expected shape [1, 3] for model 'test', got [1, 2]"),
            (try update([1, 7], [1, 2, 3, 4, .nan, 6]), "features: feature 1 of node 7 is infinite or not a number"),
            (
                try update([1, 7], [1, 2, 3, 4, 5, 6]),
                "RESOURCE_EXHAUSTED: model 'test' has 152 bytes for updates of nodes, 76 too few"
            ),
        ]
        for (update, expected) in cases {
            let refusal = refusal(model, update)
            #expect(refusal.contains(expected), "\(refusal)")
        }
        #expect(model.changes.withLock { $0.namespaces.count } == 1)
        #expect(refusal(model, try update([7], [1, 2, 3])) == "no error")
    }

    @Test("a model without memory for updates says how to give it some, one without a graph that it has none")
    func isOff() throws {
        let off = refusal(try smallModel(updateByteCountMax: 0), try update([1], [1, 2, 3]))
        #expect(off.hasPrefix("FAILED_PRECONDITION: ") && off.contains("\"graph: {update_memory: 16MiB}\""), "\(off)")
        let empty = try RandomModel(GraphNetworkTests.shapes[0], seed: 97).folder.model(updateByteCountMax: 1 << 20)
        #expect(refusal(empty, try update([], [])) == "FAILED_PRECONDITION: model 'test' holds no graph")
    }
}
