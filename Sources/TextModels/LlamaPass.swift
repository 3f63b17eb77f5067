import Compute
import ModelFiles
import Models

/// One step's way through the layers: `rowCount` tokens of several sequences, one row each.
///
/// Every row is computed from its own values and its own sequence's pages, in an order that its position decides; so
/// its bits do not depend on the other rows, on how the prompt was cut into spans, or on the number of threads.
///
/// Rows of all matrices are dense; H = hidden size, Q = all query heads, K = all key/value heads, F = intermediate
/// size.
struct LlamaPass {
    private let configuration: LlamaConfiguration
    private let weights: LlamaWeights
    private let memory: LlamaModel.Memory
    private let workspace: Workspace
    private let gang: ComputeGang
    private let kernels: Kernels
    private let spans: [TokenSpan]
    private let rows: [StepRow]
    /// Neighbouring rows whose attention is computed together.
    private let runs: [Range<Int>]

    /// `[rowCount, H]`: the residual stream.
    private let hidden: UnsafeMutablePointer<Float>
    /// `[rowCount, H]`: its normalised form, or what is about to be added to it.
    private let state: UnsafeMutablePointer<Float>
    /// `[rowCount, Q + 2K]`: queries, keys, values.
    private let projected: UnsafeMutablePointer<Float>
    /// What the heads read out: `[rowCount, Q]`.
    private let attended: UnsafeMutablePointer<Float>
    /// `[rowCount, 2F]`: gate and up; the gate's half is then overwritten by their product.
    private let gateUp: UnsafeMutablePointer<Float>
    /// Scratch of attention, `[threadCount, scratchSize]`: scores `[…, scoreStride]`, then packed queries.
    private let scores: UnsafeMutablePointer<Float>
    private let scratchSize: Int
    private let scoreStride: Int

    private var rowCount: Int { rows.count }
    private var querySize: Int { configuration.headCount * configuration.headSize }
    private var keySize: Int { configuration.keyValueHeadCount * configuration.headSize }
    /// Query heads that share a key/value head.
    private var groupSize: Int { configuration.headCount / configuration.keyValueHeadCount }

    /// Elements of a simple loop that are worth a thread: some 10 to 20 µs.
    private static let elementsPerThreadMin = 1 << 17

    init(model: LlamaModel, memory: LlamaModel.Memory, spans: [TokenSpan], gang: ComputeGang) {
        configuration = model.configuration
        weights = model.weights
        workspace = model.workspace
        rows = model.rows
        kernels = gang.kernels
        self.memory = memory
        self.spans = spans
        self.gang = gang
        let count = model.rows.count
        let heads = configuration.headCount + 2 * configuration.keyValueHeadCount
        hidden = Self.floats(count * configuration.hiddenSize, from: workspace)
        state = Self.floats(count * configuration.hiddenSize, from: workspace)
        projected = Self.floats(count * heads * configuration.headSize, from: workspace)
        attended = Self.floats(count * configuration.headCount * configuration.headSize, from: workspace)
        gateUp = Self.floats(count * 2 * configuration.intermediateSize, from: workspace)
        // Rounded up to a cache line, so that threads do not share one.
        scoreStride = (model.rows.reduce(0) { max($0, $1.position + 1) } + 15) / 16 * 16
        let group = configuration.headCount / configuration.keyValueHeadCount
        runs = Self.runs(of: model.rows, groupSize: group)
        scratchSize =
            max(group, PagedAttentionRows.tileSize) * scoreStride
            + configuration.headSize * PagedAttentionRows.tileSize
        scores = Self.floats(gang.threadCount * scratchSize, from: workspace)
    }

    /// Memory until the end of the step.
    func floats(_ count: Int) -> UnsafeMutablePointer<Float> { Self.floats(count, from: workspace) }

    private static func floats(_ count: Int, from workspace: Workspace) -> UnsafeMutablePointer<Float> {
        do {
            return try workspace.floats(count)
        } catch {
            // As for an array: a process without memory for one step cannot go on.
            preconditionFailure(error.description)
        }
    }

    /// Starts the residual stream with the embeddings of the tokens.
    func embed() {
        for (index, row) in rows.enumerated() {
            weights.embed(row.token, to: hidden + index * configuration.hiddenSize)
        }
    }

    /// Attention and feed-forward of one layer, both added to the residual stream.
    func run(layer index: Int) {
        let layer = weights.layers[index]
        normalizeInParallel(layer.attentionNorm)
        layer.queriesKeysValues.multiply(state, rowCount: rowCount, into: projected, on: gang)
        rotateAndStore(layer: index)
        attend(layer: index)
        layer.attentionOutput.multiply(attended, rowCount: rowCount, into: state, on: gang)
        addToHidden()
        normalizeInParallel(layer.feedForwardNorm)
        layer.gateUp.multiply(state, rowCount: rowCount, into: gateUp, on: gang)
        gate()
        layer.down.multiply(
            gateUp, rowCount: rowCount, xStride: 2 * configuration.intermediateSize, into: state, on: gang)
        addToHidden()
    }

    /// Normalised rows of the residual stream, dense at `destination`.
    func normalize(rows: Range<Int>, _ weight: [Float], to destination: UnsafeMutablePointer<Float>) {
        let size = configuration.hiddenSize
        kernels.rmsNorm(
            rows: rows.count, size: size, x: hidden + rows.lowerBound * size, xStride: size, weight: weight,
            epsilon: configuration.normEpsilon, y: destination, yStride: size)
    }

    private func normalizeInParallel(_ weight: [Float]) {
        forRows(elementsPerRow: configuration.hiddenSize) { rows in
            normalize(rows: rows, weight, to: state + rows.lowerBound * configuration.hiddenSize)
        }
    }

    private func addToHidden() {
        let size = configuration.hiddenSize
        forRows(elementsPerRow: size) { rows in
            kernels.add(
                size: rows.count * size, state + rows.lowerBound * size, to: hidden + rows.lowerBound * size)
        }
    }

    private func gate() {
        let size = configuration.intermediateSize
        forRows(elementsPerRow: 4 * size) { rows in
            for row in rows {
                let gate = gateUp + row * 2 * size
                kernels.siluMultiply(size: size, gate: gate, up: gate + size, y: gate)
            }
        }
    }

    /// Rotates queries and keys to their positions, and puts keys and values into the cache.
    private func rotateAndStore(layer: Int) {
        let (cache, rotary, headSize) = (memory.cache, memory.rotary, configuration.headSize)
        let rowSize = querySize + 2 * keySize
        forRows(elementsPerRow: 2 * rowSize) { range in
            for index in range {
                let row = rows[index]
                let queries = projected + index * rowSize
                let cosines = rotary.cosines(at: row.position)
                let sines = rotary.sines(at: row.position)
                for head in 0..<configuration.headCount + configuration.keyValueHeadCount {
                    kernels.rope(headSize: headSize, cosines: cosines, sines: sines, queries + head * headSize)
                }
                cache.store(
                    keys: queries + querySize, values: queries + querySize + keySize, layer: layer,
                    page: spans[row.span].pages[row.position / cache.tokensPerPage],
                    slot: row.position % cache.tokensPerPage)
            }
        }
    }

    /// Attention of each row over its own sequence up to and including itself, by key/value heads and runs of
    /// neighbouring rows.
    private func attend(layer: Int) {
        let headCount = configuration.keyValueHeadCount
        let positionCount = rows.reduce(0) { $0 + $1.position + 1 }
        // Two products of a query with every position, for each of the query heads.
        let work = 2 * positionCount * configuration.headCount * configuration.headSize
        let itemCount = runs.count * headCount
        let minimum = max(1, itemCount * 3 * Self.elementsPerThreadMin / max(1, work))
        gang.parallelFor(
            count: itemCount, minimumPerThread: min(minimum, itemCount),
            perThread: { range, thread in
                for item in range {
                    attend(rows: runs[item / headCount], head: item % headCount, layer: layer, thread: thread)
                }
            })
    }

    /// Cuts rows into runs of neighbouring tokens, of some four tiles each.
    private static func runs(of rows: [StepRow], groupSize: Int) -> [Range<Int>] {
        let rowCountMax = max(1, 4 * PagedAttentionRows.tileSize / groupSize)
        var runs: [Range<Int>] = []
        var start = 0
        for row in 1...rows.count
        where row == rows.count || rows[row].span != rows[start].span || row - start == rowCountMax {
            runs.append(start..<row)
            start = row
        }
        return runs
    }

    private func attend(rows range: Range<Int>, head: Int, layer: Int, thread: Int) {
        let (cache, headSize) = (memory.cache, configuration.headSize)
        let index = range.lowerBound
        let row = rows[index]
        let firstQuery = head * groupSize * headSize
        spans[row.span].pages.withUnsafeBufferPointer { pages in
            let first = PagedAttention(
                queries: projected + index * (querySize + 2 * keySize) + firstQuery, queryStride: headSize,
                queryCount: groupSize, headSize: headSize, cache: cache.base(layer: layer, head: head),
                pageStride: cache.pageStride, valueOffset: cache.valueOffset, pages: pages.baseAddress!,
                tokensPerPage: cache.tokensPerPage, positionCount: row.position + 1,
                scale: 1 / Float(headSize).squareRoot(), scores: scores + thread * scratchSize,
                scoreStride: scoreStride, output: attended + index * querySize + firstQuery, outputStride: headSize)
            if range.count == 1 {
                kernels.pagedAttention(first)
            } else {
                kernels.pagedAttention(
                    PagedAttentionRows(
                        first: first, rowCount: range.count, queryRowStride: querySize + 2 * keySize,
                        outputRowStride: querySize,
                        packedQueries: scores + (thread + 1) * scratchSize - headSize * PagedAttentionRows.tileSize))
            }
        }
    }

    private func forRows(elementsPerRow: Int, _ body: (Range<Int>) -> Void) {
        gang.parallelFor(
            count: rowCount, minimumPerThread: max(1, Self.elementsPerThreadMin / elementsPerRow), body)
    }
}
