import KVCache
import TestSupport
import Testing
import Vocabulary

@Suite("Prefix reuse")
struct PrefixReuseTests {
    private let mine = PrefixScope(owner: .tenant(TenantID("mine")!, salt: ""))

    @Test("what was computed is found, full pages only, as far as it agrees")
    func hits() {
        var pool = PagePool(pageCount: 10, tokensPerPage: 4)
        let tokens: [Int32] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        var table = compute(tokens, mine, in: &pool)
        let pages = table.pages
        for (wanted, count) in [
            (tokens, 2), ([1, 2, 3, 4, 5, 6, 7, 9], 1), ([1, 2, 3], 0), ([2, 2, 3, 4, 5, 6, 7, 8], 0),
            (Array(tokens[4...]), 0),
        ] {
            #expect(pool.pages(holding: wanted, tokenCountMax: 100, in: mine) == Array(pages.prefix(count)))
        }
        #expect(pool.pages(holding: tokens, tokenCountMax: 7, in: mine) == [pages[0]])
        table.release(to: &pool)
        #expect(pool.cachedPageCount == 2 && pool.heldPageCount == 0 && pool.freePageCount == 8)
        #expect(pool.pages(holding: tokens, tokenCountMax: 9, in: mine) == Array(pages.prefix(2)))
    }

    @Test("the same tokens behind other tokens are another page")
    func parents() {
        var pool = PagePool(pageCount: 10, tokensPerPage: 2)
        _ = compute([1, 1, 5, 5], mine, in: &pool)
        _ = compute([2, 2, 5, 5, 6, 6], mine, in: &pool)
        #expect(pool.pages(holding: [1, 1, 5, 5, 6, 6], tokenCountMax: 6, in: mine).count == 2)
        #expect(pool.pages(holding: [2, 2, 5, 5, 6, 6], tokenCountMax: 6, in: mine).count == 3)
        #expect(pool.pages(holding: [5, 5], tokenCountMax: 6, in: mine) == [])
    }

    @Test(
        "another namespace finds nothing",
        arguments: [
            (PrefixNamespace.tenant(TenantID("mine")!, salt: ""), 2),
            (.tenant(TenantID("theirs")!, salt: ""), 0), (.tenant(TenantID("mine")!, salt: "x"), 0),
            (.shared, 0), (.request(1), 0),
        ])
    func namespaces(owner: PrefixNamespace, count: Int) {
        var pool = PagePool(pageCount: 10, tokensPerPage: 2)
        _ = compute([1, 2, 3, 4], mine, in: &pool)
        #expect(pool.pages(holding: [1, 2, 3, 4], tokenCountMax: 4, in: PrefixScope(owner: owner)).count == count)
    }

    @Test("of a text that begins with a listed prefix everybody finds the listed pages, nobody else the rest")
    func sharedPrefix() {
        var pool = PagePool(pageCount: 10, tokensPerPage: 2)
        let tokens: [Int32] = [1, 2, 3, 4, 5, 6]
        let listed = SharedPrefixes([[9, 9], [1, 2, 3, 4, 7, 7]])
        let sharedPageCount = listed.sharedTokenCount(of: tokens) / 2
        #expect(sharedPageCount == 2)
        let theirs = PrefixScope(owner: .tenant(TenantID("theirs")!, salt: ""), sharedPageCount: sharedPageCount)
        let mine = PrefixScope(owner: mine.owner, sharedPageCount: sharedPageCount)
        let pages = compute(tokens, mine, in: &pool).pages
        #expect(pool.pages(holding: tokens, tokenCountMax: 6, in: theirs) == Array(pages.prefix(2)))
        #expect(pool.pages(holding: tokens, tokenCountMax: 6, in: mine) == pages)
        // The same text, computed by them, does not become mine either.
        let other = compute(tokens, theirs, in: &pool).pages
        #expect(other.prefix(2) == pages.prefix(2) && other[2] != pages[2])
    }

    @Test("an empty list, an empty prefix and a prompt shorter than a prefix share what there is", arguments: [0, 2])
    func sharedTokens(length: Int) {
        #expect(SharedPrefixes().sharedTokenCount(of: [1, 2]) == 0)
        #expect(SharedPrefixes([[]]).sharedTokenCount(of: [1, 2]) == 0)
        #expect(SharedPrefixes([[1, 2, 3]]).sharedTokenCount(of: Array([1, 2].prefix(length))) == length)
    }

    @Test("two that compute the same at the same time end with the same pages, and one copy is free")
    func duplicates() throws {
        var pool = PagePool(pageCount: 10, tokensPerPage: 2)
        var first = PageTable()
        var second = PageTable()
        try first.append(tokenCount: 5, from: &pool)
        try second.append(tokenCount: 5, from: &pool)
        #expect(Set(first.pages).isDisjoint(with: second.pages))
        first.publish([1, 2, 3, 4, 5], computedTokenCount: 5, in: mine, of: &pool)
        second.publish([1, 2, 3, 4, 6], computedTokenCount: 5, in: mine, of: &pool)
        #expect(first.pages.prefix(2) == second.pages.prefix(2) && first.pages[2] != second.pages[2])
        #expect(pool.heldPageCount == 4 && pool.freePageCount == 6)
        #expect(pool.brokenInvariant(heldBy: [first, second]) == nil)
        #expect(pool.pageCount(heldOnlyBy: [first]) == 1 && pool.pageCount(heldOnlyBy: [first, second]) == 4)
    }

    @Test("free pages go first, then the least recently used, the end of a text before its beginning")
    func evictionOrder() throws {
        var pool = PagePool(pageCount: 6, tokensPerPage: 2)
        var old = compute([1, 1, 2, 2], mine, in: &pool)
        var new = compute([3, 3, 4, 4], mine, in: &pool)
        let (oldPages, newPages) = (old.pages, new.pages)
        old.release(to: &pool)
        new.release(to: &pool)
        // The older one is used once more.
        var again = PageTable(sharing: pool.pages(holding: [1, 1, 2, 2], tokenCountMax: 4, in: mine), in: &pool)
        #expect(again.pages == oldPages)
        again.release(to: &pool)
        let taken = (0..<6).compactMap { _ in pool.allocate() }
        #expect(Array(taken.dropFirst(2)) == [newPages[1], newPages[0], oldPages[1], oldPages[0]])
        #expect(pool.evictionCount == 4 && pool.availablePageCount == 0)
        #expect(pool.pages(holding: [1, 1, 2, 2], tokenCountMax: 4, in: mine) == [])
    }

    @Test("a page that is held is never evicted, nor one before it")
    func heldPagesStay() throws {
        var pool = PagePool(pageCount: 4, tokensPerPage: 2)
        var long = compute([1, 1, 2, 2, 3, 3], mine, in: &pool)
        let short = PageTable(sharing: pool.pages(holding: [1, 1, 2, 2], tokenCountMax: 4, in: mine), in: &pool)
        long.release(to: &pool)
        #expect(pool.heldPageCount == 2 && pool.cachedPageCount == 1)
        #expect(pool.allocate() != nil && pool.allocate() != nil && pool.allocate() == nil)
        #expect(pool.pages(holding: [1, 1, 2, 2, 3, 3], tokenCountMax: 6, in: mine) == short.pages)
    }

    @Test("a page that only can be found is refused as a bug when it is released")
    func releaseOfCached() async {
        await #expect(processExitsWith: .failure) {
            var pool = PagePool(pageCount: 2, tokensPerPage: 1)
            var table = PageTable()
            try table.append(tokenCount: 1, from: &pool)
            table.publish([1], computedTokenCount: 1, in: PrefixScope(owner: .request(1)), of: &pool)
            let page = table.pages[0]
            table.release(to: &pool)
            pool.release(page)
        }
    }

    /// A text whose tokens have all been computed.
    private func compute(_ tokens: [Int32], _ scope: PrefixScope, in pool: inout PagePool) -> PageTable {
        let hits = pool.pages(holding: tokens, tokenCountMax: tokens.count - 1, in: scope)
        var table = PageTable(sharing: hits, in: &pool)
        do {
            try table.append(tokenCount: tokens.count - table.tokenCount, from: &pool)
        } catch {
            Issue.record("\(error)")
        }
        table.publish(tokens, computedTokenCount: tokens.count, in: scope, of: &pool)
        return table
    }
}
