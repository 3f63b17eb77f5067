import CKernels

extension PackedMatrix {
    /// What a part of a product has to take to be worth a thread of its own, which costs some microseconds to wake.
    private static let nanosecondsPerThreadMin = 15_000.0
    /// What one AVX-512 core does at best: bytes of weights streamed, and multiply-adds, in a nanosecond.
    private static let weightBytesPerNanosecond = 28.0

    /// `y = activation(x · W + bias)`, on the threads of `gang`.
    ///
    /// Activations are rounded or quantised to what the format of the weights is multiplied with, each row by itself.
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
    ///   - gang: gives the threads, the instruction set and memory for the activations.
    /// - Complexity: O(rowCount · inputCount · outputCount); no allocation of memory for numbers after the first calls.
    package func multiply(
        _ x: UnsafePointer<Float>, rowCount: Int, xStride: Int? = nil, into y: UnsafeMutablePointer<Float>,
        yStride: Int? = nil, bias: UnsafePointer<Float>? = nil, activation: Activation = .none, on gang: ComputeGang
    ) {
        precondition(rowCount >= 0, "rowCount \(rowCount)")
        guard rowCount > 0, outputCount > 0 else { return }
        let input = PackedActivations(x, rowCount: rowCount, stride: xStride ?? inputCount, for: self, on: gang)
        let product = Product(
            matrix: self, input: input, y: y, yStride: yStride ?? outputCount, bias: bias, activation: activation,
            kernels: gang.kernels)
        let unit = outputUnit
        let unitCount = (outputCount + unit - 1) / unit
        if unitCount >= gang.threadCount * ComputeGang.slotsPerThread || rowCount < 2 * gang.threadCount {
            // By outputs: each thread reads its own weights, once.
            let minimum = minimumItems(rowsPerItem: rowCount, outputsPerItem: unit)
            gang.parallelFor(count: unitCount, minimumPerThread: minimum) { units in
                let outputs = units.lowerBound * unit..<min(units.upperBound * unit, outputCount)
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
        let arithmetic = weightCount * Double(max(1, rowsPerItem)) / format.multiplyAddsPerNanosecond
        let isByOutputs = outputsPerItem < outputCount
        let reading = isByOutputs ? weightCount * format.bytesPerWeight / Self.weightBytesPerNanosecond : 0
        return max(1, Int(Self.nanosecondsPerThreadMin / max(arithmetic, reading)))
    }
}

extension WeightFormat {
    /// What one core multiplies at best; measured on AVX-512 with VNNI and BF16.
    fileprivate var multiplyAddsPerNanosecond: Double {
        switch self {
        case .float32: 116
        case .bfloat16: 240
        case .int8: 400
        case .int4: 300
        }
    }

    fileprivate var bytesPerWeight: Double {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        case .int8: 1
        case .int4: 0.5
        }
    }
}

/// The rows of a product as the weights' format wants them: float32 as they are, or made for it in the gang's memory.
struct PackedActivations {
    let values: UnsafeRawPointer
    /// Bytes from a row to the next.
    let stride: Int
    /// `[rowCount, groupCount]`, of quantised formats.
    private(set) var scales: UnsafePointer<Float>?
    private(set) var sums: UnsafePointer<Int32>?

    /// Elements that are worth a thread: some 15 µs.
    private static let elementsPerThreadMin = 1 << 16

    /// Rounds or quantises; valid until the next product on the same gang.
    init(
        _ x: UnsafePointer<Float>, rowCount: Int, stride xStride: Int, for matrix: PackedMatrix, on gang: ComputeGang
    ) {
        let (format, inputCount) = (matrix.format, matrix.inputCount)
        guard format != .float32 else {
            values = UnsafeRawPointer(x)
            stride = xStride * MemoryLayout<Float>.stride
            return
        }
        let (stride, groupSize) = (matrix.activationByteCount, matrix.groupSize)
        let groupCount = matrix.paddedInputCount / groupSize
        gang.activations.reset()
        let memory = Self.bytes(rowCount * stride, from: gang.activations)
        self.stride = stride
        values = UnsafeRawPointer(memory)
        let kernels = gang.kernels
        let minimum = max(1, Self.elementsPerThreadMin / max(1, inputCount))
        guard format.isQuantized else {
            gang.parallelFor(count: rowCount, minimumPerThread: minimum) { rows in
                kernels.roundToBFloat16(
                    rows: rows.count, depth: inputCount, x: x + rows.lowerBound * xStride, xStride: xStride,
                    rounded: memory + rows.lowerBound * stride)
            }
            return
        }
        let scales = Self.bytes(rowCount * groupCount * 4, from: gang.activations).assumingMemoryBound(to: Float.self)
        let sums = Self.bytes(rowCount * groupCount * 4, from: gang.activations).assumingMemoryBound(to: Int32.self)
        self.scales = UnsafePointer(scales)
        self.sums = UnsafePointer(sums)
        gang.parallelFor(count: rowCount, minimumPerThread: minimum) { rows in
            let first = rows.lowerBound
            kernels.quantize(
                rows: rows.count, depth: inputCount, group: groupSize, x: x + first * xStride, xStride: xStride,
                quantized: memory + first * stride, scales: scales + first * groupCount,
                sums: sums + first * groupCount)
        }
    }

    private static func bytes(_ count: Int, from workspace: Workspace) -> UnsafeMutableRawPointer {
        do {
            return UnsafeMutableRawPointer(try workspace.floats((count + 3) / 4))
        } catch {
            // As for an array: a process without memory for one product cannot go on.
            preconditionFailure(error.description)
        }
    }
}

/// One product, to be computed in pieces.
private struct Product {
    let matrix: PackedMatrix
    let input: PackedActivations
    let y: UnsafeMutablePointer<Float>
    let yStride: Int
    let bias: UnsafePointer<Float>?
    let activation: Activation
    let kernels: Kernels

    func compute(rows: Range<Int>, outputs: Range<Int>) {
        let rowsOfY = y + rows.lowerBound * yStride
        let x = input.values + rows.lowerBound * input.stride
        if matrix.format == .float32 {
            kernels.packedMultiply(
                rows: rows.count, depth: matrix.inputCount, x: x.assumingMemoryBound(to: Float.self),
                xStride: input.stride / MemoryLayout<Float>.stride, packed: matrix.packed, columns: outputs, y: rowsOfY,
                yStride: yStride)
        } else {
            multiplyReduced(rows: rows, x: x, outputs: outputs, y: rowsOfY)
        }
        guard bias != nil || activation != .none else { return }
        kernels.applyBias(
            bias.map { $0 + outputs.lowerBound }, activation: activation, rows: rows.count, size: outputs.count,
            y: rowsOfY + outputs.lowerBound, yStride: yStride)
    }

    private func multiplyReduced(
        rows: Range<Int>, x: UnsafeRawPointer, outputs: Range<Int>, y: UnsafeMutablePointer<Float>
    ) {
        let format = matrix.format
        let groupCount = matrix.paddedInputCount / matrix.groupSize
        let firstGroup = rows.lowerBound * groupCount
        var job = apus_packed_product()
        job.rows = rows.count
        job.depth = input.stride
        job.group = groupCount > 0 ? input.stride / groupCount : 1
        job.x = x.assumingMemoryBound(to: Int8.self)
        job.x_scales = input.scales.map { $0 + firstGroup }
        job.x_sums = input.sums.map { $0 + firstGroup }
        job.packed = matrix.packedBytes
        job.scales = matrix.scales
        job.minimums = matrix.minimums
        job.column_total = matrix.outputCount
        job.column_begin = outputs.lowerBound
        job.column_end = outputs.upperBound
        job.y = y
        job.y_stride = yStride
        kernels.multiply(job, format)
    }
}
