package import Vocabulary

/// The element types of safetensors that Apus reads, by their names in the file.
package enum SafetensorsElementType: String, Sendable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case bool = "BOOL"

    /// Bytes per element.
    package var byteCount: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// The elements widened to Float32; nil unless the type is F32, F16 or BF16.
    func floats(_ data: Bytes) -> [Float]? {
        switch self {
        case .float32: data.map(UInt32.self) { Float(bitPattern: UInt32(littleEndian: $0)) }
        case .float16: data.map(UInt16.self) { Float(Float16(bitPattern: UInt16(littleEndian: $0))) }
        case .bfloat16: data.map(UInt16.self) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
        default: nil
        }
    }

    /// Whether `write` knows the type.
    package var isFloatingPoint: Bool { self == .float32 || self == .float16 || self == .bfloat16 }

    /// Writes the elements of `data` to `destination`, widened to Float32.
    ///
    /// - Precondition: the type is F32, F16 or BF16, and `destination` has room.
    /// - Returns: whether all of them are finite.
    package func write(_ data: Bytes, to destination: UnsafeMutablePointer<Float>) -> Bool {
        let count = data.count / byteCount
        data.withUnsafeBytes { source in
            switch self {
            case .float32:
                for i in 0..<count {
                    let bits = source.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
                    destination[i] = Float(bitPattern: UInt32(littleEndian: bits))
                }
            case .float16:
                for i in 0..<count {
                    let bits = source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
                    destination[i] = Float(Float16(bitPattern: UInt16(littleEndian: bits)))
                }
            case .bfloat16:
                for i in 0..<count {
                    let bits = source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
                    destination[i] = Float(bitPattern: UInt32(UInt16(littleEndian: bits)) << 16)
                }
            default: preconditionFailure("\(self) is no type of weights")
            }
        }
        // Whole numbers, so that the compiler may use vectors.
        var infiniteCount: UInt32 = 0
        for i in 0..<count { infiniteCount &+= destination[i].bitPattern & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0 }
        return infiniteCount == 0
    }

    /// The elements widened to Int64; nil unless the type is I64 or I32.
    func integers(_ data: Bytes) -> [Int64]? {
        switch self {
        case .int64: data.map(Int64.self) { Int64(littleEndian: $0) }
        case .int32: data.map(Int32.self) { Int64(Int32(littleEndian: $0)) }
        default: nil
        }
    }
}

extension Bytes {
    /// Each element of a packed, possibly unaligned array, transformed.
    fileprivate func map<Stored: BitwiseCopyable, Element>(
        _ type: Stored.Type, _ transform: (Stored) -> Element
    ) -> [Element] {
        let stride = MemoryLayout<Stored>.size
        return withUnsafeBytes { source in
            [Element](unsafeUninitializedCapacity: source.count / stride) { destination, count in
                count = source.count / stride
                for index in 0..<count {
                    let stored = source.loadUnaligned(fromByteOffset: index * stride, as: Stored.self)
                    destination.initializeElement(at: index, to: transform(stored))
                }
            }
        }
    }
}
