package import Compute
package import ModelFiles
package import Models
import Synchronization
package import Vocabulary

/// A graph network that classifies nodes: of the graph it holds, or of one sent along.
///
/// | input | type | shape | |
/// |---|---|---|---|
/// | `nodes` | INT64 | `[n]` | the nodes to answer for, in this order; all of the graph when absent |
/// | `features` | FP32 | `[N, F]` | the nodes of a graph sent along |
/// | `edges` | INT64 | `[2, E]` | its edges: source nodes, then destination nodes; comes with `features` |
/// | `fanout` | INT64 | `[layers]` | most neighbours heard, from the last layer backwards; all when absent or 0 |
/// | `sampling_seed` | INT64 | `[1]` | decides which; 0 when absent |
///
/// | output | type | shape | |
/// |---|---|---|---|
/// | `scores` | FP32 | `[n, classes]` | probabilities: the softmax of the logits |
/// | `logits` | FP32 | `[n, classes]` | what the last layer gives |
///
/// Every tenant may change features of nodes of the resident graph for itself (see `GraphHolder`).
///
/// A request counts as one sample. All requests of a batch that ask about the resident graph with the same sampling of
/// neighbours share one run of the network, but for those of tenants that have changed it; graphs sent along run one
/// after another. A run goes over the part of the graph that the answers depend on (see `ReceptiveField`) when that
/// costs at most half of the run of the whole graph (see `RunCosts`). The bits of an answer depend neither on this nor
/// on the other requests.
package final class GraphModel: BatchModel {
    package let description: ModelDescription
    let network: GraphNetwork
    let resident: FeatureGraph?
    let limits: GraphRequestLimits
    /// What tenants have changed of the resident graph.
    let changes: Mutex<NodeChanges>
    /// Engine thread only, as all that follows.
    var workspace = Workspace()
    /// For each node of the resident graph -1, except while a receptive field is searched.
    private var positions: [Int32]
    /// What has been computed so far.
    package internal(set) var work = GraphWork()

    /// Loads the model in `folder`: `graph.json`, `model.safetensors`, and the file of the resident graph if that is
    /// another one.
    ///
    /// - Parameters:
    ///   - folder: the folder of the model's version.
    ///   - name: what the model is called.
    ///   - version: which version of it this is.
    ///   - batchSizeMax: most requests in one execution, at least 1.
    ///   - labels: names of the classes that replace those of `graph.json`; empty to keep those.
    ///   - limits: what requests may ask for.
    ///   - updateByteCountMax: bytes for what tenants change of the resident graph; 0 for no changes.
    /// - Throws: `ModelFileError` naming the file and the key or tensor in it.
    package init(
        folder: String, name: ModelName, version: ModelVersion, batchSizeMax: Int, labels: [String] = [],
        limits: GraphRequestLimits = GraphRequestLimits(), updateByteCountMax: Int = 0
    ) throws(ModelFileError) {
        precondition(batchSizeMax >= 1, "batchSizeMax \(batchSizeMax)")
        precondition(updateByteCountMax >= 0, "updateByteCountMax \(updateByteCountMax)")
        let path = "\(folder)/graph.json"
        let graph = try GraphDescription(path: path)
        let weights = try SafetensorsFile(path: "\(folder)/model.safetensors")
        network = try GraphNetwork(graph, weights: weights)
        let labels = labels.isEmpty ? graph.labels : labels
        guard labels.isEmpty || labels.count == network.classCount else {
            throw ModelFileError(
                file: path, field: "\"labels\"",
                problem: "\(labels.count) labels for a network with \(network.classCount) classes")
        }
        if let residentGraph = graph.residentGraph {
            resident = try FeatureGraph(residentGraph, folder: folder, weights: weights, network: network)
        } else {
            resident = nil
        }
        positions = [Int32](repeating: -1, count: resident?.nodeCount ?? 0)
        self.limits = limits
        changes = Mutex(NodeChanges(byteCountMax: updateByteCountMax, featureCount: network.featureCount))
        description = Self.description(
            of: network, name: name, version: version, batchSizeMax: batchSizeMax, labels: labels,
            residentNodeCount: resident?.nodeCount)
    }

    package func batchKey(of input: InferenceInput) -> BatchKey { .any }

    package func warmUp(on gang: ComputeGang) throws {
        guard let resident else { return }
        _ = try network.run(resident, workspace: workspace, gang: gang)
        workspace.reset()
    }

    package func execute(
        _ batch: [InferenceInput], on gang: ComputeGang
    ) -> [Result<InferenceOutput, ServingError>] {
        var results = [Result<InferenceOutput, ServingError>?](repeating: nil, count: batch.count)
        if let resident {
            let asking = batch.indices.filter { !batch[$0].sendsGraph }
            // What changes from here on is for the next batch.
            let namespaces = changes.withLock { $0.namespaces }
            for (terms, indices) in Dictionary(grouping: asking, by: { RunTerms(batch[$0], namespaces) }) {
                let answers = run(
                    resident, for: indices.map { batch[$0] }, terms, changes: terms.changes(in: namespaces),
                    positions: &positions, on: gang)
                for (index, answer) in zip(indices, answers) { results[index] = answer }
            }
        }
        for index in batch.indices where results[index] == nil {
            results[index] = runSentGraph(of: batch[index], on: gang)
        }
        return results.compactMap(\.self)
    }

    private static func description(
        of network: GraphNetwork, name: ModelName, version: ModelVersion, batchSizeMax: Int, labels: [String],
        residentNodeCount: Int?
    ) -> ModelDescription {
        ModelDescription(
            name: name, version: version, modality: .graph, platform: "apus_graph",
            inputs: [
                TensorDescription(InputName.nodes, .int64, shape: [-1], isOptional: true),
                TensorDescription(
                    InputName.features, .float32, shape: [-1, network.featureCount],
                    isOptional: residentNodeCount != nil),
                TensorDescription(InputName.edges, .int64, shape: [2, -1], isOptional: residentNodeCount != nil),
                TensorDescription(InputName.fanout, .int64, shape: [network.layers.count], isOptional: true),
                TensorDescription(InputName.samplingSeed, .int64, shape: [1], isOptional: true),
            ],
            outputs: [
                TensorDescription(OutputName.scores, .float32, shape: [-1, network.classCount]),
                TensorDescription(OutputName.logits, .float32, shape: [-1, network.classCount]),
            ],
            batchSizeMax: batchSizeMax, labels: labels, residentNodeCount: residentNodeCount ?? 0)
    }
}

/// The names of the inputs of every graph model.
enum InputName {
    static let nodes = "nodes"
    static let features = "features"
    static let edges = "edges"
    static let fanout = "fanout"
    static let samplingSeed = "sampling_seed"
}

/// The names of the outputs of every graph model.
enum OutputName {
    static let scores = "scores"
    static let logits = "logits"
}
