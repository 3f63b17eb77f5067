import CKernels
package import Vocabulary

extension TensorElementType {
    /// Whether `dequantize` knows the type.
    package var isDequantizable: Bool { kernel != nil || self == .float32 }

    /// Widens whole blocks to Float32: half precision exactly, quantised blocks as the `gguf` Python package does, bit
    /// for bit.
    ///
    /// - Parameters:
    ///   - blocks: `count · block.byteCount` bytes as they stand in the file, of any alignment.
    ///   - count: how many blocks.
    ///   - destination: `count · block.elementCount` elements; does not overlap `blocks`.
    /// - Precondition: `isDequantizable`, and the counts fit.
    /// - Complexity: O(count), bound by memory; allocates nothing.
    package func dequantize(
        blocks: UnsafeRawBufferPointer, count: Int, into destination: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(
            count >= 0 && blocks.count == count * block.byteCount && destination.count == count * block.elementCount,
            "\(count) blocks of \(rawValue) in \(blocks.count) bytes to \(destination.count) elements")
        guard count > 0, let source = blocks.baseAddress, let target = destination.baseAddress else { return }
        if self == .float32 {
            // Little-endian, as every machine Apus runs on.
            UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: blocks.count)
            return
        }
        guard let kernel else { preconditionFailure("\(rawValue) cannot be dequantised") }
        kernel(count, source.assumingMemoryBound(to: UInt8.self), target)
    }

    /// Widens the whole blocks of `data` to Float32 at `destination`.
    ///
    /// - Precondition: `isDequantizable`, and `destination` has room.
    /// - Returns: whether all elements are finite.
    package func write(_ data: Bytes, to destination: UnsafeMutablePointer<Float>) -> Bool {
        let blockCount = data.count / block.byteCount
        let elements = UnsafeMutableBufferPointer(start: destination, count: blockCount * block.elementCount)
        data.withUnsafeBytes { dequantize(blocks: $0, count: blockCount, into: elements) }
        // Whole numbers, so that the compiler may use vectors.
        var infiniteCount: UInt32 = 0
        for element in elements { infiniteCount &+= element.bitPattern & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0 }
        return infiniteCount == 0
    }

    private typealias Kernel = @convention(c) (Int, UnsafePointer<UInt8>?, UnsafeMutablePointer<Float>?) -> Void

    private var kernel: Kernel? {
        switch self {
        case .float16: apus_dequantize_f16
        case .bfloat16: apus_dequantize_bf16
        case .q4_0: apus_dequantize_q4_0
        case .q4_1: apus_dequantize_q4_1
        case .q5_0: apus_dequantize_q5_0
        case .q5_1: apus_dequantize_q5_1
        case .q8_0: apus_dequantize_q8_0
        case .q2K: apus_dequantize_q2_k
        case .q3K: apus_dequantize_q3_k
        case .q4K: apus_dequantize_q4_k
        case .q5K: apus_dequantize_q5_k
        case .q6K: apus_dequantize_q6_k
        default: nil
        }
    }
}
