import ModelFiles

extension FeatureGraph {
    /// Reads the graph that `description` names, out of `weights` if it lies in there.
    ///
    /// - Throws: `ModelFileError` naming the tensor that is missing or does not fit the network.
    init(
        _ description: ResidentGraphDescription, folder: String, weights: SafetensorsFile, network: GraphNetwork
    ) throws(ModelFileError) {
        let path = "\(folder)/\(description.file)"
        let file = path == weights.file ? weights : try SafetensorsFile(path: path)
        guard let shape = file[description.features]?.shape else {
            throw file.error(description.features, "is missing")
        }
        guard shape.count == 2, shape[1] == network.featureCount, (1...Adjacency.nodeCountMax).contains(shape[0])
        else {
            throw file.error(
                description.features,
                "expected shape [1 to \(Adjacency.nodeCountMax), \(network.featureCount)], got \(shape)")
        }
        guard let edgeShape = file[description.edges]?.shape else { throw file.error(description.edges, "is missing") }
        guard edgeShape.count == 2, edgeShape[0] == 2 else {
            throw file.error(description.edges, "expected shape [2, edges], got \(edgeShape)")
        }
        let features = try file.floats(description.features, shape: shape)
        let edges = try file.integers(description.edges, shape: edgeShape)
        do throws(GraphError) {
            try self.init(
                nodeCount: shape[0], features: features, featureCount: shape[1],
                normalization: network.featureNormalization, edges: edges)
        } catch {
            throw ModelFileError(file: path, field: "resident graph", problem: "\(error)")
        }
    }
}
