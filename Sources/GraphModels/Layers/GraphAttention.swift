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
    /// One head's attention vectors, split into the halves for the two ends of an edge.
    struct Head: Sendable {
        /// `[outputCountPerHead]` each.
        let source: [Float]
        let destination: [Float]
        let sourceBias: Float
        let destinationBias: Float
    }

    /// The projections of all heads side by side: `[inputCount, heads · outputCountPerHead]`.
    let projection: NodeProjection
    let heads: [Head]
    let merge: HeadMerge
    /// From 0 to 1, so that `leaky` does not fall.
    let slope: Float
    let output: NodeOutput

    private var outputCountPerHead: Int { projection.outputCount / heads.count }
    var outputCount: Int { merge == .concatenate ? projection.outputCount : outputCountPerHead }

    /// `[nodeCount, outputCount]` in `workspace`.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    func apply(
        to input: NodeValues, adjacency: Adjacency, workspace: Workspace, gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        let nodeCount = adjacency.nodeCount
        let projected = try projection.apply(to: input, nodeCount: nodeCount, workspace: workspace, gang: gang)
        let residual = try output.residualValues(of: input, nodeCount: nodeCount, workspace: workspace, gang: gang)
        let logits = try EdgeLogits(nodeCount: nodeCount, headCount: heads.count, in: workspace)
        let scratch = try UnsafeMutableNodeMatrix(
            nodeCount: gang.threadCount, columnCount: outputCountPerHead, in: workspace)
        let result = try UnsafeMutableNodeMatrix(nodeCount: nodeCount, columnCount: outputCount, in: workspace)
        computeLogits(logits, projected, nodeCount: nodeCount, gang: gang)
        let gather = Gather(
            adjacency: adjacency, projected: projected, logits: logits, slope: slope, size: outputCountPerHead,
            kernels: gang.kernels)
        gang.parallelFor(
            count: nodeCount, minimumPerThread: adjacency.nodesPerRange(valuesPerEdge: projection.outputCount),
            perThread: { nodes, thread in
                for node in nodes {
                    mergeHeads(of: node, gather, into: result[node], scratch: scratch[thread])
                    output.finish(result[node], of: node, adding: residual, kernels: gather.kernels)
                }
            })
        return result.values
    }

    /// What each end of an edge adds to its logit, so that no tensor over edges is ever made.
    private func computeLogits(
        _ logits: EdgeLogits, _ projected: UnsafeNodeMatrix, nodeCount: Int, gang: ComputeGang
    ) {
        let size = outputCountPerHead
        let kernels = gang.kernels
        // 2 · heads · size multiply-adds a node; 2^15 of them are some 10 µs.
        gang.parallelFor(count: nodeCount, minimumPerThread: max(1, (1 << 14) / projected.columnCount)) { nodes in
            for node in nodes {
                for (index, head) in heads.enumerated() {
                    let z = projected[node] + index * size
                    logits.source[node][index] = kernels.dot(size: size, z, head.source) + head.sourceBias
                    logits.destination[node][index] =
                        kernels.dot(size: size, z, head.destination) + head.destinationBias
                }
            }
        }
    }

    private func mergeHeads(
        of node: Int, _ gather: Gather, into row: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let size = outputCountPerHead
        switch merge {
        case .concatenate:
            for head in heads.indices {
                gather.attend(node, head: head, scale: 1, into: row + head * size)
            }
        case .mean:
            row.update(repeating: 0, count: size)
            for head in heads.indices {
                gather.attend(node, head: head, scale: 1 / Float(heads.count), into: scratch)
                gather.kernels.add(size: size, scratch, to: row)
            }
        }
    }
}

/// What the two ends of an edge add to its attention logit, `[nodeCount, headCount]` each.
private struct EdgeLogits {
    let source: UnsafeMutableNodeMatrix
    let destination: UnsafeMutableNodeMatrix

    init(nodeCount: Int, headCount: Int, in workspace: Workspace) throws(ComputeError) {
        source = try UnsafeMutableNodeMatrix(nodeCount: nodeCount, columnCount: headCount, in: workspace)
        destination = try UnsafeMutableNodeMatrix(nodeCount: nodeCount, columnCount: headCount, in: workspace)
    }
}

/// One pass over the nodes that a node hears from: softmax of the logits and weighted sum together.
private struct Gather {
    let adjacency: Adjacency
    let projected: UnsafeNodeMatrix
    let logits: EdgeLogits
    let slope: Float
    /// Outputs per head.
    let size: Int
    let kernels: Kernels

    private func leaky(_ value: Float) -> Float { value > 0 ? value : slope * value }

    /// `sum = scale · Σ_j softmax_j(e_j) · z_j` for one head of one node.
    ///
    /// The logits are taken relative to the highest, so that no exponential overflows. `leaky` does not fall, so the
    /// highest belongs to the highest source and costs no exponential to find.
    func attend(_ node: Int, head: Int, scale: Float, into sum: UnsafeMutablePointer<Float>) {
        let destination = logits.destination[node][head]
        var highestSource = -Float.infinity
        for position in adjacency.row(node) {
            highestSource = max(highestSource, logits.source[Int(adjacency.sources[position])][head])
        }
        let highest = leaky(destination + highestSource)
        var total: Float = 0
        sum.update(repeating: 0, count: size)
        for position in adjacency.row(node) {
            let source = Int(adjacency.sources[position])
            let weight = expf(leaky(destination + logits.source[source][head]) - highest)
            total += weight
            kernels.addScaled(size: size, weight, projected[source] + head * size, to: sum)
        }
        // The highest one adds exp(0), so the total is at least 1.
        let factor = scale / total
        for index in 0..<size { sum[index] *= factor }
    }
}
