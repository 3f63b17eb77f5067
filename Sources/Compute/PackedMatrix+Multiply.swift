extension PackedMatrix {
    /// Multiply-adds worth a thread of their own: some 10 µs.
    private static let multiplyAddsPerThreadMin = 1 << 18

    /// `y = activation(x · W + bias)`, on the threads of `gang`.
    ///
    /// Each output is accumulated over the inputs in their order by one float32 accumulator, so its bits depend neither
    /// on `rowCount` nor on the number of threads.
    ///
    /// - Parameters:
    ///   - x: `[rowCount, inputCount]`.
    ///   - rowCount: rows of `x` and `y`.
    ///   - xStride: floats from a row of `x` to the next; nil for `inputCount`.
    ///   - y: `[rowCount, outputCount]`; does not overlap `x`.
    ///   - yStride: floats from a row of `y` to the next; nil for `outputCount`.
    ///   - bias: `[outputCount]`, or nil.
    ///   - activation: applied after the bias.
    ///   - gang: gives the threads and the instruction set.
    /// - Complexity: O(rowCount · inputCount · outputCount); no allocation of memory for numbers.
    package func multiply(
        _ x: UnsafePointer<Float>, rowCount: Int, xStride: Int? = nil, into y: UnsafeMutablePointer<Float>,
        yStride: Int? = nil, bias: UnsafePointer<Float>? = nil, activation: Activation = .none, on gang: ComputeGang
    ) {
        precondition(rowCount >= 0, "rowCount \(rowCount)")
        let product = Product(
            matrix: self, x: x, xStride: xStride ?? inputCount, y: y, yStride: yStride ?? outputCount, bias: bias,
            activation: activation, kernels: gang.kernels)
        let block = Self.blockOutputCount
        let blockCount = (outputCount + block - 1) / block
        if blockCount >= gang.threadCount * ComputeGang.slotsPerThread || rowCount < 2 * gang.threadCount {
            // By outputs: each thread reads its own weights, once.
            let work = max(1, rowCount * inputCount * block)
            gang.parallelFor(count: blockCount, minimumPerThread: Self.minimumItems(work)) { blocks in
                let outputs = blocks.lowerBound * block..<min(blocks.upperBound * block, outputCount)
                product.compute(rows: 0..<rowCount, outputs: outputs)
            }
        } else {
            // Few outputs and many rows, as in a convolution: by rows.
            let work = max(1, inputCount * outputCount)
            gang.parallelFor(count: rowCount, minimumPerThread: Self.minimumItems(work)) { rows in
                product.compute(rows: rows, outputs: 0..<outputCount)
            }
        }
    }

    private static func minimumItems(_ multiplyAddsPerItem: Int) -> Int {
        max(1, multiplyAddsPerThreadMin / multiplyAddsPerItem)
    }
}

/// One product, to be computed in pieces.
private struct Product {
    let matrix: PackedMatrix
    let x: UnsafePointer<Float>
    let xStride: Int
    let y: UnsafeMutablePointer<Float>
    let yStride: Int
    let bias: UnsafePointer<Float>?
    let activation: Activation
    let kernels: Kernels

    func compute(rows: Range<Int>, outputs: Range<Int>) {
        let rowsOfY = y + rows.lowerBound * yStride
        kernels.packedMultiply(
            rows: rows.count, depth: matrix.inputCount, x: x + rows.lowerBound * xStride, xStride: xStride,
            packed: matrix.packed, columns: outputs, y: rowsOfY, yStride: yStride)
        guard bias != nil || activation != .none else { return }
        kernels.applyBias(
            bias.map { $0 + outputs.lowerBound }, activation: activation, rows: rows.count, size: outputs.count,
            y: rowsOfY + outputs.lowerBound, yStride: yStride)
    }
}
