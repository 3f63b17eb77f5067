import Compute
import Foundation
import GraphModels
import Models
import TestSupport
import Testing
import Vocabulary

/// Models trained by others and by us, on the graphs they were trained for.
@Suite("Trained graph models")
struct TrainedModelTests {
    private let gang = ComputeGang(threadCount: 2)

    private func lines(_ path: String) throws -> [Substring] {
        try String(contentsOf: SharedData.url(path), encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
    }

    /// The authors' weights under the authors' names, and Cora as the graph.
    private func cora() throws -> ModelFolder {
        let folder = try ModelFolder()
        let weights = try SharedData.url("graph-gat-cora/gat_cora_velickovic.safetensors")
        try folder.write(Array(Data(contentsOf: weights)), to: "model.safetensors")
        let heads = (0..<8).map { "\"heads.\($0)\"" }.joined(separator: ", ")
        try folder.describe(
            """
            {"feature_normalization": "row_sum",
             "layers": [{"kind": "gat", "heads": [\(heads)], "activation": "elu"}, {"kind": "gat", "heads": ["out"]}],
             "resident_graph": {"file": "cora.safetensors", "features": "features", "edges": "edges"}}
            """)
        var features = [Float](repeating: 0, count: 2708 * 1433)
        for (node, line) in try lines("graph-planetoid/cora.features.txt").prefix(2708).enumerated() {
            for word in line.split(separator: " ") { features[node * 1433 + Int(word)!] = 1 }
        }
        var pairs: [(Int64, Int64)] = []
        for line in try lines("graph-planetoid/cora.edges.tsv") where !line.isEmpty {
            let ends = line.split(separator: "\t").map { Int64($0)! }
            pairs += [(ends[0], ends[1]), (ends[1], ends[0])]
        }
        var graph = StoredTensors()
        graph.add("features", features, shape: [2708, 1433])
        graph.add("edges", integers: pairs.map(\.0) + pairs.map(\.1), shape: [2, pairs.count])
        try folder.write(graph.bytes, to: "cora.safetensors")
        return folder
    }

    private struct Split: Decodable {
        let test: [Int64]
    }

    @Test("the authors' GAT has their 84.4 % on the Cora test nodes", .enabled(if: SharedData.isPresent))
    func reproducesGAT() throws {
        let model = try cora().model()
        let split = try JSONDecoder().decode(
            Split.self, from: Data(contentsOf: SharedData.url("graph-planetoid/cora.split.json")))
        let classes = try lines("graph-planetoid/cora.labels.txt").prefix(2708).map { Int($0)! }
        let input = try InferenceInput(nodes: split.test)
        #expect(try model.sampleCount(of: input) == 1)
        let answer = try model.execute([input], on: gang)[0].get()
        let predicted = predictedClasses(answer.scores, classCount: 7)
        #expect(predicted.count == 1000)
        #expect(zip(split.test, predicted).count { classes[Int($0.0)] == $0.1 } == 844)

        // Logits of a forward pass in double precision, done apart from this program with numpy.
        let expected: [Float] = [
            -0.49160122, -0.55781452, -0.32321426, 1.57722797, -0.23555935, -1.15231049, -0.70583581,
            -0.29832725, -0.33583781, 0.03300344, 0.07491202, -0.59072499, -0.41589287, -0.54144826,
            -0.32783039, -0.58662489, -0.29160188, 1.10515904, -0.00623805, -0.88167167, -0.93251766,
        ]
        let logits = try model.execute([InferenceInput(nodes: [0, 1708, 2707])], on: gang)[0].get().logits
        for (actual, expected) in zip(logits, expected) { #expect(abs(actual - expected) < 1e-5) }
    }

    @Test("the example model karate tells 31 of 32 members apart, all but node 8")
    func servesKarate() throws {
        let package = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        let model = try GraphModel(
            folder: package.appending(path: "Sources/ApusServer/ExampleModels/karate/1").path,
            name: ModelName("karate")!, version: ModelVersion(1)!, batchSizeMax: 8)
        #expect(model.description.labels == ["Mr. Hi", "Officer"])
        let answer = try model.execute([InferenceInput(nodes: nil)], on: gang)[0].get()
        let withMrHi: Set = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21]
        let predicted = predictedClasses(answer.scores, classCount: 2)
        #expect(predicted.count == 34)
        let wrong = predicted.indices.filter { predicted[$0] != (withMrHi.contains($0) ? 0 : 1) }
        #expect(wrong == [8])
        #expect(answer.scores[0] > 0.99)
        #expect(answer.scores[2 * 33 + 1] > 0.99)
    }

    private func predictedClasses(_ scores: [Float], classCount: Int) -> [Int] {
        stride(from: 0, to: scores.count, by: classCount).map { begin in
            (0..<classCount).max { scores[begin + $0] < scores[begin + $1] } ?? 0
        }
    }
}
