import Compute

/// The memory behind the pages of a model: keys and values of every layer.
///
/// ```
/// [layer][page][keyValueHead] { keys [headSize][tokensPerPage] · values [tokensPerPage][headSize] · scales }
/// ```
///
/// Keys lie transposed, so that one register holds the scores of neighbouring positions. All pages of a layer lie
/// together, because a step walks layer by layer. Nothing lies between the parts, so the memory is exactly what the
/// format needs for each token.
///
/// - Isolation: engine thread and, during a step, its gang; sequences write their own pages only.
struct DecoderCache {
    let format: CacheFormat
    let pageCount: Int
    let tokensPerPage: Int
    /// Bytes of all pages of all layers.
    let byteCount: Int
    private let headSize: Int
    private let keyValueHeadCount: Int
    private let storage: FloatStorage

    /// Allocates zeros.
    ///
    /// - Throws: `ComputeError.outOfMemory`, also for sizes that cannot be counted.
    init(
        _ format: CacheFormat, layerCount: Int, keyValueHeadCount: Int, headSize: Int, pageCount: Int,
        tokensPerPage: Int
    ) throws(ComputeError) {
        precondition(pageCount >= 0 && tokensPerPage >= 1, "\(pageCount) pages of \(tokensPerPage)")
        var count = format.tokenByteCount(headSize: headSize)
        for extent in [layerCount, pageCount, keyValueHeadCount, tokensPerPage] {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw .outOfMemory(byteCount: .max) }
            count = product
        }
        let stride = MemoryLayout<Float>.stride
        storage = try FloatStorage(zeros: count / stride + (count % stride == 0 ? 0 : 1))
        byteCount = count
        self.format = format
        self.pageCount = pageCount
        self.tokensPerPage = tokensPerPage
        self.headSize = headSize
        self.keyValueHeadCount = keyValueHeadCount
    }

    /// Bytes from a head of a page to the next.
    var headStride: Int { tokensPerPage * format.tokenByteCount(headSize: headSize) }
    /// Bytes from a page to the next of the same layer.
    var pageStride: Int { keyValueHeadCount * headStride }

    /// The keys of a head in page 0 of a layer.
    func base(layer: Int, head: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(storage.base) + layer * pageCount * pageStride + head * headStride
    }

    /// Stores the keys and values of one token, each `[keyValueHeadCount, headSize]`.
    func store(
        keys: UnsafePointer<Float>, values: UnsafePointer<Float>, layer: Int, page: Int32, slot: Int,
        _ kernels: Kernels
    ) {
        kernels.store(
            CacheToken(
                keys: keys, values: values, headCount: keyValueHeadCount, headSize: headSize,
                page: base(layer: layer, head: 0) + Int(page) * pageStride, headStride: headStride, format: format,
                tokensPerPage: tokensPerPage, slot: slot))
    }
}
