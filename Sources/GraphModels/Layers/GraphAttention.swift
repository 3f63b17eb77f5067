import Compute
import Glibc

/// Graph attention: each head lets a node weigh the nodes it hears from.
///
/// ```
/// z = x · W        e_ij = leaky(a_dst · z_i + a_src · z_j)        y_i = Σ_j softmax_j(e_ij) · z_j
/// ```
///
/// The heads' outputs are concatenated or averaged; residual connection, bias and activation follow.
///
/// - Source: Veličković et al. 2018, equations 1 to 6.
struct GraphAttention: Sendable {
    /// What one end of an edge adds to its logit, for all heads.
    struct EndWeights: Sendable {
        /// `[headCount, outputCountPerHead]`.
        let vectors: [Float]
        /// `[headCount]`.
        let biases: [Float]
    }

    let headCount: Int
    /// The projections of all heads side by side: `[inputCount, headCount · outputCountPerHead]`.
    let projection: NodeProjection
    /// For the node that is heard.
    let source: EndWeights
    /// For the node that hears.
    let destination: EndWeights
    let merge: HeadMerge
    /// From 0 to 1, so that `leaky` does not fall.
    let slope: Float
    let output: NodeOutput

    private var outputCountPerHead: Int { projection.outputCount / headCount }
    var outputCount: Int { merge == .concatenate ? projection.outputCount : outputCountPerHead }

    /// `[adjacency.rowCount, outputCount]` in `workspace`, of an input for all `adjacency.nodeCount` nodes.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    func apply(
        to input: NodeValues, adjacency: Adjacency, workspace: Workspace, gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        let (nodeCount, rowCount) = (adjacency.nodeCount, adjacency.rowCount)
        let projected = try projection.apply(to: input, nodeCount: nodeCount, workspace: workspace, gang: gang)
        let residual = try output.residualValues(of: input, nodeCount: rowCount, workspace: workspace, gang: gang)
        let logits = EndLogits(
            source: try UnsafeMutableNodeMatrix(nodeCount: nodeCount, columnCount: headCount, in: workspace),
            destination: try UnsafeMutableNodeMatrix(nodeCount: rowCount, columnCount: headCount, in: workspace))
        let scratch = try UnsafeMutableNodeMatrix(
            nodeCount: gang.threadCount, columnCount: outputCountPerHead, in: workspace)
        let result = try UnsafeMutableNodeMatrix(nodeCount: rowCount, columnCount: outputCount, in: workspace)
        computeLogits(source, projected, nodeCount: nodeCount, into: logits.source, gang: gang)
        computeLogits(destination, projected, nodeCount: rowCount, into: logits.destination, gang: gang)
        let nodesPerRange = adjacency.nodesPerRange(valuesPerEdge: projection.outputCount)
        adjacency.withUnsafeRows { rows in
            let gather = Gather(
                rows: rows, projected: projected, logits: logits, slope: slope, headCount: headCount,
                size: outputCountPerHead, kernels: gang.kernels)
            gang.parallelFor(
                count: rowCount, minimumPerThread: nodesPerRange,
                perThread: { nodes, thread in
                    for node in nodes {
                        switch merge {
                        case .concatenate: gather.concatenate(node, into: result[node])
                        case .mean: gather.average(node, into: result[node], scratch: scratch[thread])
                        }
                        output.finish(result[node], of: node, adding: residual, kernels: gather.kernels)
                    }
                })
        }
        return result.values
    }

    /// What one end of an edge adds to its logit, for each node, so that no tensor over edges is ever made.
    private func computeLogits(
        _ end: EndWeights, _ projected: UnsafeNodeMatrix, nodeCount: Int, into logits: UnsafeMutableNodeMatrix,
        gang: ComputeGang
    ) {
        let size = outputCountPerHead
        let headCount = headCount
        let kernels = gang.kernels
        end.vectors.withUnsafeBufferPointer { vectors in
            end.biases.withUnsafeBufferPointer { biases in
                guard let vectors = vectors.baseAddress else { return }
                // 2^15 multiply-adds in such short products are some 10 µs.
                gang.parallelFor(count: nodeCount, minimumPerThread: max(1, (1 << 15) / projected.columnCount)) {
                    for node in $0 {
                        for head in 0..<headCount {
                            let offset = head * size
                            logits[node][head] =
                                kernels.dot(size: size, projected[node] + offset, vectors + offset) + biases[head]
                        }
                    }
                }
            }
        }
    }
}

/// What the two ends of an edge add to its attention logit: `[nodeCount, headCount]` the one that is heard,
/// `[rowCount, headCount]` the one that hears.
private struct EndLogits {
    let source: UnsafeMutableNodeMatrix
    let destination: UnsafeMutableNodeMatrix
}

/// One pass over the nodes that a node hears from: softmax of the logits and weighted sum together.
private struct Gather {
    let rows: UnsafeAdjacency
    let projected: UnsafeNodeMatrix
    let logits: EndLogits
    let slope: Float
    let headCount: Int
    /// Outputs per head.
    let size: Int
    let kernels: Kernels

    /// `row = [headCount, size]`, the outputs of the heads one behind the other.
    func concatenate(_ node: Int, into row: UnsafeMutablePointer<Float>) {
        for head in 0..<headCount { attend(node, head: head, scale: 1, into: row + head * size) }
    }

    /// `row = [size]`, the mean of the heads; `scratch` is of that size too.
    func average(_ node: Int, into row: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
        row.update(repeating: 0, count: size)
        for head in 0..<headCount {
            attend(node, head: head, scale: 1 / Float(headCount), into: scratch)
            kernels.add(size: size, scratch, to: row)
        }
    }

    /// `sum = scale · Σ_j softmax_j(e_j) · z_j` for one head of one node; in the softmax a sampled neighbour counts as
    /// often as it stands for one.
    ///
    /// The logits are taken relative to the highest, so that no exponential overflows. `leaky` does not fall, so the
    /// highest belongs to the highest source and costs no exponential to find.
    private func attend(_ node: Int, head: Int, scale: Float, into sum: UnsafeMutablePointer<Float>) {
        let sources = rows.row(node)
        let destination = logits.destination[node][head]
        let neighbourScale = rows.neighbourScale(node)
        var highestSource = -Float.infinity
        for source in sources { highestSource = max(highestSource, logits.source[Int(source)][head]) }
        let highest = leaky(destination + highestSource)
        var total: Float = 0
        sum.update(repeating: 0, count: size)
        for source in sources {
            let source = Int(source)
            let standsFor = source == node ? 1 : neighbourScale
            let weight = standsFor * expf(leaky(destination + logits.source[source][head]) - highest)
            total += weight
            kernels.addScaled(size: size, weight, projected[source] + head * size, to: sum)
        }
        // The highest one adds exp(0) at least once, so the total is at least 1.
        let factor = scale / total
        for index in 0..<size { sum[index] *= factor }
    }

    private func leaky(_ value: Float) -> Float { value > 0 ? value : slope * value }
}
