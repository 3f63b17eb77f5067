/// Pages in a line, the one that waits longest first; any of them leaves in constant time.
///
/// A doubly linked list over an array: one link a page, and one for the two ends.
struct PageQueue: Sendable {
    private struct Link {
        var next: Int32
        var previous: Int32
    }

    /// By page, and at last the ends; a page that is not in line has `outside` on both sides.
    private var links: [Link]
    private(set) var count = 0

    private static let outside: Int32 = -1

    /// An empty line for pages in `0 ..< pageCount`.
    init(pageCount: Int) {
        links = Array(repeating: Link(next: Self.outside, previous: Self.outside), count: pageCount)
        links.append(Link(next: Int32(pageCount), previous: Int32(pageCount)))
    }

    private var end: Int32 { Int32(links.count - 1) }

    func contains(_ page: Int32) -> Bool { links[Int(page)].next != Self.outside }

    /// Puts a page at the end.
    ///
    /// - Precondition: it is not in line.
    mutating func append(_ page: Int32) {
        precondition(!contains(page), "page \(page) is in line already")
        let last = links[Int(end)].previous
        links[Int(page)] = Link(next: end, previous: last)
        links[Int(last)].next = page
        links[Int(end)].previous = page
        count += 1
    }

    /// Takes a page out, wherever it is.
    ///
    /// - Precondition: it is in line.
    mutating func remove(_ page: Int32) {
        precondition(contains(page), "page \(page) is not in line")
        let link = links[Int(page)]
        links[Int(link.previous)].next = link.next
        links[Int(link.next)].previous = link.previous
        links[Int(page)] = Link(next: Self.outside, previous: Self.outside)
        count -= 1
    }

    /// Takes the first one out; nil when nobody is in line.
    mutating func popFirst() -> Int32? {
        let first = links[Int(end)].next
        guard first != end else { return nil }
        remove(first)
        return first
    }

    /// All, the first one first.
    var pages: [Int32] {
        var pages: [Int32] = []
        var page = links[Int(end)].next
        while page != end {
            pages.append(page)
            page = links[Int(page)].next
        }
        return pages
    }
}
