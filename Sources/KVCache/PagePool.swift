/// Which pages of a paged cache are free, which are kept for later, and how many sequences hold each of the others.
///
/// A *page* is room for the keys and values of `tokensPerPage` neighbouring positions of one sequence, in all layers of
/// a model. Here it is only a number in `0 ..< pageCount`; the memory behind it is the model's. Several sequences may
/// hold a page whose tokens they share.
///
/// ```
///             allocate                     last holder releases it, it has a name
///   free ───────────────▶ held ──────────────────────────────────────▶ cached
///    ▲                    │  ▲                                          │   │
///    └────────────────────┘  └──────────── retain: a hit ───────────────┘   │ allocate, when nothing is free:
///      last holder releases it, it has no name         ▲                    │ the least recently used is evicted
///                                                       └── held, new name ──┘
/// ```
///
/// A sequence holds every page before one that it holds, and releases the last one first. So of two cached pages the
/// one further from the start of its text was released earlier, and the least recently used page is never one that a
/// page in the cache follows: plain order of release evicts the ends of texts before their beginnings.
///
/// - Isolation: a value; owned by the scheduler of an engine.
/// - Source: Kwon et al. 2023, section 4.3 (block tables and reference counts).
package struct PagePool: Sendable {
    /// Positions in a page; at least 1.
    package let tokensPerPage: Int
    /// By page: how many holders it has; 0 for one that is free or cached.
    var holderCounts: [Int32]
    /// The free pages; taken from the end, so that the page released last, which is likely still in a cache, goes
    /// first.
    var freePages: [Int32]
    /// Pages that nobody holds and that can be found, the least recently used first.
    var cachedPages: PageQueue
    var index: PrefixIndex
    /// Cached pages that were given to somebody else so far.
    package private(set) var evictionCount: UInt64 = 0

    /// The most pages of a pool.
    package static let pageCountMax = Int(Int32.max) - 1

    /// A pool of `pageCount` free pages.
    ///
    /// - Precondition: `pageCount` is in `0 ... pageCountMax`, `tokensPerPage` at least 1.
    package init(pageCount: Int, tokensPerPage: Int) {
        precondition((0...Self.pageCountMax).contains(pageCount), "pageCount \(pageCount)")
        precondition(tokensPerPage >= 1, "tokensPerPage \(tokensPerPage)")
        self.tokensPerPage = tokensPerPage
        self.holderCounts = Array(repeating: 0, count: pageCount)
        self.freePages = (0..<Int32(pageCount)).reversed()
        self.cachedPages = PageQueue(pageCount: pageCount)
        self.index = PrefixIndex(pageCount: pageCount)
    }

    /// Pages in all: free, cached and held.
    package var pageCount: Int { holderCounts.count }
    /// Pages that nobody holds and nobody can find.
    package var freePageCount: Int { freePages.count }
    /// Pages that nobody holds and that can be found again, until somebody needs the room.
    package var cachedPageCount: Int { cachedPages.count }
    /// Pages that `allocate` can give.
    package var availablePageCount: Int { freePageCount + cachedPageCount }
    /// Pages that somebody holds.
    package var heldPageCount: Int { pageCount - availablePageCount }

    /// Pages that `tokenCount` positions take.
    package func pageCount(forTokens tokenCount: Int) -> Int {
        precondition(tokenCount >= 0, "tokenCount \(tokenCount)")
        return tokenCount / tokensPerPage + (tokenCount % tokensPerPage == 0 ? 0 : 1)
    }

    /// Takes a page for one holder, evicting the least recently used one if none is free; nil when all are held.
    package mutating func allocate() -> Int32? {
        guard let page = freePages.popLast() ?? evict() else { return nil }
        holderCounts[Int(page)] = 1
        return page
    }

    /// Adds a holder to a page.
    ///
    /// - Precondition: somebody holds it, or it is cached.
    package mutating func retain(_ page: Int32) {
        if holderCount(of: page) == 0 {
            precondition(cachedPages.contains(page), "retain of free page \(page)")
            cachedPages.remove(page)
        }
        holderCounts[Int(page)] += 1
    }

    /// Takes a holder from a page; after the last one it is cached if it can be found, else free.
    ///
    /// - Precondition: somebody holds it.
    package mutating func release(_ page: Int32) {
        precondition(holderCount(of: page) > 0, "release of free page \(page)")
        holderCounts[Int(page)] -= 1
        guard holderCounts[Int(page)] == 0 else { return }
        if index.contains(page) {
            cachedPages.append(page)
        } else {
            freePages.append(page)
        }
    }

    /// How many hold the page.
    ///
    /// - Precondition: `page` is in `0 ..< pageCount`.
    package func holderCount(of page: Int32) -> Int {
        precondition(page >= 0 && Int(page) < pageCount, "page \(page) of \(pageCount)")
        return Int(holderCounts[Int(page)])
    }

    /// How many pages nobody would hold any more after all of `tables` were released.
    package func pageCount(heldOnlyBy tables: some Sequence<PageTable>) -> Int {
        var counts: [Int32: Int32] = [:]
        for table in tables {
            for page in table.pages { counts[page, default: 0] += 1 }
        }
        return counts.count { $0.value == holderCounts[Int($0.key)] }
    }

    // MARK: Finding pages again

    /// The pages in the cache, held or not, that hold the first tokens of a sequence.
    ///
    /// Changes nothing; `PageTable.init(sharing:in:)` takes hold of them.
    ///
    /// - Parameters:
    ///   - tokens: of the sequence, from its start.
    ///   - tokenCountMax: most tokens that the pages may hold.
    ///   - scope: whose pages count.
    /// - Returns: the longest run of full pages from the start.
    /// - Complexity: O(tokens found).
    package func pages(holding tokens: [Int32], tokenCountMax: Int, in scope: PrefixScope) -> [Int32] {
        var pages: [Int32] = []
        let pageCountMax = min(tokens.count, max(0, tokenCountMax)) / tokensPerPage
        while pages.count < pageCountMax,
            let page = index.page(of: name(ofPage: pages.count, after: pages.last, tokens, scope))
        {
            pages.append(page)
        }
        return pages
    }

    /// Lets a full page whose tokens are computed be found from now on.
    ///
    /// - Parameters:
    ///   - page: held by the caller.
    ///   - place: which page of the sequence it is.
    ///   - parent: the page before it, which can be found; nil for the first.
    ///   - tokens: of the sequence, those of the page included.
    ///   - scope: whose the page is.
    /// - Returns: the page that is found under this name: another than `page` if somebody was faster.
    mutating func publish(
        _ page: Int32, at place: Int, after parent: Int32?, tokens: [Int32], scope: PrefixScope
    ) -> Int32 {
        precondition(holderCount(of: page) > 0, "page \(page) is published by nobody")
        let name = name(ofPage: place, after: parent, tokens, scope)
        if let existing = index.page(of: name) { return existing }
        index.insert(page, name)
        return page
    }

    private func name(
        ofPage place: Int, after parent: Int32?, _ tokens: [Int32], _ scope: PrefixScope
    ) -> PrefixIndex.Name {
        let start = place * tokensPerPage
        return PrefixIndex.Name(
            namespace: scope.namespace(ofPage: place), parent: parent ?? -1,
            tokens: Array(tokens[start..<start + tokensPerPage]))
    }

    private mutating func evict() -> Int32? {
        guard let page = cachedPages.popFirst() else { return nil }
        index.remove(page)
        evictionCount += 1
        return page
    }
}
