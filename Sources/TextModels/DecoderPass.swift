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
struct DecoderPass {
    private let decoder: DecoderDescription
    private let weights: DecoderWeights
    private let memory: DecoderModel.Memory
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
    /// `[rowCount, 2F]`: gate and up, whose product then overwrites the gate; `[rowCount, F]` without a gate.
    private let gateUp: UnsafeMutablePointer<Float>
    /// Scratch of attention, `[threadCount, scratchSize]`: scores `[…, scoreStride]`, then packed queries.
    private let scores: UnsafeMutablePointer<Float>
    private let scratchSize: Int
    private let scoreStride: Int

    private var rowCount: Int { rows.count }
    private var querySize: Int { decoder.querySize }
    private var keySize: Int { decoder.keySize }
    /// Query heads that share a key/value head.
    private var groupSize: Int { decoder.headCount / decoder.keyValueHeadCount }
    /// Extent of a row of `gateUp`.
    private var gateUpSize: Int { (decoder.feedForward.isGated ? 2 : 1) * decoder.intermediateSize }

    /// Elements of a simple loop that are worth a thread: some 10 to 20 µs.
    private static let elementsPerThreadMin = 1 << 17

    init(model: DecoderModel, memory: DecoderModel.Memory, spans: [TokenSpan], gang: ComputeGang) {
        decoder = model.decoder
        weights = model.weights
        workspace = model.workspace
        rows = model.rows
        kernels = gang.kernels
        self.memory = memory
        self.spans = spans
        self.gang = gang
        let count = model.rows.count
        let isGated = decoder.feedForward.isGated
        hidden = Self.floats(count * decoder.hiddenSize, from: workspace)
        state = Self.floats(count * decoder.hiddenSize, from: workspace)
        projected = Self.floats(count * (decoder.querySize + 2 * decoder.keySize), from: workspace)
        attended = Self.floats(count * decoder.querySize, from: workspace)
        gateUp = Self.floats(count * (isGated ? 2 : 1) * decoder.intermediateSize, from: workspace)
        // Rounded up to a cache line, so that threads do not share one.
        scoreStride = (model.rows.reduce(0) { max($0, $1.position + 1) } + 15) / 16 * 16
        let group = decoder.headCount / decoder.keyValueHeadCount
        runs = Self.runs(of: model.rows, groupSize: group)
        scratchSize =
            max(group, PagedAttentionRows.tileSize) * scoreStride
            + decoder.headSize * PagedAttentionRows.tileSize
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
        let (size, scale) = (decoder.hiddenSize, decoder.embeddingScale)
        for (index, row) in rows.enumerated() {
            let state = hidden + index * size
            weights.embed(row.token, to: state)
            if scale != 1 {
                for i in 0..<size { state[i] *= scale }
            }
            weights.positions?.withUnsafeBufferPointer { table in
                kernels.add(size: size, table.baseAddress! + row.position * size, to: state)
            }
        }
    }

    /// Attention and feed-forward of one layer, both added to the residual stream.
    func run(layer index: Int) {
        let layer = weights.layers[index]
        normalizeInParallel(layer.attentionNorm)
        multiply(layer.queriesKeysValues, state, into: projected)
        prepareHeads(layer, index)
        attend(layer: index)
        multiply(layer.attentionOutput, attended, into: state)
        addToHidden(after: layer.attentionPostNorm)
        normalizeInParallel(layer.feedForwardNorm)
        feedForward(layer)
        addToHidden(after: layer.feedForwardPostNorm)
    }

    private func multiply(
        _ linear: DecoderWeights.Linear, _ x: UnsafePointer<Float>, xStride: Int? = nil,
        into y: UnsafeMutablePointer<Float>, activation: Activation = .none
    ) {
        guard let bias = linear.bias else {
            linear.matrix.multiply(x, rowCount: rowCount, xStride: xStride, into: y, activation: activation, on: gang)
            return
        }
        bias.withUnsafeBufferPointer { bias in
            linear.matrix.multiply(
                x, rowCount: rowCount, xStride: xStride, into: y, bias: bias.baseAddress, activation: activation,
                on: gang)
        }
    }

    /// Normalised rows of the residual stream, dense at `destination`.
    func normalize(rows: Range<Int>, _ norm: DecoderWeights.Norm, to destination: UnsafeMutablePointer<Float>) {
        let size = decoder.hiddenSize
        normalize(
            norm, rowCount: rows.count, size: size, x: hidden + rows.lowerBound * size, to: destination)
    }

    /// Normalised dense rows; `destination` may be `x`.
    private func normalize(
        _ norm: DecoderWeights.Norm, rowCount: Int, size: Int, x: UnsafePointer<Float>,
        to destination: UnsafeMutablePointer<Float>
    ) {
        switch decoder.norm.kind {
        case .rms:
            kernels.rmsNorm(
                rows: rowCount, size: size, x: x, xStride: size, weight: norm.weight, epsilon: decoder.norm.epsilon,
                y: destination, yStride: size)
        case .layer:
            norm.bias.withOptionalPointer { bias in
                kernels.layerNorm(
                    rows: rowCount, size: size, x: x, xStride: size, weight: norm.weight, bias: bias,
                    epsilon: decoder.norm.epsilon, y: destination, yStride: size)
            }
        }
    }

    private func normalizeInParallel(_ norm: DecoderWeights.Norm) {
        forRows(elementsPerRow: decoder.hiddenSize) { rows in
            normalize(rows: rows, norm, to: state + rows.lowerBound * decoder.hiddenSize)
        }
    }

    /// Adds `state` to the residual stream, normalised first where there is a norm.
    private func addToHidden(after norm: DecoderWeights.Norm?) {
        let size = decoder.hiddenSize
        forRows(elementsPerRow: size) { rows in
            let states = state + rows.lowerBound * size
            if let norm { normalize(norm, rowCount: rows.count, size: size, x: states, to: states) }
            kernels.add(size: rows.count * size, states, to: hidden + rows.lowerBound * size)
        }
    }

    /// From the normalised `state` to what the feed-forward part gives, in `state`.
    private func feedForward(_ layer: DecoderWeights.Layer) {
        if decoder.feedForward.isGated {
            multiply(layer.gateUp, state, into: gateUp)
            gate()
        } else {
            multiply(layer.gateUp, state, into: gateUp, activation: decoder.feedForward.activation.ofProducts)
        }
        multiply(layer.down, gateUp, xStride: gateUpSize, into: state)
    }

    private func gate() {
        let size = decoder.intermediateSize
        forRows(elementsPerRow: 4 * size) { rows in
            for row in rows {
                let gate = gateUp + row * 2 * size
                switch decoder.feedForward.activation {
                case .silu: kernels.siluMultiply(size: size, gate: gate, up: gate + size, y: gate)
                case .geluTanh: kernels.geluTanhMultiply(size: size, gate: gate, up: gate + size, y: gate)
                }
            }
        }
    }

    /// Normalises queries and keys where the family does, rotates them to their positions, and puts keys and values
    /// into the cache.
    private func prepareHeads(_ layer: DecoderWeights.Layer, _ index: Int) {
        let (cache, headSize) = (memory.cache, decoder.headSize)
        let rotary = memory.rotaries.isEmpty ? nil : memory.rotaries[decoder.layers[index].rotary]
        let rowSize = querySize + 2 * keySize
        forRows(elementsPerRow: 2 * rowSize) { range in
            for rowIndex in range {
                let row = rows[rowIndex]
                let queries = projected + rowIndex * rowSize
                let keys = queries + querySize
                if let norm = layer.queryNorm {
                    normalize(norm, rowCount: decoder.headCount, size: headSize, x: queries, to: queries)
                }
                if let norm = layer.keyNorm {
                    normalize(norm, rowCount: decoder.keyValueHeadCount, size: headSize, x: keys, to: keys)
                }
                if let rotary {
                    let (cosines, sines) = (rotary.cosines(at: row.position), rotary.sines(at: row.position))
                    for head in 0..<decoder.headCount + decoder.keyValueHeadCount {
                        kernels.rope(
                            headSize: rotary.rotatedSize, cosines: cosines, sines: sines, queries + head * headSize)
                    }
                }
                cache.store(
                    keys: keys, values: keys + keySize, layer: index,
                    page: spans[row.span].pages[row.position / cache.tokensPerPage],
                    slot: row.position % cache.tokensPerPage, kernels)
            }
        }
    }

    /// Attention of each row over its own sequence up to and including itself, by key/value heads and runs of
    /// neighbouring rows.
    private func attend(layer: Int) {
        let headCount = decoder.keyValueHeadCount
        let window = decoder.layers[layer].window ?? .max
        let positionCount = rows.reduce(0) { $0 + min($1.position + 1, window) }
        // Two products of a query with every position, for each of the query heads.
        let work = 2 * positionCount * decoder.headCount * decoder.headSize
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
        let (cache, headSize) = (memory.cache, decoder.headSize)
        let index = range.lowerBound
        let row = rows[index]
        let firstQuery = head * groupSize * headSize
        spans[row.span].pages.withUnsafeBufferPointer { pages in
            let first = PagedAttention(
                queries: projected + index * (querySize + 2 * keySize) + firstQuery, queryStride: headSize,
                queryCount: groupSize, headSize: headSize, cache: cache.base(layer: layer, head: head),
                format: cache.format, pageStride: cache.pageStride, pages: pages.baseAddress!,
                tokensPerPage: cache.tokensPerPage, positionCount: row.position + 1,
                window: decoder.layers[layer].window ?? 0, scale: decoder.attention.scale,
                softCap: decoder.attention.softCap ?? 0, scores: scores + thread * scratchSize,
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

extension DecoderDescription.FeedForward.Activation {
    /// The same after a product.
    fileprivate var ofProducts: Activation {
        switch self {
        case .silu: .silu
        case .geluTanh: .geluTanh
        }
    }
}

extension Optional where Wrapped == [Float] {
    /// A pointer to the elements, nil for nil.
    fileprivate func withOptionalPointer(_ body: (UnsafePointer<Float>?) -> Void) {
        if let array = self {
            array.withUnsafeBufferPointer { body($0.baseAddress) }
        } else {
            body(nil)
        }
    }
}
