import KVCache
import TestSupport
import Testing

@Suite struct PagePoolTests {
    @Test("a pool hands out each page once and then none")
    func exhausts() {
        var pool = PagePool(pageCount: 5, tokensPerPage: 4)
        let pages = (0..<5).compactMap { _ in pool.allocate() }
        #expect(pages == [0, 1, 2, 3, 4])
        #expect(pool.allocate() == nil)
        #expect(pool.availablePageCount == 0 && pool.heldPageCount == 5)
        pool.release(3)
        #expect(pool.allocate() == 3)
    }

    @Test("a shared page is free only after its last holder released it")
    func sharing() {
        var pool = PagePool(pageCount: 1, tokensPerPage: 4)
        let page = pool.allocate()!
        pool.retain(page)
        pool.release(page)
        #expect(pool.freePageCount == 0 && pool.holderCount(of: page) == 1)
        pool.release(page)
        #expect(pool.freePageCount == 1)
    }

    @Test(
        "pages for tokens round up",
        arguments: [(0, 0), (1, 1), (15, 1), (16, 1), (17, 2), (32, 2), (33, 3)])
    func rounding(tokens: Int, pages: Int) {
        #expect(PagePool(pageCount: 0, tokensPerPage: 16).pageCount(forTokens: tokens) == pages)
    }

    @Test("releasing a free page is refused as a bug")
    func doubleRelease() async {
        await #expect(processExitsWith: .failure) {
            var pool = PagePool(pageCount: 2, tokensPerPage: 4)
            let page = pool.allocate()!
            pool.release(page)
            pool.release(page)
        }
    }

    @Test("a page outside the pool is refused as a bug")
    func foreignPage() async {
        await #expect(processExitsWith: .failure) {
            var pool = PagePool(pageCount: 2, tokensPerPage: 4)
            pool.retain(2)
        }
    }
}
