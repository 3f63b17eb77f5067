/// Finds full pages again by what they hold.
///
/// The keys and values in a page depend on its own tokens and on all tokens before them, so a page is named by its
/// namespace, its tokens, and the page before it, which is in the index itself and so stands for everything earlier:
///
/// ```
/// (namespace, –, [t0 … t15]) → page 7 ◀─── (namespace, 7, [t16 … t31]) → page 2 ◀─── …
/// ```
///
/// The name is looked up by its hash and then *compared*, token by token. Why not trust a longer hash of the whole
/// chain: tenants choose the tokens, and a collision would hand one the keys and values of another's text. Here, by
/// induction over the chain, a page that is found was computed from exactly these tokens. The table's own hash is keyed
/// anew in each process, so nobody can choose tokens that make looking up slow.
///
/// A page leaves only after those that name it as the page before them, so a name never comes to mean something else.
///
/// - Source: vLLM, "Automatic Prefix Caching" (hash of parent and tokens); Zheng et al. 2024 (SGLang, RadixAttention).
struct PrefixIndex: Sendable {
    /// What a page holds.
    struct Name: Hashable, Sendable {
        let namespace: PrefixNamespace
        /// The page before it; -1 for the first one of a sequence.
        let parent: Int32
        /// `[tokensPerPage]`.
        let tokens: [Int32]
    }

    private var pages: [Name: Int32] = [:]
    /// By page: its name; nil for one that is not here.
    private(set) var names: [Name?]
    /// By page: how many name it as the page before them.
    private(set) var childCounts: [Int32]

    init(pageCount: Int) {
        names = Array(repeating: nil, count: pageCount)
        childCounts = Array(repeating: 0, count: pageCount)
    }

    /// Pages that can be found.
    var count: Int { pages.count }

    func contains(_ page: Int32) -> Bool { names[Int(page)] != nil }

    func page(of name: Name) -> Int32? { pages[name] }

    /// Lets a page be found.
    ///
    /// - Precondition: neither the page nor its name is here; the page before it is.
    mutating func insert(_ page: Int32, _ name: Name) {
        precondition(names[Int(page)] == nil && pages[name] == nil, "page \(page) is in the index already")
        if name.parent >= 0 {
            precondition(contains(name.parent), "page \(page) follows \(name.parent), which is not in the index")
            childCounts[Int(name.parent)] += 1
        }
        names[Int(page)] = name
        pages[name] = page
    }

    /// Forgets a page.
    ///
    /// - Precondition: it is here, and no other names it as the page before it.
    mutating func remove(_ page: Int32) {
        guard let name = names[Int(page)] else { preconditionFailure("page \(page) is not in the index") }
        precondition(childCounts[Int(page)] == 0, "page \(page) leaves before \(childCounts[Int(page)]) that follow it")
        if name.parent >= 0 { childCounts[Int(name.parent)] -= 1 }
        names[Int(page)] = nil
        pages[name] = nil
    }
}
