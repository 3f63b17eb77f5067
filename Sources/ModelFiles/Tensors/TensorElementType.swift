/// How the elements of a stored tensor are written, by the name that the formats give it.
///
/// Elements lie in blocks: of one element, or of 32 or 256 that share scales (GGUF).
package enum TensorElementType: String, Sendable, CaseIterable {
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
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q8_0 = "Q8_0"
    case q2K = "Q2_K"
    case q3K = "Q3_K"
    case q4K = "Q4_K"
    case q5K = "Q5_K"
    case q6K = "Q6_K"
    // Known by their size only, so that a file with them can be looked at.
    case iq1S = "IQ1_S"
    case iq1M = "IQ1_M"
    case iq2XXS = "IQ2_XXS"
    case iq2XS = "IQ2_XS"
    case iq2S = "IQ2_S"
    case iq3XXS = "IQ3_XXS"
    case iq3S = "IQ3_S"
    case iq4NL = "IQ4_NL"
    case iq4XS = "IQ4_XS"
    case tq1_0 = "TQ1_0"
    case tq2_0 = "TQ2_0"
    case mxfp4 = "MXFP4"

    /// Elements and bytes of a block.
    package var block: (elementCount: Int, byteCount: Int) {
        switch self {
        case .float64, .int64, .uint64: (1, 8)
        case .float32, .int32, .uint32: (1, 4)
        case .float16, .bfloat16, .int16, .uint16: (1, 2)
        case .int8, .uint8, .bool: (1, 1)
        case .q4_0, .iq4NL: (32, 18)
        case .q4_1: (32, 20)
        case .q5_0: (32, 22)
        case .q5_1: (32, 24)
        case .q8_0: (32, 34)
        case .mxfp4: (32, 17)
        case .q2K: (256, 84)
        case .q3K, .iq3S: (256, 110)
        case .q4K: (256, 144)
        case .q5K: (256, 176)
        case .q6K: (256, 210)
        case .iq1S: (256, 50)
        case .iq1M: (256, 56)
        case .iq2XXS, .tq2_0: (256, 66)
        case .iq2XS: (256, 74)
        case .iq2S: (256, 82)
        case .iq3XXS: (256, 98)
        case .iq4XS: (256, 136)
        case .tq1_0: (256, 54)
        }
    }

    /// The bytes that elements of `shape`, outermost extent first, take; nil when that is not whole blocks in every
    /// row, when an extent is negative or when the number is too large.
    package func byteCount(shape: [Int]) -> Int? {
        guard (shape.last ?? 1) % block.elementCount == 0 else { return nil }
        var blockCount = 1
        for (axis, extent) in shape.enumerated() {
            let factor = axis == shape.count - 1 ? extent / block.elementCount : extent
            let (product, overflow) = blockCount.multipliedReportingOverflow(by: factor)
            guard extent >= 0, !overflow else { return nil }
            blockCount = product
        }
        let (byteCount, overflow) = blockCount.multipliedReportingOverflow(by: block.byteCount)
        return overflow ? nil : byteCount
    }

    /// The types that a safetensors file may name.
    static let safetensors: Set<TensorElementType> = [
        .float64, .float32, .float16, .bfloat16, .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8,
        .bool,
    ]

    /// The types of GGUF by their numbers in the file.
    ///
    /// - Source: the GGUF specification, `ggml_type`.
    static let gguf: [UInt32: TensorElementType] = [
        0: .float32, 1: .float16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 10: .q2K, 11: .q3K, 12: .q4K,
        13: .q5K, 14: .q6K, 16: .iq2XXS, 17: .iq2XS, 18: .iq3XXS, 19: .iq1S, 20: .iq4NL, 21: .iq3S, 22: .iq2S,
        23: .iq4XS, 24: .int8, 25: .int16, 26: .int32, 27: .int64, 28: .float64, 29: .iq1M, 30: .bfloat16, 34: .tq1_0,
        35: .tq2_0, 39: .mxfp4,
    ]
}
