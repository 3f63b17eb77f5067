import CKernels
import CLinux
import Glibc

extension PackedMatrix {
    /// Packs weights as they are read, a few outputs at a time and on all threads of `gang`, so that a matrix is never
    /// in memory twice.
    ///
    /// - Parameters:
    ///   - inputCount: length of an input row (K).
    ///   - outputCount: length of an output row (N).
    ///   - format: how to store them.
    ///   - groupSize: inputs that share a scale of a quantised format, 32, 64 or 128; nil for the format's.
    ///   - gang: the threads; `fill` runs on several of them at once.
    ///   - fill: gives the weights of a range of outputs to the filler, all of them.
    /// - Throws: `ComputeError.outOfMemory`.
    package init(
        inputCount: Int, outputCount: Int, format: WeightFormat, groupSize: Int? = nil, on gang: ComputeGang,
        filling fill: (_ outputs: Range<Int>, _ filler: Filler) -> Void
    ) throws(ComputeError) {
        try self.init(
            zerosOfInputCount: inputCount, outputCount: outputCount, format: format, groupSize: groupSize)
        let unit = outputUnit
        let matrix = self
        let scratch = try FloatStorage(zeros: gang.threadCount * unit * inputCount)
        gang.parallelFor(
            count: (outputCount + unit - 1) / unit,
            perThread: { panels, thread in
                let filler = Filler(matrix: matrix, scratch: scratch.base + thread * unit * inputCount)
                for panel in panels {
                    apus_pause_if_due()
                    fill(panel * unit..<min((panel + 1) * unit, outputCount), filler)
                }
            })
    }

    /// The same for weights that are read as float32: `read` writes those of a range of outputs, `[range, inputCount]`.
    package init(
        inputCount: Int, outputCount: Int, format: WeightFormat, on gang: ComputeGang,
        reading read: (_ outputs: Range<Int>, _ destination: UnsafeMutablePointer<Float>) -> Void
    ) throws(ComputeError) {
        try self.init(
            inputCount: inputCount, outputCount: outputCount, format: format, on: gang,
            filling: { outputs, filler in filler.pack(outputs) { read(outputs, $0) } })
    }

    /// Takes the weights of some outputs of a matrix that is being made.
    package struct Filler {
        fileprivate let matrix: PackedMatrix
        /// Room for the weights of `outputUnit` outputs.
        fileprivate let scratch: UnsafeMutablePointer<Float>

        /// Packs what `read` writes, `[outputs, inputCount]`.
        ///
        /// - Precondition: `outputs` lie in the range that the filler came with.
        package func pack(_ outputs: Range<Int>, _ read: (UnsafeMutablePointer<Float>) -> Void) {
            precondition(outputs.count <= matrix.outputUnit, "\(outputs) are more than \(matrix.outputUnit)")
            read(scratch)
            matrix.pack(scratch, outputStride: matrix.inputCount, inputStride: 1, outputs: outputs)
        }

        /// Repacks the blocks of some outputs.
        ///
        /// - Parameters:
        ///   - blocks: `[outputs, inputCount / elements of a block]`, of any alignment.
        ///   - kind: what they are; the matrix has its format and a group size of 32.
        ///   - outputs: in the range that the filler came with.
        /// - Returns: whether all scales are numbers that half precision holds.
        package func repack(
            _ blocks: UnsafeRawBufferPointer, _ kind: QuantizedBlocks, outputs: Range<Int>
        ) -> Bool {
            precondition(matrix.format == kind.format && matrix.groupSize == QuantizedBlocks.groupSize)
            precondition(
                matrix.inputCount % kind.block.elementCount == 0
                    && blocks.count == outputs.count * matrix.inputCount / kind.block.elementCount
                        * kind.block.byteCount
                    && outputs.upperBound <= matrix.outputCount,
                "\(blocks.count) bytes for outputs \(outputs)")
            guard let base = blocks.bindMemory(to: UInt8.self).baseAddress, let scaleStorage = matrix.scaleStorage
            else { return true }
            let (packed, scales) = (matrix.bytes(of: matrix.storage), matrix.halves(of: scaleStorage))
            let minimums = matrix.minimumStorage.map { matrix.halves(of: $0) }
            let (count, depth) = (outputs.count, matrix.inputCount)
            let (begin, total) = (outputs.lowerBound, matrix.outputCount)
            let isGood =
                switch kind {
                case .q8_0: apus_repack_q8_0(count, depth, base, begin, total, packed, scales)
                case .q5_0: apus_repack_q5_0(count, depth, base, begin, total, packed, scales)
                case .q4_0AsInt8: apus_repack_q4_0_int8(count, depth, base, begin, total, packed, scales)
                case .q4_0: apus_repack_q4_0(count, depth, base, begin, total, packed, scales, minimums)
                case .q4_1: apus_repack_q4_1(count, depth, base, begin, total, packed, scales, minimums)
                case .q4K: apus_repack_q4_k(count, depth, base, begin, total, packed, scales, minimums)
                }
            return isGood != 0
        }
    }
}

/// Blocks of GGUF files that become weights of eight or four bits in groups of 32 as they are.
///
/// All exactly, but for `q4K`, whose scales and minimums are products that are rounded to half precision.
package enum QuantizedBlocks: Sendable {
    case q8_0, q5_0, q4_0AsInt8, q4_0, q4_1, q4K

    /// Weights that share a scale.
    package static let groupSize = 32

    package var format: WeightFormat {
        switch self {
        case .q8_0, .q5_0, .q4_0AsInt8: .int8
        case .q4_0, .q4_1, .q4K: .int4
        }
    }

    /// Elements and bytes of a block.
    var block: (elementCount: Int, byteCount: Int) {
        switch self {
        case .q8_0: (32, 34)
        case .q5_0: (32, 22)
        case .q4_0AsInt8, .q4_0: (32, 18)
        case .q4_1: (32, 20)
        case .q4K: (256, 144)
        }
    }
}

extension ComputeGang {
    /// A gang for who packs weights: of all processors, or of the calling thread alone while it makes pauses, which the
    /// other threads of a gang would not.
    package static func forPacking() -> ComputeGang {
        let processorCount = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        return ComputeGang(threadCount: apus_pauses() ? 1 : min(max(1, processorCount), threadCountMax))
    }
}
