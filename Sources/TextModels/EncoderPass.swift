import Compute
import ModelFiles

/// One batch's way through the layers: the tokens of all its texts one behind the other, without padding.
///
/// Every row is computed from its own values and those of its own text, in an order that the text decides; so its bits
/// do not depend on the other texts or on the number of threads.
///
/// Rows of all matrices are dense; H = hidden size, F = intermediate size.
struct EncoderPass {
    private let encoder: EncoderDescription
    private let weights: EncoderWeights
    private let gang: ComputeGang
    private let kernels: Kernels
    private let texts: [Text]
    private let rowCount: Int

    /// `[rowCount, H]`: what goes into a layer and comes out of it.
    private let hidden: UnsafeMutablePointer<Float>
    /// `[rowCount, H]`: what is about to be added to it.
    private let state: UnsafeMutablePointer<Float>
    /// `[rowCount, 3H]`: queries, keys, values; then `[rowCount, F]`: the middle of the feed-forward part.
    private let wide: UnsafeMutablePointer<Float>
    /// `[rowCount, H]`: what the heads read out.
    private let attended: UnsafeMutablePointer<Float>
    /// Of attention: `[threadCount, scratchSize]`.
    private let scratch: UnsafeMutablePointer<Float>
    private let scratchSize: Int

    /// A text and the first of its rows.
    struct Text {
        let tokens: [Int32]
        let firstRow: Int
    }

    /// Elements of a simple loop that are worth a thread: some 10 to 20 µs.
    private static let elementsPerThreadMin = 1 << 16

    /// - Precondition: every text has `1 ... lengthMax` tokens of the vocabulary.
    init(
        _ encoder: EncoderDescription, _ weights: EncoderWeights, texts: [[Int32]], _ workspace: Workspace,
        _ gang: ComputeGang
    ) throws(ComputeError) {
        self.encoder = encoder
        self.weights = weights
        self.gang = gang
        kernels = gang.kernels
        var row = 0
        var placed: [Text] = []
        for tokens in texts {
            placed.append(Text(tokens: tokens, firstRow: row))
            row += tokens.count
        }
        self.texts = placed
        rowCount = row
        workspace.reset()
        let size = encoder.hiddenSize
        hidden = try workspace.floats(rowCount * size)
        state = try workspace.floats(rowCount * size)
        attended = try workspace.floats(rowCount * size)
        wide = try workspace.floats(rowCount * max(3 * size, encoder.intermediateSize))
        let longest = texts.reduce(1) { max($0, $1.count) }
        scratchSize = BidirectionalAttention.scratchCount(tokenCount: longest, headSize: encoder.headSize)
        scratch = try workspace.floats(gang.threadCount * scratchSize)
    }

    /// Computes what `outputs` asks of each text: its vector, `hiddenSize` numbers, or the rows of all its tokens.
    ///
    /// - Precondition: as many outputs as texts.
    func run(_ outputs: [EncoderOutput]) -> [[Float]] {
        precondition(outputs.count == texts.count, "\(outputs.count) outputs of \(texts.count) texts")
        embed()
        for layer in weights.layers { run(layer) }
        return zip(texts, outputs).map { text, output in
            switch output {
            case .vector: pool(text)
            case .tokens: rows(of: text)
            }
        }
    }

    private func embed() {
        let size = encoder.hiddenSize
        gang.parallelFor(count: texts.count, minimumPerThread: 4) { range in
            for text in texts[range] {
                let rows = hidden + text.firstRow * size
                for (position, token) in text.tokens.enumerated() {
                    weights.tokens.withUnsafeBufferPointer { table in
                        (rows + position * size).update(from: table.baseAddress! + Int(token) * size, count: size)
                    }
                }
                // Positions follow each other, in the table as in the text.
                weights.positions.withUnsafeBufferPointer { table in
                    kernels.add(size: text.tokens.count * size, table.baseAddress!, to: rows)
                }
                normalize(rows, count: text.tokens.count, weights.embeddingNorm)
            }
        }
    }

    private func run(_ layer: EncoderWeights.Layer) {
        multiply(layer.queriesKeysValues, hidden, into: wide)
        attend()
        multiply(layer.attentionOutput, attended, into: state)
        addAndNormalize(layer.attentionNorm)
        multiply(layer.up, hidden, into: wide, activation: encoder.activation.ofProducts)
        multiply(layer.down, wide, into: state)
        addAndNormalize(layer.outputNorm)
    }

    private func multiply(
        _ linear: EncoderWeights.Linear, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
        activation: Activation = .none
    ) {
        linear.bias.withUnsafeBufferPointer { bias in
            linear.matrix.multiply(
                x, rowCount: rowCount, into: y, bias: bias.baseAddress, activation: activation, on: gang)
        }
    }

    /// By texts and heads; each writes its own part of `attended`.
    private func attend() {
        let (size, headSize, headCount) = (encoder.hiddenSize, encoder.headSize, encoder.headCount)
        let itemCount = texts.count * headCount
        let work = texts.reduce(0) { $0 + $1.tokens.count * ($1.tokens.count + 16) } * size
        let minimum = max(1, itemCount * 8 * Self.elementsPerThreadMin / max(1, work))
        gang.parallelFor(
            count: itemCount, minimumPerThread: min(minimum, itemCount),
            perThread: { range, thread in
                for item in range {
                    let (text, head) = (texts[item / headCount], item % headCount)
                    let queries = wide + text.firstRow * 3 * size + head * headSize
                    BidirectionalAttention(
                        queries: queries, keys: queries + size, values: queries + 2 * size, stride: 3 * size,
                        tokenCount: text.tokens.count, headSize: headSize,
                        output: attended + text.firstRow * size + head * headSize, outputStride: size,
                        scratch: scratch + thread * scratchSize
                    ).run(kernels)
                }
            })
    }

    /// `hidden = norm(hidden + state)`, row by row, while a row is in the cache.
    private func addAndNormalize(_ norm: EncoderWeights.Norm) {
        let size = encoder.hiddenSize
        gang.parallelFor(count: rowCount, minimumPerThread: max(1, Self.elementsPerThreadMin / size)) { rows in
            for row in rows {
                kernels.add(size: size, state + row * size, to: hidden + row * size)
                normalize(hidden + row * size, count: 1, norm)
            }
        }
    }

    private func normalize(_ rows: UnsafeMutablePointer<Float>, count: Int, _ norm: EncoderWeights.Norm) {
        let size = encoder.hiddenSize
        norm.weight.withUnsafeBufferPointer { weight in
            norm.bias.withUnsafeBufferPointer { bias in
                kernels.layerNorm(
                    rows: count, size: size, x: rows, xStride: size, weight: weight.baseAddress!,
                    bias: bias.baseAddress!, epsilon: encoder.epsilon, y: rows, yStride: size)
            }
        }
    }

    private func rows(of text: Text) -> [Float] {
        let size = encoder.hiddenSize
        return Array(
            UnsafeBufferPointer(start: hidden + text.firstRow * size, count: text.tokens.count * size))
    }

    private func pool(_ text: Text) -> [Float] {
        let size = encoder.hiddenSize
        let rows = hidden + text.firstRow * size
        switch encoder.pooling {
        case .firstToken:
            return Array(UnsafeBufferPointer(start: rows, count: size))
        case .mean:
            let factor = 1 / Float(text.tokens.count)
            return [Float](unsafeUninitializedCapacity: size) { buffer, count in
                let mean = buffer.baseAddress!
                mean.initialize(from: rows, count: size)
                for row in 1..<max(1, text.tokens.count) { kernels.add(size: size, rows + row * size, to: mean) }
                for index in 0..<size { mean[index] *= factor }
                count = size
            }
        }
    }
}

extension EncoderDescription.Activation {
    /// The same after a product.
    fileprivate var ofProducts: Activation {
        switch self {
        case .gelu: .gelu
        case .geluTanh: .geluTanh
        case .relu: .relu
        }
    }
}
