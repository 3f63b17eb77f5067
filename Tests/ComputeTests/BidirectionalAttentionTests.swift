import Compute
import Foundation
import Testing

/// Goal: attention of all tokens to all is what the formula says, for one text and head.
@Suite struct BidirectionalAttentionTests {
    /// Around a register, a tile of rows and more; head sizes that fill registers and that do not.
    static let shapes = [(1, 4), (2, 32), (15, 10), (16, 32), (17, 24), (64, 64), (65, 8), (130, 33)]

    /// Sums of up to 130 products of float32 values near 1, against float64.
    static let tolerance = 5e-6

    @Test("against the formula in float64", arguments: supportedTiers, shapes)
    func formula(tier: KernelTier, shape: (tokenCount: Int, headSize: Int)) throws {
        let kernels = try #require(Kernels(tier: tier))
        let (tokenCount, headSize) = shape
        var random = SeededFloats(seed: UInt64(tokenCount * 100 + headSize))
        let stride = 3 * headSize + 5
        let rows = random.array(tokenCount * stride)
        var output = [Float](repeating: 7, count: tokenCount * (headSize + 3))
        let scratch = try FloatStorage(
            zeros: BidirectionalAttention.scratchCount(tokenCount: tokenCount, headSize: headSize))
        rows.withUnsafeBufferPointer { rows in
            output.withUnsafeMutableBufferPointer { output in
                let base = rows.baseAddress!
                BidirectionalAttention(
                    queries: base, keys: base + headSize, values: base + 2 * headSize, stride: stride,
                    tokenCount: tokenCount, headSize: headSize, output: output.baseAddress!,
                    outputStride: headSize + 3, scratch: scratch.base
                ).run(kernels)
            }
        }
        var differences: [Double] = []
        for row in 0..<tokenCount {
            let expected = attention(row, rows, stride: stride, tokenCount: tokenCount, headSize: headSize)
            for i in 0..<headSize {
                differences.append(abs(Double(output[row * (headSize + 3) + i]) - expected[i]))
            }
            #expect(output[row * (headSize + 3) + headSize..<(row + 1) * (headSize + 3)].allSatisfy { $0 == 7 })
        }
        #expect(differences.allSatisfy { $0 < Self.tolerance })
    }

    /// One row of the output.
    private func attention(_ row: Int, _ rows: [Float], stride: Int, tokenCount: Int, headSize: Int) -> [Double] {
        let weights = (0..<tokenCount).map { n in
            exp(
                (0..<headSize).reduce(0.0) {
                    $0 + Double(rows[row * stride + $1]) * Double(rows[n * stride + headSize + $1])
                })
        }
        let sum = weights.reduce(0, +)
        return (0..<headSize).map { i in
            (0..<tokenCount).reduce(0.0) { $0 + weights[$1] * Double(rows[$1 * stride + 2 * headSize + i]) } / sum
        }
    }
}
