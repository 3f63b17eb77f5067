import Compute
import Models
import Vocabulary

extension InferenceInput {
    /// A question about the resident graph; nil for all its nodes.
    init(nodes: [Int64]?) throws {
        self.init(tensors: try nodes.map { [NamedTensor("nodes", try Tensor($0, shape: [$0.count]))] } ?? [])
    }

    /// The same question of a tenant.
    func asked(by tenant: TenantID?) -> InferenceInput {
        var input = self
        input.tenant = tenant
        return input
    }

    /// The same question with a sample of the neighbours, from the last layer backwards.
    func sampling(_ fanout: [Int64], seed: UInt64) throws -> InferenceInput {
        InferenceInput(
            tensors: tensors + [
                NamedTensor("fanout", try Tensor(fanout, shape: [fanout.count])),
                NamedTensor("sampling_seed", try Tensor([Int64(bitPattern: seed)], shape: [1])),
            ])
    }

    /// A question about `graph`, sent along.
    init(graph: RandomGraph, nodes: [Int64]? = nil) throws {
        var tensors = try InferenceInput(nodes: nodes).tensors
        tensors.append(
            NamedTensor("features", try Tensor(graph.features, shape: [graph.nodeCount, graph.featureCount])))
        tensors.append(NamedTensor("edges", try Tensor(graph.edges, shape: [2, graph.edges.count / 2])))
        self.init(tensors: tensors)
    }
}

extension InferenceOutput {
    /// The elements of `logits`, row-major.
    var logits: [Float] { tensor("logits")?.array(of: Float.self) ?? [] }
    /// The elements of `scores`, row-major.
    var scores: [Float] { tensor("scores")?.array(of: Float.self) ?? [] }

    /// The rows of some nodes of an answer about all.
    func rows(_ nodes: [Int64], classCount: Int) -> (logits: [Float], scores: [Float]) {
        var (rowLogits, rowScores): ([Float], [Float]) = ([], [])
        let (logits, scores) = (logits, scores)
        for node in nodes {
            let row = Int(node) * classCount..<(Int(node) + 1) * classCount
            rowLogits += logits[row]
            rowScores += scores[row]
        }
        return (rowLogits, rowScores)
    }
}
