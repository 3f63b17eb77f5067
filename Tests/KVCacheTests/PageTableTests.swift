import KVCache
import TestSupport
import Testing
import Vocabulary

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
        #expect(throws: KVCacheError.outOfPages(needed: 2, available: 1)) {
            try table.append(tokenCount: 8, from: &pool)
        }
        #expect(table == before && pool.freePageCount == 1)
        try table.append(tokenCount: 7, from: &pool)
        #expect(pool.brokenInvariant(heldBy: [table]) == nil)
    }

    /// Goal: no order of starting, computing, forgetting and evicting loses, doubles or confuses a page.
    ///
    /// Method: a random walk over several texts made of few letters and few namespaces, so that many begin alike. What
    /// each page was last filled with is recorded on the side; a page that is found must hold exactly the tokens and
    /// the past that the text has there. The pool is checked against all tables after each step.
    @Test("a random walk keeps every invariant, and every hit holds the right tokens", arguments: [1, 3, 16], 1...6)
    func randomWalk(tokensPerPage: Int, seed: Int) {
        var walk = CacheWalk(pageCount: 25, tokensPerPage: tokensPerPage, seed: UInt64(seed))
        for _ in 0..<800 {
            walk.step()
            if let broken = walk.pool.brokenInvariant(heldBy: walk.texts.map(\.table)) {
                Issue.record("\(broken)")
                return
            }
        }
        #expect(walk.refusalCount > 0, "the walk never filled the pool")
        #expect(walk.hitPageCount > 50 && walk.pool.evictionCount > 20, "hardly a hit or an eviction")
        walk.releaseAll()
        #expect(walk.pool.availablePageCount == 25 && walk.pool.brokenInvariant(heldBy: []) == nil)
    }
}

/// Texts that share a pool of pages, and what a model would have written into each page.
private struct CacheWalk {
    struct Text {
        let tokens: [Int32]
        let scope: PrefixScope?
        var table: PageTable
        var computedTokenCount: Int
    }

    /// The tokens of a page and all before it, and in whose name they were computed.
    private struct Contents: Equatable {
        let tokens: [Int32]
        let namespace: PrefixNamespace?
    }

    var pool: PagePool
    private(set) var texts: [Text] = []
    private(set) var refusalCount = 0
    private(set) var hitPageCount = 0
    private var contents: [Int32: Contents] = [:]
    private var random: SeededGenerator
    private let namespaces: [PrefixNamespace] = [
        .tenant(TenantID("a")!, salt: ""), .tenant(TenantID("a")!, salt: "b"), .tenant(TenantID("b")!, salt: ""),
    ]

    init(pageCount: Int, tokensPerPage: Int, seed: UInt64) {
        pool = PagePool(pageCount: pageCount, tokensPerPage: tokensPerPage)
        random = SeededGenerator(seed: seed)
    }

    mutating func step() {
        switch Int.random(in: 0..<6, using: &random) {
        case 0...1 where texts.count < 8: start()
        case 2 where !texts.isEmpty:
            var text = texts.remove(at: Int.random(in: texts.indices, using: &random))
            text.table.release(to: &pool)
        default: compute()
        }
    }

    mutating func releaseAll() {
        for index in texts.indices { texts[index].table.release(to: &pool) }
        texts = []
    }

    /// A new text: often one that begins like an old one, since there are three letters only.
    private mutating func start() {
        let length = Int.random(in: 1...(6 * pool.tokensPerPage), using: &random)
        // A page is rarely all the same: its letters come in runs of pages.
        let letters = (0...6).map { _ in Int32.random(in: 0..<3, using: &random) }
        let tokens = (0..<length).map { letters[$0 / pool.tokensPerPage] }
        guard let namespace = namespaces.randomElement(using: &random),
            Int.random(in: 0..<8, using: &random) > 0
        else {
            texts.append(Text(tokens: tokens, scope: nil, table: PageTable(), computedTokenCount: 0))
            return
        }
        let scope = PrefixScope(owner: namespace, sharedPageCount: letters.prefix(2) == [1, 1] ? 2 : 0)
        let pages = pool.pages(holding: tokens, tokenCountMax: tokens.count - 1, in: scope)
        hitPageCount += pages.count
        for (place, page) in pages.enumerated() {
            let end = (place + 1) * pool.tokensPerPage
            let expected = Contents(
                tokens: Array(tokens[..<end]), namespace: place < scope.sharedPageCount ? .shared : namespace)
            #expect(contents[page] == expected, "page \(page) holds something else")
        }
        let table = PageTable(sharing: pages, in: &pool)
        texts.append(Text(tokens: tokens, scope: scope, table: table, computedTokenCount: table.tokenCount))
    }

    private mutating func compute() {
        guard let index = texts.indices.randomElement(using: &random) else { return }
        var text = texts[index]
        let rest = text.tokens.count - text.computedTokenCount
        let count = Int.random(in: 0...rest, using: &random)
        do {
            try text.table.append(tokenCount: count, from: &pool)
        } catch {
            refusalCount += 1
            return
        }
        let firstPlace = text.computedTokenCount / pool.tokensPerPage
        text.computedTokenCount += count
        for (place, page) in text.table.pages.enumerated().dropFirst(firstPlace) {
            let end = min((place + 1) * pool.tokensPerPage, text.computedTokenCount)
            let namespace = text.scope.map { place < $0.sharedPageCount ? PrefixNamespace.shared : $0.owner }
            contents[page] = Contents(tokens: Array(text.tokens[..<end]), namespace: namespace)
        }
        if let scope = text.scope {
            text.table.publish(text.tokens, computedTokenCount: text.computedTokenCount, in: scope, of: &pool)
        }
        texts[index] = text
    }
}
