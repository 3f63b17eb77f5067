/// Attention of all tokens of one text to all of them, for one head.
///
/// ```
/// output[m] = Σ_n softmax_n(queries[m] · keys[n]) values[n]          m, n in 0 ..< tokenCount
/// ```
///
/// The queries carry the factor of the scores already. Keys and values are packed as the weights of a product, so that
/// both sums run through the kernel that multiplies matrices; each is accumulated over its inputs in their order, and
/// a text's bits depend on nothing but itself.
///
/// - Source: Vaswani et al. 2017, section 3.2.1.
package struct BidirectionalAttention {
    /// `[tokenCount, headSize]`, rows `stride` apart, as keys and values.
    package let queries: UnsafePointer<Float>
    package let keys: UnsafePointer<Float>
    package let values: UnsafePointer<Float>
    package let stride: Int
    /// At least 1.
    package let tokenCount: Int
    /// At least 1.
    package let headSize: Int
    /// `[tokenCount, headSize]`, rows `outputStride` apart; overlaps nothing.
    package let output: UnsafeMutablePointer<Float>
    package let outputStride: Int
    /// `scratchCount(tokenCount:headSize:)` floats, 64-byte aligned.
    package let scratch: UnsafeMutablePointer<Float>

    package init(
        queries: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>, stride: Int,
        tokenCount: Int, headSize: Int, output: UnsafeMutablePointer<Float>, outputStride: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        precondition(tokenCount >= 1 && headSize >= 1, "tokenCount \(tokenCount), headSize \(headSize)")
        self.queries = queries
        self.keys = keys
        self.values = values
        self.stride = stride
        self.tokenCount = tokenCount
        self.headSize = headSize
        self.output = output
        self.outputStride = outputStride
        self.scratch = scratch
    }

    /// Queries whose scores are in memory at once.
    private static let rowCountMax = 64

    /// Floats of scratch for a text of at most `tokenCount` tokens; a multiple of 16.
    package static func scratchCount(tokenCount: Int, headSize: Int) -> Int {
        let (tokens, head) = (padded(tokenCount), padded(headSize))
        return tokens * headSize + padded(tokenCount * head) + rowCountMax * tokens
    }

    private static func padded(_ count: Int) -> Int {
        let block = PackedMatrix.blockOutputCount
        return (count + block - 1) / block * block
    }

    /// Computes the output on the calling thread.
    package func run(_ kernels: Kernels) {
        let scoreStride = Self.padded(tokenCount)
        let packedKeys = scratch
        let packedValues = packedKeys + scoreStride * headSize
        let scores = packedValues + Self.padded(tokenCount * Self.padded(headSize))
        kernels.pack(
            columnCount: tokenCount, depth: headSize, keys, columnStride: stride, depthStride: 1, to: packedKeys)
        packValues(to: packedValues)
        for first in Swift.stride(from: 0, to: tokenCount, by: Self.rowCountMax) {
            let rowCount = min(Self.rowCountMax, tokenCount - first)
            kernels.packedMultiply(
                rows: rowCount, depth: headSize, x: queries + first * stride, xStride: stride, packed: packedKeys,
                columns: 0..<tokenCount, y: scores, yStride: scoreStride)
            for row in 0..<rowCount { kernels.softmax(size: tokenCount, scores + row * scoreStride) }
            kernels.packedMultiply(
                rows: rowCount, depth: tokenCount, x: scores, xStride: scoreStride, packed: packedValues,
                columns: 0..<headSize, y: output + first * outputStride, yStride: outputStride)
        }
    }

    /// Packs the values, a row of which lies in its blocks as it lies in memory.
    private func packValues(to packed: UnsafeMutablePointer<Float>) {
        let block = PackedMatrix.blockOutputCount
        for first in Swift.stride(from: 0, to: headSize, by: block) {
            let width = min(block, headSize - first)
            var source = values + first
            var destination = packed + first * tokenCount
            for _ in 0..<tokenCount {
                destination.update(from: source, count: width)
                source += stride
                destination += block
            }
        }
    }
}
