/// The pages of one sequence, in the order of its positions.
///
/// ```
/// pages[0]             pages[1]              …  pages[last]
/// [0, T)               [T, 2T)                  [last · T, tokenCount), the rest of it empty      T = tokensPerPage
/// ```
///
/// Append-only: a running step may go on reading pages while more are added. Whoever drops a table must release it.
package struct PageTable: Sendable, Equatable {
    /// Every page holds `tokensPerPage` positions, the last one perhaps fewer.
    package private(set) var pages: [Int32] = []
    /// Positions that have room: those stored and those about to be.
    package private(set) var tokenCount = 0

    /// No positions yet.
    package init() {}

    /// Pages that have to be allocated before `count` more tokens fit.
    package func pagesNeeded(forTokens count: Int, in pool: PagePool) -> Int {
        pool.pageCount(forTokens: tokenCount + count) - pages.count
    }

    /// Makes room for `count` more tokens.
    ///
    /// - Throws: `KVCacheError.outOfPages`; then nothing has changed.
    package mutating func append(tokenCount count: Int, from pool: inout PagePool) throws(KVCacheError) {
        precondition(count >= 0, "tokenCount \(count)")
        let needed = pagesNeeded(forTokens: count, in: pool)
        guard needed <= pool.freePageCount else {
            throw .outOfPages(needed: needed, free: pool.freePageCount)
        }
        for _ in 0..<needed { pages.append(pool.allocate()!) }
        tokenCount += count
    }

    /// Gives all pages back; the sequence has none any more.
    ///
    /// Last pages first, so that a sequence that starts again gets its pages in the same order.
    package mutating func release(to pool: inout PagePool) {
        for page in pages.reversed() { pool.release(page) }
        self = PageTable()
    }

    /// A table for another sequence that begins with the same tokens: shares the full pages of the first `tokenCount`
    /// positions.
    ///
    /// A page that is not full is not shared, because both would write into it; its tokens have to be computed again.
    ///
    /// - Precondition: `tokenCount` is in `0 ... self.tokenCount`.
    package func sharingPrefix(ofTokens tokenCount: Int, in pool: inout PagePool) -> PageTable {
        precondition((0...self.tokenCount).contains(tokenCount), "prefix of \(tokenCount) of \(self.tokenCount)")
        var table = PageTable()
        table.pages = Array(pages.prefix(tokenCount / pool.tokensPerPage))
        table.tokenCount = table.pages.count * pool.tokensPerPage
        for page in table.pages { pool.retain(page) }
        return table
    }
}

/// Why a sequence gets no room in the cache.
package enum KVCacheError: Error, Equatable, CustomStringConvertible {
    case outOfPages(needed: Int, free: Int)

    package var description: String {
        switch self {
        case .outOfPages(let needed, let free): "the cache has \(free) free pages, \(needed) are needed"
        }
    }
}
