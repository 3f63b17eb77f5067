import Compute
import KVCache
import Models
import TestSupport

/// Runs sequences through a model step by step, as a scheduler would.
final class StepDriver {
    let model: any TokenModel
    let gang: ComputeGang
    private var pool: PagePool
    private var sequences: [Int: Sequence] = [:]

    private struct Sequence {
        var table = PageTable()
        var tokenCount = 0
    }

    init(_ model: any TokenModel, pageCount: Int = 300, tokensPerPage: Int, gang: ComputeGang) throws {
        self.model = model
        self.gang = gang
        pool = PagePool(pageCount: pageCount, tokensPerPage: tokensPerPage)
        try model.allocateCache(pageCount: pageCount, tokensPerPage: tokensPerPage)
    }

    /// One step: `(sequence, its next tokens, what it wants)` for each sequence in it; returns the results by index.
    func step(_ parts: [(sequence: Int, tokens: [Int32], result: TokenStepResult)]) throws -> [Int: [Float]] {
        var spans: [TokenSpan] = []
        for part in parts {
            var sequence = sequences[part.sequence] ?? Sequence()
            try sequence.table.append(tokenCount: part.tokens.count, from: &pool)
            spans.append(
                TokenSpan(
                    tokens: part.tokens, startPosition: sequence.tokenCount, pages: sequence.table.pages,
                    result: part.result))
            sequence.tokenCount += part.tokens.count
            sequences[part.sequence] = sequence
        }
        var results: [Int: [Float]] = [:]
        var lastIndex = -1
        model.step(spans, on: gang) { index, values in
            precondition(index > lastIndex, "results out of order")
            lastIndex = index
            results[index] = Array(values)
        }
        return results
    }

    /// The logits after the last of `tokens`, given in chunks of those sizes to a new sequence.
    func logits(_ tokens: [Int32], chunks: [Int], sequence: Int) throws -> [Float] {
        var start = 0
        for size in chunks.dropLast() {
            _ = try step([(sequence, Array(tokens[start..<start + size]), .none)])
            start += size
        }
        return try step([(sequence, Array(tokens[start...]), .lastLogits)])[0]!
    }

    /// Ends a sequence; its pages are free again.
    func finish(_ sequence: Int) {
        sequences[sequence]?.table.release(to: &pool)
        sequences[sequence] = nil
    }
}

func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

/// The largest difference, relative to values of size 1.
func largestDifference(_ a: [Float], _ b: [Double]) -> Double {
    precondition(a.count == b.count, "\(a.count) and \(b.count) values")
    return zip(a, b).reduce(0) { max($0, abs(Double($1.0) - $1.1) / max(1, abs($1.1))) }
}

func randomTokens(_ count: Int, below limit: Int, seed: UInt64) -> [Int32] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Int32.random(in: 0..<Int32(limit), using: &random) }
}

/// Pieces of 1 to 13, `total` together.
func randomChunks(_ total: Int, using random: inout SeededGenerator) -> [Int] {
    var (chunks, rest): ([Int], Int) = ([], total)
    while rest > 0 {
        chunks.append(Int.random(in: 1...min(rest, 13), using: &random))
        rest -= chunks.last!
    }
    return chunks
}
