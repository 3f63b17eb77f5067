import Foundation
import ModelFiles

/// The Llama architecture, with a theta of 10 000, as plainly as it can be written: float64, no cache, no batch,
/// everything computed anew.
struct LlamaReference {
    private let file: SafetensorsFile
    private let configuration: DecoderDescription

    init(_ file: SafetensorsFile, _ configuration: DecoderDescription) {
        self.file = file
        self.configuration = configuration
    }

    /// The logits after each token of a sequence, and the final hidden states: `[tokens.count][...]`.
    func forward(_ tokens: [Int32]) throws -> (logits: [[Double]], states: [[Double]]) {
        let c = configuration
        let table = try matrix("model.embed_tokens.weight", c.vocabularySize, c.hiddenSize)
        var x = tokens.map { table[Int($0)] }
        for layer in 0..<c.layerCount { try run(layer: layer, &x) }
        let norm = try vector("model.norm.weight", c.hiddenSize)
        let states = x.map { normalized($0, norm) }
        let head = c.tiesEmbeddings ? table : try matrix("lm_head.weight", c.vocabularySize, c.hiddenSize)
        return (states.map { product(head, $0) }, states)
    }

    private func run(layer: Int, _ x: inout [[Double]]) throws {
        let c = configuration
        let prefix = "model.layers.\(layer)."
        let (queries, keys) = (c.headCount * c.headSize, c.keyValueHeadCount * c.headSize)
        let attentionNorm = try vector(prefix + "input_layernorm.weight", c.hiddenSize)
        let normed = x.map { normalized($0, attentionNorm) }
        let wq = try matrix(prefix + "self_attn.q_proj.weight", queries, c.hiddenSize)
        let wk = try matrix(prefix + "self_attn.k_proj.weight", keys, c.hiddenSize)
        let wv = try matrix(prefix + "self_attn.v_proj.weight", keys, c.hiddenSize)
        let wo = try matrix(prefix + "self_attn.o_proj.weight", c.hiddenSize, queries)
        let q = normed.enumerated().map { rotated(product(wq, $1), position: $0) }
        let k = normed.enumerated().map { rotated(product(wk, $1), position: $0) }
        let v = normed.map { product(wv, $0) }
        for position in x.indices {
            let attended = (0..<c.headCount).flatMap { head in attend(head, position, q, k, v) }
            add(product(wo, attended), to: &x[position])
        }
        let feedForwardNorm = try vector(prefix + "post_attention_layernorm.weight", c.hiddenSize)
        let gate = try matrix(prefix + "mlp.gate_proj.weight", c.intermediateSize, c.hiddenSize)
        let up = try matrix(prefix + "mlp.up_proj.weight", c.intermediateSize, c.hiddenSize)
        let down = try matrix(prefix + "mlp.down_proj.weight", c.hiddenSize, c.intermediateSize)
        for position in x.indices {
            let normed = normalized(x[position], feedForwardNorm)
            let gated = zip(product(gate, normed), product(up, normed)).map { $0 / (1 + exp(-$0)) * $1 }
            add(product(down, gated), to: &x[position])
        }
    }

    private func attend(
        _ head: Int, _ position: Int, _ q: [[Double]], _ k: [[Double]], _ v: [[Double]]
    ) -> [Double] {
        let size = configuration.headSize
        let query = q[position][(head * size)...].prefix(size)
        let shared = head / (configuration.headCount / configuration.keyValueHeadCount) * size
        let scores = (0...position).map { p in
            zip(query, k[p][shared...]).reduce(0) { $0 + $1.0 * $1.1 } / Double(size).squareRoot()
        }
        let exponentials = scores.map { exp($0 - scores.max()!) }
        let sum = exponentials.reduce(0, +)
        return (0..<size).map { i in
            (0...position).reduce(0) { $0 + exponentials[$1] / sum * v[$1][shared + i] }
        }
    }

    /// Rotates each head; element i is paired with i + headSize / 2.
    private func rotated(_ x: [Double], position: Int) -> [Double] {
        let size = configuration.headSize
        var y = x
        for start in stride(from: 0, to: x.count, by: size) {
            for i in 0..<size / 2 {
                let angle = Double(position) * pow(10_000, -2 * Double(i) / Double(size))
                let (a, b) = (x[start + i], x[start + i + size / 2])
                y[start + i] = a * cos(angle) - b * sin(angle)
                y[start + i + size / 2] = b * cos(angle) + a * sin(angle)
            }
        }
        return y
    }

    private func normalized(_ x: [Double], _ weight: [Double]) -> [Double] {
        let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
        let factor = 1 / (mean + Double(configuration.norm.epsilon)).squareRoot()
        return zip(x, weight).map { $0 * factor * $1 }
    }

    private func product(_ rows: [[Double]], _ x: [Double]) -> [Double] {
        rows.map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
    }

    private func add(_ y: [Double], to x: inout [Double]) {
        for i in x.indices { x[i] += y[i] }
    }

    private func vector(_ name: String, _ size: Int) throws -> [Double] {
        try file.floats(name, shape: [size]).map(Double.init)
    }

    private func matrix(_ name: String, _ rows: Int, _ columns: Int) throws -> [[Double]] {
        let values = try file.floats(name, shape: [rows, columns]).map(Double.init)
        return (0..<rows).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
    }
}
