import CKernels

/// How keys and values are stored in the pages of a cache.
///
/// | | bits a number | error |
/// |---|--:|---|
/// | `float32` | 32 | none |
/// | `bfloat16` | 16 | 2⁻⁹ of the number |
/// | `int8` | 8, and 16 for each key and each value of a head | half a step of 1/127 of the largest of the head |
///
/// Attention is computed in float32 whatever the format, in the same order.
///
/// - Source: Kwon et al. 2023, section 4.1.
package enum CacheFormat: String, Sendable, CaseIterable {
    case float32 = "f32"
    case bfloat16 = "bf16"
    case int8

    /// Bytes of a number.
    package var elementByteCount: Int {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        case .int8: 1
        }
    }

    /// Bytes of the key and the value of one token in one head, with their scales.
    package func tokenByteCount(headSize: Int) -> Int {
        2 * (headSize * elementByteCount + (self == .int8 ? MemoryLayout<UInt16>.stride : 0))
    }

    var elementType: Int32 {
        switch self {
        case .float32: Int32(APUS_CACHE_FLOAT32)
        case .bfloat16: Int32(APUS_CACHE_BFLOAT16)
        case .int8: Int32(APUS_CACHE_INT8)
        }
    }
}

extension WeightFormat {
    /// The pages of a model whose settings do not say: those that lose no more than its weights do.
    package var usualCacheFormat: CacheFormat { self == .float32 ? .float32 : .bfloat16 }
}

/// The keys and values of one token in one layer, on their way into its page.
package struct CacheToken {
    /// `[headCount, headSize]`, dense, as the values.
    package var keys: UnsafePointer<Float>
    package var values: UnsafePointer<Float>
    package var headCount: Int
    package var headSize: Int
    /// The keys of the first head in the token's page; written to.
    package var page: UnsafeMutableRawPointer
    /// Bytes from a head to the next.
    package var headStride: Int
    package var format: CacheFormat
    package var tokensPerPage: Int
    /// In `0 ..< tokensPerPage`.
    package var slot: Int

    package init(
        keys: UnsafePointer<Float>, values: UnsafePointer<Float>, headCount: Int, headSize: Int,
        page: UnsafeMutableRawPointer, headStride: Int, format: CacheFormat, tokensPerPage: Int, slot: Int
    ) {
        self.keys = keys
        self.values = values
        self.headCount = headCount
        self.headSize = headSize
        self.page = page
        self.headStride = headStride
        self.format = format
        self.tokensPerPage = tokensPerPage
        self.slot = slot
    }

    func withCStructure(_ body: (UnsafePointer<apus_cache_token>) -> Void) {
        precondition(slot >= 0 && slot < tokensPerPage, "slot \(slot) of \(tokensPerPage)")
        precondition(
            headStride >= tokensPerPage * format.tokenByteCount(headSize: headSize), "heads \(headStride) bytes apart")
        let job = apus_cache_token(
            keys: keys, values: values, head_count: headCount, head_size: headSize, page: page,
            head_stride: headStride, element_type: format.elementType, tokens_per_page: tokensPerPage, slot: slot)
        withUnsafePointer(to: job) { body($0) }
    }
}
