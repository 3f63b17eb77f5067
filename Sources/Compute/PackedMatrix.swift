import CKernels

/// The weights of a linear layer, packed once for many products.
///
/// Layouts by format, the same for every tier:
///
/// ```
/// float32   [ceil(outputCount / 16)][inputCount][16]                  one register holds 16 neighbouring outputs
/// bfloat16  [ceil(outputCount / 64)][inputs / 2][blocks][16][2]       a panel of up to four blocks of 16 outputs
/// int8      [ceil(outputCount / 64)][inputs / 4][blocks][16][4]       and scales [panels][groups][blocks][16], float16
/// int4      [ceil(outputCount / 64)][inputs / 8][blocks][16][4]       and scales and minimums likewise
/// ```
///
/// Inputs are rounded up to whole groups, outputs to whole blocks; what is missing is zeros.
///
/// - Isolation: any thread; never changes after `init`.
package struct PackedMatrix: Sendable {
    /// Length of an input row (K).
    package let inputCount: Int
    /// Length of an output row (N).
    package let outputCount: Int
    package let format: WeightFormat
    /// Inputs that share a scale: the format's, or 32 as in GGUF files.
    package let groupSize: Int
    let storage: FloatStorage
    /// Of quantised formats.
    let scaleStorage: FloatStorage?
    let minimumStorage: FloatStorage?

    /// Outputs in a block.
    static let blockOutputCount = Int(APUS_BLOCK_COLUMNS)

    /// Outputs that are packed together; ranges of outputs start at multiples of it.
    var outputUnit: Int { format == .float32 ? Self.blockOutputCount : Int(APUS_PANEL_COLUMNS) }

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
        _ weights: UnsafeBufferPointer<Float>, inputCount: Int, outputCount: Int, layout: Layout = .outputMajor,
        format: WeightFormat = .float32
    ) throws(ComputeError) {
        try self.init(
            parts: [Part(weights: weights, outputCount: outputCount)], inputCount: inputCount, layout: layout,
            format: format)
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
    package init(
        parts: [Part], inputCount: Int, layout: Layout = .outputMajor, format: WeightFormat = .float32
    ) throws(ComputeError) {
        try self.init(
            zerosOfInputCount: inputCount, outputCount: parts.reduce(0) { $0 + $1.outputCount }, format: format)
        var begin = 0
        for part in parts {
            precondition(
                part.weights.count == part.outputCount * inputCount,
                "\(part.weights.count) weights for [\(part.outputCount), \(inputCount)]")
            if let weights = part.weights.baseAddress {
                let (outputStride, inputStride) = layout == .outputMajor ? (inputCount, 1) : (1, part.outputCount)
                pack(
                    weights, outputStride: outputStride, inputStride: inputStride,
                    outputs: begin..<begin + part.outputCount)
            }
            begin += part.outputCount
        }
    }

    /// Makes the matrix with zeros for weights.
    init(
        zerosOfInputCount inputCount: Int, outputCount: Int, format: WeightFormat, groupSize: Int? = nil
    ) throws(ComputeError) {
        precondition(inputCount >= 0 && outputCount >= 0, "[\(outputCount), \(inputCount)]")
        self.inputCount = inputCount
        self.outputCount = outputCount
        self.format = format
        self.groupSize = groupSize ?? format.groupSize
        let columns = (outputCount + Self.blockOutputCount - 1) / Self.blockOutputCount * Self.blockOutputCount
        let padded = Self.rounded(inputCount, up: self.groupSize)
        // In floats; a whole number, because there are 16 columns at least.
        let (weightCount, scaleCount) =
            switch format {
            case .float32: (columns * padded, 0)
            case .bfloat16: (columns * padded / 2, 0)
            case .int8: (columns * padded / 4, columns * padded / self.groupSize / 2)
            case .int4: (columns * padded / 8, columns * padded / self.groupSize / 2)
            }
        storage = try FloatStorage(zeros: weightCount)
        scaleStorage = format.isQuantized ? try FloatStorage(zeros: scaleCount) : nil
        minimumStorage = format == .int4 ? try FloatStorage(zeros: scaleCount) : nil
    }

    private static func rounded(_ count: Int, up unit: Int) -> Int { (count + unit - 1) / unit * unit }

    /// The inputs, rounded up to whole groups.
    var paddedInputCount: Int { Self.rounded(inputCount, up: groupSize) }

    /// Bytes of one row of activations as the product reads them, without scales.
    var activationByteCount: Int {
        switch format {
        case .float32: paddedInputCount * 4
        case .bfloat16: paddedInputCount * 2
        case .int8, .int4: paddedInputCount
        }
    }

    /// Packs the weights of some outputs; different outputs may be packed at the same time.
    func pack(
        _ weights: UnsafePointer<Float>, outputStride: Int, inputStride: Int, outputs: Range<Int>,
        by kernels: Kernels = .best
    ) {
        let (count, begin) = (outputs.count, outputs.lowerBound)
        switch format {
        case .float32:
            apus_pack_columns(count, inputCount, weights, outputStride, inputStride, begin, storage.base)
        case .bfloat16:
            apus_pack_bf16(
                count, inputCount, weights, outputStride, inputStride, begin, outputCount, halves(of: storage))
        case .int8:
            apus_pack_int8(
                count, inputCount, groupSize, weights, outputStride, inputStride, begin, outputCount,
                bytes(of: storage), halves(of: scaleStorage!))
        case .int4:
            kernels.packInt4(
                self, weights, outputStride: outputStride, inputStride: inputStride, outputs: outputs)
        }
    }

    func bytes(of storage: FloatStorage) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(storage.base).assumingMemoryBound(to: UInt8.self)
    }

    func halves(of storage: FloatStorage) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(storage.base).assumingMemoryBound(to: UInt16.self)
    }

    /// The packed weights; the pointers do not outlive this matrix.
    var packed: UnsafePointer<Float> { UnsafePointer(storage.base) }
    var packedBytes: UnsafePointer<UInt8> { UnsafePointer(bytes(of: storage)) }
    var scales: UnsafePointer<UInt16>? { scaleStorage.map { UnsafePointer(halves(of: $0)) } }
    var minimums: UnsafePointer<UInt16>? { minimumStorage.map { UnsafePointer(halves(of: $0)) } }

    /// Bytes of memory that the packed weights occupy.
    package var byteCount: Int { memory.reduce(0) { $0 + $1.count } }

    /// The packed weights, and the scales and minimums of quantised ones, as they lie in memory.
    ///
    /// Each begins at a multiple of 64 bytes. The pointers do not outlive this matrix.
    package var memory: [UnsafeRawBufferPointer] {
        [storage, scaleStorage, minimumStorage].compactMap { $0 }.map { storage in
            UnsafeRawBufferPointer(start: storage.base, count: storage.count * MemoryLayout<Float>.stride)
        }
    }

    /// Copies the `inputCount` weights of one output, such as a row of a tied embedding table, as they are multiplied.
    ///
    /// - Precondition: `output` is in `0 ..< outputCount`.
    package func copyWeights(ofOutput output: Int, to destination: UnsafeMutablePointer<Float>) {
        precondition((0..<outputCount).contains(output), "output \(output) of \(outputCount)")
        switch format {
        case .float32:
            let block = Self.blockOutputCount
            let column = packed + output / block * inputCount * block + output % block
            for k in 0..<inputCount { destination[k] = column[k * block] }
        case .bfloat16:
            apus_unpack_bf16(inputCount, output, outputCount, halves(of: storage), destination)
        case .int8:
            apus_unpack_int8(inputCount, groupSize, output, outputCount, packedBytes, scales, destination)
        case .int4:
            apus_unpack_int4(
                inputCount, groupSize, output, outputCount, packedBytes, scales, minimums, destination)
        }
    }
}
