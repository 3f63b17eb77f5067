/// The pages of one sequence, in the order of its positions.
///
/// ```
/// pages[0]             pages[1]              …  pages[last]
/// [0, T)               [T, 2T)                  [last · T, tokenCount), the rest of it empty      T = tokensPerPage
/// ```
///
/// Pages that may be shared are full, and nobody writes into a full page; the last, half-full one is the sequence's
/// own. Whoever drops a table must release it.
package struct PageTable: Sendable, Equatable {
    /// Every page holds `tokensPerPage` positions, the last one perhaps fewer.
    package private(set) var pages: [Int32] = []
    /// Positions that have room: those stored and those about to be.
    package private(set) var tokenCount = 0
    /// How many of the first pages can be found by other sequences.
    private(set) var publishedPageCount = 0

    /// No positions yet.
    package init() {}

    /// Begins with pages of other sequences, in the cache or still held, as `PagePool.pages(holding:…)` found them.
    package init(sharing pages: [Int32], in pool: inout PagePool) {
        self.pages = pages
        tokenCount = pages.count * pool.tokensPerPage
        publishedPageCount = pages.count
        for page in pages { pool.retain(page) }
    }

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
        guard needed <= pool.availablePageCount else {
            throw .outOfPages(needed: needed, available: pool.availablePageCount)
        }
        for _ in 0..<needed { pages.append(pool.allocate()!) }
        tokenCount += count
    }

    /// Takes back the room behind the first `count` positions: what was stored there did not come true.
    ///
    /// - Precondition: `count` is at most `tokenCount`, and no published page lies behind it.
    package mutating func truncate(toTokenCount count: Int, in pool: inout PagePool) {
        precondition(
            publishedPageCount * pool.tokensPerPage <= count && count <= tokenCount,
            "\(tokenCount) positions, \(publishedPageCount) pages of them published, cut to \(count)")
        tokenCount = count
        let pageCount = pool.pageCount(forTokens: count)
        while pages.count > pageCount { pool.release(pages.removeLast()) }
    }

    /// Lets other sequences find the full pages among the first `computedTokenCount` positions.
    ///
    /// Where another sequence has computed the same page before, this one goes on with that page and gives its own
    /// back: the two hold the same bits, and then every page that can be found is held by whoever holds one behind it.
    /// For the same reason a sequence publishes all its full pages or none.
    ///
    /// - Parameters:
    ///   - tokens: of the sequence, at least `computedTokenCount`.
    ///   - computedTokenCount: positions whose keys and values are in the pages; at most `tokenCount`.
    ///   - scope: whose they are, the same each time.
    ///   - pool: of the pages.
    /// - Precondition: no step that writes into the pages is under way.
    package mutating func publish(
        _ tokens: [Int32], computedTokenCount: Int, in scope: PrefixScope, of pool: inout PagePool
    ) {
        precondition(
            computedTokenCount <= min(tokenCount, tokens.count),
            "\(computedTokenCount) computed of \(tokens.count) tokens, room for \(tokenCount)")
        while (publishedPageCount + 1) * pool.tokensPerPage <= computedTokenCount {
            let place = publishedPageCount
            let own = pages[place]
            let parent = place > 0 ? pages[place - 1] : nil
            let found = pool.publish(own, at: place, after: parent, tokens: tokens, scope: scope)
            if found != own {
                pool.retain(found)
                pool.release(own)
                pages[place] = found
            }
            publishedPageCount += 1
        }
    }

    /// Gives all pages back; the sequence has none any more.
    ///
    /// Last pages first: see `PagePool` for why eviction depends on it.
    package mutating func release(to pool: inout PagePool) {
        for page in pages.reversed() { pool.release(page) }
        self = PageTable()
    }
}

/// Why a sequence gets no room in the cache.
package enum KVCacheError: Error, Equatable, CustomStringConvertible {
    case outOfPages(needed: Int, available: Int)

    package var description: String {
        switch self {
        case .outOfPages(let needed, let available): "the cache has \(available) pages to give, \(needed) are needed"
        }
    }
}
