import CKernels

/// The weights of a linear layer, packed once for many products.
///
/// Layout: `[ceil(outputCount / 16)][inputCount][16]` float32, so that one register holds sixteen neighbouring outputs;
/// missing outputs of the last block are zeros. The same for every tier.
///
/// - Isolation: any thread; never changes after `init`.
package struct PackedMatrix: Sendable {
    /// Length of an input row (K).
    package let inputCount: Int
    /// Length of an output row (N).
    package let outputCount: Int
    private let storage: FloatStorage

    /// Outputs in a block; ranges of outputs start at multiples of it.
    static let blockOutputCount = 16

    /// How a weight matrix lies in memory before packing.
    package enum Layout: Sendable {
        /// `[outputCount, inputCount]`: the rows of a PyTorch `Linear`, y = x · Wᵀ.
        case outputMajor
        /// `[inputCount, outputCount]`: the second operand of a plain product, y = x · W.
        case inputMajor
    }

    /// Packs one matrix of `outputCount · inputCount` weights.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    package init(
        _ weights: UnsafeBufferPointer<Float>, inputCount: Int, outputCount: Int, layout: Layout = .outputMajor
    ) throws(ComputeError) {
        try self.init(parts: [Part(weights: weights, outputCount: outputCount)], inputCount: inputCount, layout: layout)
    }

    /// A matrix whose outputs follow those of the one before.
    package struct Part {
        let weights: UnsafeBufferPointer<Float>
        let outputCount: Int

        /// `weights` are `outputCount · inputCount` values, borrowed while packing.
        package init(weights: UnsafeBufferPointer<Float>, outputCount: Int) {
            self.weights = weights
            self.outputCount = outputCount
        }
    }

    /// Packs several matrices that take the same input into one, so that one product gives all their outputs side by
    /// side (queries, keys and values; gate and up).
    ///
    /// - Precondition: every part has `outputCount · inputCount` weights.
    /// - Throws: `ComputeError.outOfMemory`.
    package init(parts: [Part], inputCount: Int, layout: Layout = .outputMajor) throws(ComputeError) {
        precondition(inputCount >= 0, "inputCount \(inputCount)")
        let outputCount = parts.reduce(0) { $0 + $1.outputCount }
        let blockCount = (outputCount + Self.blockOutputCount - 1) / Self.blockOutputCount
        storage = try FloatStorage(zeros: blockCount * Self.blockOutputCount * inputCount)
        self.inputCount = inputCount
        self.outputCount = outputCount
        var begin = 0
        for part in parts {
            precondition(
                part.weights.count == part.outputCount * inputCount,
                "\(part.weights.count) weights for [\(part.outputCount), \(inputCount)]")
            if let weights = part.weights.baseAddress {
                let (columnStride, depthStride) = layout == .outputMajor ? (inputCount, 1) : (1, part.outputCount)
                apus_pack_columns(
                    part.outputCount, inputCount, weights, columnStride, depthStride, begin, storage.base)
            }
            begin += part.outputCount
        }
    }

    /// The packed weights; the pointer does not outlive this matrix.
    var packed: UnsafePointer<Float> { UnsafePointer(storage.base) }

    /// Bytes of memory that the packed weights occupy.
    package var byteCount: Int { storage.count * MemoryLayout<Float>.stride }

    /// Copies the `inputCount` weights of one output, such as a row of a tied embedding table.
    ///
    /// - Precondition: `output` is in `0 ..< outputCount`.
    package func copyWeights(ofOutput output: Int, to destination: UnsafeMutablePointer<Float>) {
        precondition((0..<outputCount).contains(output), "output \(output) of \(outputCount)")
        let block = Self.blockOutputCount
        let column = packed + output / block * inputCount * block + output % block
        for k in 0..<inputCount { destination[k] = column[k * block] }
    }
}
