extension PagePool {
    /// Checks that each page is free, cached, or held as often as `tables` say, and that the index says so too.
    ///
    /// For tests, after each step of a random walk: it derives the whole state anew from the tables.
    ///
    /// - Returns: what is wrong, or nil.
    package func brokenInvariant(heldBy tables: some Sequence<PageTable>) -> String? {
        var expected = [Int32](repeating: 0, count: pageCount)
        for table in tables {
            if let broken = brokenInvariant(of: table) { return broken }
            for page in table.pages { expected[Int(page)] += 1 }
        }
        if let page = expected.indices.first(where: { expected[$0] != holderCounts[$0] }) {
            return "page \(page) counts \(holderCounts[page]) holders, \(expected[page]) hold it"
        }
        let cached = cachedPages.pages
        let states = freePages + cached + expected.indices.filter { expected[$0] > 0 }.map(Int32.init)
        if states.sorted() != Array(0..<Int32(pageCount)) {
            return "free \(freePages), cached \(cached) and held pages are not each page once"
        }
        if cached.count != cachedPageCount || heldPageCount != expected.count(where: { $0 > 0 }) {
            return "\(cachedPageCount) cached, \(heldPageCount) held are counted"
        }
        return brokenIndex(cached)
    }

    private func brokenInvariant(of table: PageTable) -> String? {
        if table.pages.count != pageCount(forTokens: table.tokenCount) {
            return "\(table.pages.count) pages for \(table.tokenCount) tokens"
        }
        if Set(table.pages).count != table.pages.count { return "a table lists a page twice: \(table.pages)" }
        if table.publishedPageCount * tokensPerPage > table.tokenCount { return "a half-full page can be found" }
        for (place, page) in table.pages.enumerated() {
            guard let name = index.names[Int(page)] else {
                if place < table.publishedPageCount { return "published page \(page) is not found" }
                continue
            }
            if place >= table.publishedPageCount { return "page \(page) is found, but its table has not published it" }
            if name.parent != (place > 0 ? table.pages[place - 1] : -1) {
                return "page \(page) is found behind \(name.parent) and lies behind another"
            }
        }
        return nil
    }

    /// Every named page has its name, every page before another is there, and cached ends come before beginnings.
    private func brokenIndex(_ cached: [Int32]) -> String? {
        var childCounts = [Int32](repeating: 0, count: pageCount)
        var found = 0
        for (page, name) in index.names.enumerated() {
            guard let name else { continue }
            found += 1
            if name.tokens.count != tokensPerPage { return "page \(page) has a name of \(name.tokens.count) tokens" }
            if index.page(of: name) != Int32(page) { return "page \(page) is not found under its name" }
            if freePages.contains(Int32(page)) { return "free page \(page) can be found" }
            guard name.parent >= 0 else { continue }
            if !index.contains(name.parent) { return "page \(page) follows \(name.parent), which cannot be found" }
            if holderCounts[page] > 0, holderCounts[Int(name.parent)] == 0 {
                return "page \(page) is held, and \(name.parent) before it is not"
            }
            childCounts[Int(name.parent)] += 1
        }
        if found != index.count { return "\(index.count) names for \(found) pages" }
        if childCounts != index.childCounts { return "pages that follow another are counted wrongly" }
        let places = Dictionary(uniqueKeysWithValues: cached.enumerated().map { ($0.element, $0.offset) })
        for page in cached {
            guard let name = index.names[Int(page)] else { return "cached page \(page) cannot be found" }
            if let parent = places[name.parent], parent < places[page]! {
                return "page \(name.parent) would be evicted before \(page), which follows it"
            }
        }
        return nil
    }
}
