import Compute

/// Pages of one key/value head, whose bytes are all ones where nobody has written: no number in any format but int8,
/// whose scales are none.
final class TestPages {
    let format: CacheFormat
    let headSize: Int
    let tokensPerPage: Int
    /// Bytes from a page to the next, `gap` more than there are in one.
    let pageStride: Int
    private let memory: UnsafeMutableRawBufferPointer

    init(_ format: CacheFormat, headSize: Int, pageCount: Int, tokensPerPage: Int, gap: Int) {
        self.format = format
        self.headSize = headSize
        self.tokensPerPage = tokensPerPage
        pageStride = tokensPerPage * format.tokenByteCount(headSize: headSize) + gap
        memory = .allocate(byteCount: pageCount * pageStride, alignment: 4)
        memory.initializeMemory(as: UInt8.self, repeating: 0xFF)
    }

    deinit { memory.deallocate() }

    var base: UnsafeRawPointer { UnsafeRawPointer(memory.baseAddress!) }
    var bytes: [UInt8] { Array(memory) }

    func store(keys: [Float], values: [Float], page: Int, slot: Int, _ kernels: Kernels) {
        keys.withUnsafeBufferPointer { keys in
            values.withUnsafeBufferPointer { values in
                kernels.store(
                    CacheToken(
                        keys: keys.baseAddress!, values: values.baseAddress!, headCount: 1, headSize: headSize,
                        page: memory.baseAddress! + page * pageStride, headStride: pageStride, format: format,
                        tokensPerPage: tokensPerPage, slot: slot))
            }
        }
    }

    /// What a page holds of the numbers of one head, written here once more from the description.
    static func held(_ numbers: [Float], _ format: CacheFormat) -> [Double] {
        switch format {
        case .float32: numbers.map { Double($0) }
        case .bfloat16: numbers.map { Double(Float(bitPattern: UInt32(bfloat16($0)) << 16)) }
        case .int8:
            {
                let (scale, elements) = quantized(numbers)
                return elements.map { Double($0) * Double(scale) }
            }()
        }
    }

    static func bfloat16(_ number: Float) -> UInt16 {
        let bits = number.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }

    static func quantized(_ numbers: [Float]) -> (scale: Float16, elements: [Int8]) {
        let scale = Float16(numbers.map(abs).max()! / 127)
        guard scale > 0 else { return (scale, numbers.map { _ in 0 }) }
        let factor = 1 / Float(scale)
        return (scale, numbers.map { Int8(max(-127, min(127, ($0 * factor).rounded(.toNearestOrEven)))) })
    }
}
