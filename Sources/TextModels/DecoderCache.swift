import Compute

/// The memory behind the pages of a model: keys and values of every layer.
///
/// ```
/// [layer][page][keyValueHead] { keys [headSize][tokensPerPage] · values [tokensPerPage][headSize] }      float32
/// ```
///
/// Keys lie transposed, so that one register holds the scores of neighbouring positions. All pages of a layer lie
/// together, because a step walks layer by layer.
///
/// - Isolation: engine thread and, during a step, its gang; sequences write their own pages only.
struct DecoderCache {
    let pageCount: Int
    let tokensPerPage: Int
    private let headSize: Int
    private let keyValueHeadCount: Int
    private let storage: FloatStorage

    /// Allocates zeros.
    ///
    /// - Throws: `ComputeError.outOfMemory`, also for sizes that cannot be counted.
    init(
        layerCount: Int, keyValueHeadCount: Int, headSize: Int, pageCount: Int, tokensPerPage: Int
    ) throws(ComputeError) {
        precondition(pageCount >= 0 && tokensPerPage >= 1, "\(pageCount) pages of \(tokensPerPage)")
        var count = 2
        for extent in [layerCount, pageCount, keyValueHeadCount, headSize, tokensPerPage] {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw .outOfMemory(byteCount: .max) }
            count = product
        }
        storage = try FloatStorage(zeros: count)
        self.pageCount = pageCount
        self.tokensPerPage = tokensPerPage
        self.headSize = headSize
        self.keyValueHeadCount = keyValueHeadCount
    }

    /// Floats from the keys of one head to its values.
    var valueOffset: Int { headSize * tokensPerPage }
    /// Floats from a page to the next of the same layer.
    var pageStride: Int { keyValueHeadCount * 2 * valueOffset }

    /// The keys of a head in page 0 of a layer.
    func base(layer: Int, head: Int) -> UnsafeMutablePointer<Float> {
        storage.base + layer * pageCount * pageStride + head * 2 * valueOffset
    }

    /// Stores the keys and values of one token, each `[keyValueHeadCount, headSize]`.
    func store(
        keys: UnsafePointer<Float>, values: UnsafePointer<Float>, layer: Int, page: Int32, slot: Int
    ) {
        for head in 0..<keyValueHeadCount {
            let destination = base(layer: layer, head: head) + Int(page) * pageStride
            for i in 0..<headSize { destination[i * tokensPerPage + slot] = keys[head * headSize + i] }
            (destination + valueOffset + slot * headSize).update(from: values + head * headSize, count: headSize)
        }
    }
}
