extension PackedMatrix {
    /// What a part of a product has to take to be worth a thread of its own, which costs some microseconds to wake.
    private static let nanosecondsPerThreadMin = 15_000.0
    /// What one AVX-512 core does at best: bytes of weights streamed, and multiply-adds, in a nanosecond.
    private static let weightBytesPerNanosecond = 28.0
    private static let multiplyAddsPerNanosecond = 64.0

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
            let minimum = minimumItems(rowsPerItem: rowCount, outputsPerItem: block)
            gang.parallelFor(count: blockCount, minimumPerThread: minimum) { blocks in
                let outputs = blocks.lowerBound * block..<min(blocks.upperBound * block, outputCount)
                product.compute(rows: 0..<rowCount, outputs: outputs)
            }
        } else {
            // Few outputs and many rows, as in a convolution: by rows.
            let minimum = minimumItems(rowsPerItem: 1, outputsPerItem: outputCount)
            gang.parallelFor(count: rowCount, minimumPerThread: minimum) { rows in
                product.compute(rows: rows, outputs: 0..<outputCount)
            }
        }
    }

    /// The fewest items of that size that are worth a thread: a product is bound by its arithmetic, or with few rows by
    /// reading the weights.
    private func minimumItems(rowsPerItem: Int, outputsPerItem: Int) -> Int {
        let weightCount = Double(max(1, inputCount * outputsPerItem))
        let arithmetic = weightCount * Double(max(1, rowsPerItem)) / Self.multiplyAddsPerNanosecond
        let isByOutputs = outputsPerItem < outputCount
        let reading = isByOutputs ? weightCount * 4 / Self.weightBytesPerNanosecond : 0
        return max(1, Int(Self.nanosecondsPerThreadMin / max(arithmetic, reading)))
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
