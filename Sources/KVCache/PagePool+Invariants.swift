extension PagePool {
    /// Checks that each page is either free, once, or held as often as `tables` say.
    ///
    /// For tests, after each step of a random walk: it derives the whole state anew from the tables.
    ///
    /// - Returns: what is wrong, or nil.
    package func brokenInvariant(heldBy tables: some Sequence<PageTable>) -> String? {
        var expected = [Int32](repeating: 0, count: pageCount)
        for table in tables {
            if table.pages.count != pageCount(forTokens: table.tokenCount) {
                return "\(table.pages.count) pages for \(table.tokenCount) tokens"
            }
            if Set(table.pages).count != table.pages.count { return "a table lists a page twice: \(table.pages)" }
            for page in table.pages { expected[Int(page)] += 1 }
        }
        if let page = expected.indices.first(where: { expected[$0] != holderCounts[$0] }) {
            return "page \(page) counts \(holderCounts[page]) holders, \(expected[page]) hold it"
        }
        if Set(freePages).count != freePages.count { return "a page is free twice: \(freePages)" }
        if let page = freePages.first(where: { holderCounts[Int($0)] != 0 }) { return "held page \(page) is free" }
        if freePages.count != expected.count(where: { $0 == 0 }) { return "a page is neither free nor held" }
        return nil
    }
}
