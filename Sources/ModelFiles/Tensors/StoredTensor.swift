package import Vocabulary

/// A tensor as it stands in a model file: checked, but not read.
package struct StoredTensor: Sendable {
    /// The file it is in, named in errors.
    package let file: String
    package let elementType: TensorElementType
    /// Non-negative extents, outermost first.
    package let shape: [Int]
    /// The elements, row-major, little-endian, in whole blocks of `elementType`; shares the file's memory and may be
    /// unaligned.
    package let data: Bytes

    /// - Precondition: `data` has the bytes that `shape` of `elementType` takes.
    package init(file: String, elementType: TensorElementType, shape: [Int], data: Bytes) {
        precondition(
            elementType.byteCount(shape: shape) == data.count,
            "\(shape) of \(elementType.rawValue) in \(data.count) bytes")
        self.file = file
        self.elementType = elementType
        self.shape = shape
        self.data = data
    }

    /// The product of the extents.
    package var elementCount: Int { data.count / elementType.block.byteCount * elementType.block.elementCount }

    /// The elements widened to Float32; nil unless the type is a floating-point or a quantised one that Apus reads.
    func floats() -> [Float]? {
        guard elementType.isDequantizable else { return nil }
        let blockCount = data.count / elementType.block.byteCount
        return data.withUnsafeBytes { source in
            [Float](unsafeUninitializedCapacity: elementCount) { destination, count in
                count = elementCount
                let target = UnsafeMutableBufferPointer(rebasing: destination[..<count])
                elementType.dequantize(blocks: source, count: blockCount, into: target)
            }
        }
    }

    /// The elements widened to Int64; nil unless the type is I64 or I32.
    func integers() -> [Int64]? {
        switch elementType {
        case .int64: elements(Int64.self) { Int64(littleEndian: $0) }
        case .int32: elements(Int32.self) { Int64(Int32(littleEndian: $0)) }
        default: nil
        }
    }

    private func elements<Stored: BitwiseCopyable>(
        _ type: Stored.Type, _ transform: (Stored) -> Int64
    ) -> [Int64] {
        let stride = MemoryLayout<Stored>.size
        return data.withUnsafeBytes { source in
            (0..<source.count / stride).map {
                transform(source.loadUnaligned(fromByteOffset: $0 * stride, as: Stored.self))
            }
        }
    }
}
