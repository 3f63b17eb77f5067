package import Vocabulary

/// Whose sequences may find a page again.
///
/// A page that is found is not computed, so whoever finds one learns, by the time it took, that somebody asked for the
/// same text before. Pages are therefore kept apart by who asked: only equal namespaces find each other's pages.
package enum PrefixNamespace: Hashable, Sendable {
    /// Everybody's: texts that the operator has listed as known to all.
    case shared
    /// One tenant's, as its certificate names it; of its requests, those that gave the same salt.
    case tenant(TenantID, salt: String)
    /// That of one request and its siblings, by the number of their first ticket.
    case request(UInt64)
}

/// The namespaces of one sequence's pages: some of the first ones may be everybody's, the others have one owner.
package struct PrefixScope: Hashable, Sendable {
    package let owner: PrefixNamespace
    /// How many of the first pages hold nothing but tokens that the operator has listed.
    package let sharedPageCount: Int

    /// - Precondition: `sharedPageCount` is not negative.
    package init(owner: PrefixNamespace, sharedPageCount: Int = 0) {
        precondition(sharedPageCount >= 0, "sharedPageCount \(sharedPageCount)")
        self.owner = owner
        self.sharedPageCount = sharedPageCount
    }

    /// The namespace of a sequence's page, by its place in the sequence.
    func namespace(ofPage place: Int) -> PrefixNamespace { place < sharedPageCount ? .shared : owner }
}

/// The beginnings of prompts that an operator has listed as known to all, so that their pages serve every tenant.
package struct SharedPrefixes: Sendable, Equatable {
    private let prefixes: [[Int32]]

    /// - Parameter prefixes: tokens of the model; empty ones mean nothing.
    package init(_ prefixes: [[Int32]] = []) {
        self.prefixes = prefixes
    }

    /// How many of the first tokens are those of a listed prefix, or of its beginning.
    ///
    /// - Complexity: O(prefixes), plus the tokens that agree.
    package func sharedTokenCount(of tokens: [Int32]) -> Int {
        var longest = 0
        for prefix in prefixes {
            var count = 0
            while count < prefix.count, count < tokens.count, prefix[count] == tokens[count] { count += 1 }
            longest = max(longest, count)
        }
        return longest
    }
}
