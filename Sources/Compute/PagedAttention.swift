import CKernels

/// One query token, one key/value head, and the query heads that share it.
///
/// A page holds `tokensPerPage` positions of one sequence. For one layer and one key/value head it holds the keys
/// transposed, `[headSize][tokensPerPage]`, behind them the values as `[tokensPerPage][headSize]`, and behind those the
/// scales that a format may have.
///
/// - Source: Kwon et al. 2023, section 4.1; paged_attention.c for the arithmetic, paged_cache.h for the pages.
package struct PagedAttention {
    /// `[queryCount, headSize]`, rows `queryStride` apart.
    package var queries: UnsafePointer<Float>
    package var queryStride: Int
    package var queryCount: Int
    package var headSize: Int
    /// The keys of this layer and head in page 0.
    package var cache: UnsafeRawPointer
    package var format: CacheFormat
    /// Bytes from a page to the next.
    package var pageStride: Int
    /// `pages[i]` holds positions `i · tokensPerPage ..< (i + 1) · tokensPerPage`; covers `positionCount`.
    package var pages: UnsafePointer<Int32>
    package var tokensPerPage: Int
    /// Positions there are, from 0; at least 1.
    package var positionCount: Int
    /// Positions attended to, the last ones; 0 for all.
    package var window: Int
    /// Factor of each score, usually `1 / sqrt(headSize)`.
    package var scale: Float
    /// Each score becomes `softCap · tanh(score / softCap)`; 0 for none.
    package var softCap: Float
    /// Scratch, `[queryCount, scoreStride]`, `scoreStride` at least `positionCount`.
    package var scores: UnsafeMutablePointer<Float>
    package var scoreStride: Int
    /// `[queryCount, headSize]`, rows `outputStride` apart; overlaps nothing else.
    package var output: UnsafeMutablePointer<Float>
    package var outputStride: Int

    package init(
        queries: UnsafePointer<Float>, queryStride: Int, queryCount: Int, headSize: Int,
        cache: UnsafeRawPointer, format: CacheFormat, pageStride: Int, pages: UnsafePointer<Int32>,
        tokensPerPage: Int, positionCount: Int, window: Int = 0, scale: Float, softCap: Float = 0,
        scores: UnsafeMutablePointer<Float>, scoreStride: Int, output: UnsafeMutablePointer<Float>, outputStride: Int
    ) {
        self.queries = queries
        self.queryStride = queryStride
        self.queryCount = queryCount
        self.headSize = headSize
        self.cache = cache
        self.format = format
        self.pageStride = pageStride
        self.pages = pages
        self.tokensPerPage = tokensPerPage
        self.positionCount = positionCount
        self.window = window
        self.scale = scale
        self.softCap = softCap
        self.scores = scores
        self.scoreStride = scoreStride
        self.output = output
        self.outputStride = outputStride
    }

    func withCStructure(_ body: (UnsafePointer<apus_attention>) -> Void) {
        withUnsafePointer(to: cStructure) { body($0) }
    }

    var cStructure: apus_attention {
        precondition(
            positionCount >= 1 && window >= 0 && tokensPerPage >= 1 && headSize >= 1 && scoreStride >= positionCount,
            "positions \(positionCount), page \(tokensPerPage), head \(headSize), scores \(scoreStride)")
        return apus_attention(
            queries: queries, query_stride: queryStride, query_count: queryCount, head_size: headSize, cache: cache,
            page_stride: pageStride, element_type: format.elementType, pages: pages, tokens_per_page: tokensPerPage,
            position_count: positionCount, window: window, scale: scale, soft_cap: softCap, scores: scores,
            score_stride: scoreStride, output: output, output_stride: outputStride)
    }
}

/// Neighbouring tokens of one sequence, one key/value head, and the query heads that share it.
///
/// The same bits as a `PagedAttention` for each token; keys and values are read once for many of them.
package struct PagedAttentionRows {
    /// Of the first token: each one after it attends to one position more, and `scoreStride` is enough for the last.
    ///
    /// `scores` is `[tileSize, scoreStride]`.
    package var first: PagedAttention
    package var rowCount: Int
    /// Floats from the queries of a row to those of the next, and for the outputs.
    package var queryRowStride: Int
    package var outputRowStride: Int
    /// Scratch, `[headSize, tileSize]`.
    package var packedQueries: UnsafeMutablePointer<Float>

    /// Query vectors that are computed together.
    package static let tileSize = Int(APUS_ATTENTION_TILE)

    package init(
        first: PagedAttention, rowCount: Int, queryRowStride: Int, outputRowStride: Int,
        packedQueries: UnsafeMutablePointer<Float>
    ) {
        self.first = first
        self.rowCount = rowCount
        self.queryRowStride = queryRowStride
        self.outputRowStride = outputRowStride
        self.packedQueries = packedQueries
    }

    func withCStructure(_ body: (UnsafePointer<apus_attention_rows>) -> Void) {
        precondition(
            rowCount >= 1 && first.scoreStride >= first.positionCount + rowCount - 1,
            "\(rowCount) rows, positions \(first.positionCount), scores \(first.scoreStride)")
        let job = apus_attention_rows(
            first: first.cStructure, row_count: rowCount, query_row_stride: queryRowStride,
            output_row_stride: outputRowStride, packed_queries: packedQueries)
        withUnsafePointer(to: job) { body($0) }
    }
}
