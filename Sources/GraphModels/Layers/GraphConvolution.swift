import Compute

/// A graph convolution: y_i = activation(Σ_j x_j · W / √(d_i · d_j) + b), over the nodes j that i hears from.
///
/// d is the number of nodes that a node hears from, itself included: for an undirected graph its degree plus one. Of a
/// part of a graph it is still the whole graph's. A sampled neighbour counts as often as it stands for one, so that the
/// sum over samples is on average the sum over all.
///
/// - Source: Kipf and Welling 2017, equation 2.
struct GraphConvolution: Sendable {
    let projection: NodeProjection
    let output: NodeOutput

    var outputCount: Int { projection.outputCount }

    /// `[adjacency.rowCount, outputCount]` in `workspace`, of an input for all `adjacency.nodeCount` nodes.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    func apply(
        to input: NodeValues, adjacency: Adjacency, workspace: Workspace, gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        let rowCount = adjacency.rowCount
        let projected = try projection.apply(
            to: input, nodeCount: adjacency.nodeCount, workspace: workspace, gang: gang)
        let residual = try output.residualValues(of: input, nodeCount: rowCount, workspace: workspace, gang: gang)
        let result = try UnsafeMutableNodeMatrix(nodeCount: rowCount, columnCount: outputCount, in: workspace)
        let kernels = gang.kernels
        let nodesPerRange = adjacency.nodesPerRange(valuesPerEdge: outputCount)
        adjacency.withUnsafeRows { rows in
            gang.parallelFor(count: rowCount, minimumPerThread: nodesPerRange) { nodes in
                for node in nodes {
                    gather(node, rows, projected, into: result[node], kernels: kernels)
                    output.finish(result[node], of: node, adding: residual, kernels: kernels)
                }
            }
        }
        return result.values
    }

    /// `sum = Σ_j s_j · z_j / √(d_i · d_j)` for one node; s is 1 but for sampled neighbours.
    private func gather(
        _ node: Int, _ rows: UnsafeAdjacency, _ projected: UnsafeNodeMatrix, into sum: UnsafeMutablePointer<Float>,
        kernels: Kernels
    ) {
        let size = projected.columnCount
        let scale = rows.inverseRootDegrees[node]
        let neighbourScale = scale * rows.neighbourScale(node)
        sum.update(repeating: 0, count: size)
        for source in rows.row(node) {
            let source = Int(source)
            let scale = (source == node ? scale : neighbourScale) * rows.inverseRootDegrees[source]
            kernels.addScaled(size: size, scale, projected[source], to: sum)
        }
    }
}

extension Adjacency {
    /// Values to gather that are worth a range of nodes of their own on another thread: some 10 µs.
    private static let gatheredValuesPerRangeMin = 1 << 15

    /// The fewest nodes that are worth a range of their own when each edge costs `valuesPerEdge` values.
    func nodesPerRange(valuesPerEdge: Int) -> Int {
        let valuesPerNode = max(1, edgeCount / max(1, rowCount) * valuesPerEdge)
        return max(1, Self.gatheredValuesPerRangeMin / valuesPerNode)
    }
}
