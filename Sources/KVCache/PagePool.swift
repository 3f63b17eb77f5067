/// Which pages of a paged cache are free, and how many sequences hold each of the others.
///
/// A *page* is room for the keys and values of `tokensPerPage` neighbouring positions of one sequence, in all layers of
/// a model. Here it is only a number in `0 ..< pageCount`; the memory behind it is the model's. Several sequences may
/// hold a page whose tokens they share; it is free again when the last one releases it.
///
/// - Isolation: a value; owned by the scheduler of an engine.
/// - Source: Kwon et al. 2023, section 4.3 (block tables and reference counts).
package struct PagePool: Sendable {
    /// Positions in a page; at least 1.
    package let tokensPerPage: Int
    /// By page: how many holders it has; 0 for a free page.
    var holderCounts: [Int32]
    /// The free pages; taken from the end, so that the page released last, which is likely still in a cache, goes
    /// first.
    var freePages: [Int32]

    /// The most pages of a pool.
    package static let pageCountMax = Int(Int32.max)

    /// A pool of `pageCount` free pages.
    ///
    /// - Precondition: `pageCount` is in `0 ... pageCountMax`, `tokensPerPage` at least 1.
    package init(pageCount: Int, tokensPerPage: Int) {
        precondition((0...Self.pageCountMax).contains(pageCount), "pageCount \(pageCount)")
        precondition(tokensPerPage >= 1, "tokensPerPage \(tokensPerPage)")
        self.tokensPerPage = tokensPerPage
        self.holderCounts = Array(repeating: 0, count: pageCount)
        self.freePages = (0..<Int32(pageCount)).reversed()
    }

    /// Pages in all.
    package var pageCount: Int { holderCounts.count }
    /// Pages that nobody holds.
    package var freePageCount: Int { freePages.count }
    /// Pages that somebody holds.
    package var usedPageCount: Int { pageCount - freePageCount }

    /// Pages that `tokenCount` positions take.
    package func pageCount(forTokens tokenCount: Int) -> Int {
        precondition(tokenCount >= 0, "tokenCount \(tokenCount)")
        return tokenCount / tokensPerPage + (tokenCount % tokensPerPage == 0 ? 0 : 1)
    }

    /// Takes a free page for one holder, or nil when there is none.
    package mutating func allocate() -> Int32? {
        guard let page = freePages.popLast() else { return nil }
        holderCounts[Int(page)] = 1
        return page
    }

    /// Adds a holder to a page.
    ///
    /// - Precondition: somebody holds it.
    package mutating func retain(_ page: Int32) {
        precondition(holderCount(of: page) > 0, "retain of free page \(page)")
        holderCounts[Int(page)] += 1
    }

    /// Takes a holder from a page; after the last one it is free.
    ///
    /// - Precondition: somebody holds it.
    package mutating func release(_ page: Int32) {
        precondition(holderCount(of: page) > 0, "release of free page \(page)")
        holderCounts[Int(page)] -= 1
        if holderCounts[Int(page)] == 0 { freePages.append(page) }
    }

    /// How many hold the page.
    ///
    /// - Precondition: `page` is in `0 ..< pageCount`.
    package func holderCount(of page: Int32) -> Int {
        precondition(page >= 0 && Int(page) < pageCount, "page \(page) of \(pageCount)")
        return Int(holderCounts[Int(page)])
    }
}
