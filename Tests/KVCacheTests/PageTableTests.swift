import KVCache
import TestSupport
import Testing

@Suite struct PageTableTests {
    @Test("a table takes pages only when the last one is full", arguments: [1, 3, 16])
    func appends(tokensPerPage: Int) throws {
        var pool = PagePool(pageCount: 100, tokensPerPage: tokensPerPage)
        var table = PageTable()
        for count in 1...50 {
            #expect(table.pagesNeeded(forTokens: 1, in: pool) == ((count - 1) % tokensPerPage == 0 ? 1 : 0))
            try table.append(tokenCount: 1, from: &pool)
            #expect(table.pages.count == (count + tokensPerPage - 1) / tokensPerPage)
        }
        table.release(to: &pool)
        #expect(table == PageTable() && pool.freePageCount == 100)
    }

    @Test("an append that does not fit changes nothing and says what is missing")
    func outOfPages() throws {
        var pool = PagePool(pageCount: 3, tokensPerPage: 4)
        var table = PageTable()
        try table.append(tokenCount: 5, from: &pool)
        let before = table
        #expect(throws: KVCacheError.outOfPages(needed: 2, free: 1)) { try table.append(tokenCount: 8, from: &pool) }
        #expect(table == before && pool.freePageCount == 1)
        try table.append(tokenCount: 7, from: &pool)
        #expect(pool.brokenInvariant(heldBy: [table]) == nil)
    }

    @Test("a shared prefix consists of full pages only", arguments: [(0, 0), (3, 0), (4, 1), (9, 2)])
    func prefix(tokens: Int, pages: Int) throws {
        var pool = PagePool(pageCount: 4, tokensPerPage: 4)
        var table = PageTable()
        try table.append(tokenCount: 10, from: &pool)
        let shared = table.sharingPrefix(ofTokens: tokens, in: &pool)
        #expect(shared.pages == Array(table.pages.prefix(pages)) && shared.tokenCount == pages * 4)
        #expect(pool.brokenInvariant(heldBy: [table, shared]) == nil)
    }

    /// Goal: no order of appending, sharing and releasing loses or doubles a page.
    ///
    /// Method: a random walk over several
    /// tables, the pool checked against all of them after each step.
    @Test("a random walk keeps every invariant", arguments: [1, 3, 16], 1...5)
    func randomWalk(tokensPerPage: Int, seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var pool = PagePool(pageCount: 40, tokensPerPage: tokensPerPage)
        var tables: [PageTable] = []
        var refusals = 0
        for _ in 0..<500 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0: tables.append(PageTable())
            case 1 where !tables.isEmpty:
                var table = tables.remove(at: Int.random(in: tables.indices, using: &random))
                table.release(to: &pool)
            case 2 where !tables.isEmpty:
                let table = tables.randomElement(using: &random)!
                let count = Int.random(in: 0...table.tokenCount, using: &random)
                tables.append(table.sharingPrefix(ofTokens: count, in: &pool))
            default:
                guard let index = tables.indices.randomElement(using: &random) else { continue }
                let count = Int.random(in: 0...(4 * tokensPerPage), using: &random)
                do { try tables[index].append(tokenCount: count, from: &pool) } catch { refusals += 1 }
            }
            #expect(pool.brokenInvariant(heldBy: tables) == nil)
        }
        #expect(refusals > 0, "the walk never filled the pool")
        for index in tables.indices { tables[index].release(to: &pool) }
        #expect(pool.freePageCount == 40 && pool.brokenInvariant(heldBy: []) == nil)
    }
}
