import HeapModule

/// The merges of a byte-pair vocabulary: which two neighbouring tokens become one, and which pairs go first.
///
/// - Source: Sennrich, Haddow and Birch 2016, section 3.2.
struct BytePairMerges: Sendable {
    private struct Merge {
        /// Lower goes first.
        let rank: Int32
        let result: Int32
    }

    /// Words up to this length are merged by looking at every pair again, which is faster than a heap.
    private static let shortCountMax = 24

    private var merges: [UInt64: Merge] = [:]

    /// Adds a merge; of two for the same pair, the earlier rank stays.
    mutating func add(left: Int32, right: Int32, result: Int32, rank: Int32) {
        let key = Self.key(left, right)
        guard merges[key] == nil else { return }
        merges[key] = Merge(rank: rank, result: result)
    }

    /// Merges the best-ranked pair of `tokens`, leftmost first among equals, until no pair is left to merge.
    ///
    /// - Complexity: O(n log n), so one long word cannot stall a server.
    func apply(to tokens: inout [Int32]) {
        if tokens.count <= Self.shortCountMax { applyToShort(&tokens) } else { applyToLong(&tokens) }
    }

    private func applyToShort(_ tokens: inout [Int32]) {
        var pairs: [Merge?] = []
        pairs.reserveCapacity(tokens.count)
        for index in tokens.indices.dropLast() { pairs.append(merges[Self.key(tokens[index], tokens[index + 1])]) }
        while true {
            var best = -1
            var bestRank = Int32.max
            for index in pairs.indices {
                if let pair = pairs[index], pair.rank < bestRank { (best, bestRank) = (index, pair.rank) }
            }
            guard best >= 0, let merge = pairs[best] else { return }
            tokens[best] = merge.result
            tokens.remove(at: best + 1)
            pairs.remove(at: best)
            if best > 0 { pairs[best - 1] = merges[Self.key(tokens[best - 1], tokens[best])] }
            if best < pairs.count { pairs[best] = merges[Self.key(tokens[best], tokens[best + 1])] }
        }
    }

    func applyToLong(_ tokens: inout [Int32]) {
        guard tokens.count > 1 else { return }
        tokens = merged(tokens).array
    }

    /// The tokens that are left, and which of `tokens` each begins with.
    func spans(_ tokens: [Int32]) -> [(token: Int32, first: Int)] { merged(tokens).spans }

    private func merged(_ tokens: [Int32]) -> LinkedTokens {
        var word = LinkedTokens(tokens)
        var candidates = Heap<Candidate>()
        for position in tokens.indices.dropLast() {
            insertCandidate(at: position, of: word, into: &candidates)
        }
        while let candidate = candidates.popMin() {
            guard word.stillHolds(candidate), let merge = merges[Self.key(candidate.left, candidate.right)] else {
                continue
            }
            let position = Int(candidate.position)
            word.mergeNext(into: position, result: merge.result)
            insertCandidate(at: position, of: word, into: &candidates)
            if let previous = word.previous(of: position) {
                insertCandidate(at: previous, of: word, into: &candidates)
            }
        }
        return word
    }

    private func insertCandidate(at position: Int, of word: LinkedTokens, into candidates: inout Heap<Candidate>) {
        guard let next = word.next(of: position) else { return }
        let left = word.token(at: position)
        let right = word.token(at: next)
        guard let merge = merges[Self.key(left, right)] else { return }
        candidates.insert(Candidate(rank: merge.rank, position: Int32(position), left: left, right: right))
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}

/// A pair that could be merged when it was looked at; it may be gone by the time its turn comes.
private struct Candidate: Comparable {
    let rank: Int32
    let position: Int32
    let left: Int32
    let right: Int32

    static func < (lhs: Candidate, rhs: Candidate) -> Bool {
        (lhs.rank, lhs.position) < (rhs.rank, rhs.position)
    }
}

/// The tokens of a word as a doubly linked list over the positions they started at.
private struct LinkedTokens {
    private static let removed: Int32 = -1
    private static let none: Int32 = -1
    private var tokens: [Int32]
    private var nextPositions: [Int32]
    private var previousPositions: [Int32]

    init(_ tokens: [Int32]) {
        self.tokens = tokens
        nextPositions = tokens.indices.map { $0 + 1 < tokens.count ? Int32($0 + 1) : Self.none }
        previousPositions = tokens.indices.map { Int32($0 - 1) }
    }

    func token(at position: Int) -> Int32 { tokens[position] }

    func next(of position: Int) -> Int? {
        nextPositions[position] == Self.none ? nil : Int(nextPositions[position])
    }

    func previous(of position: Int) -> Int? {
        previousPositions[position] == Self.none ? nil : Int(previousPositions[position])
    }

    /// Whether the pair is still there, unchanged.
    func stillHolds(_ candidate: Candidate) -> Bool {
        let position = Int(candidate.position)
        guard tokens[position] == candidate.left, let next = next(of: position) else { return false }
        return tokens[next] == candidate.right
    }

    /// Replaces the token at `position` and the one after it by `result`.
    mutating func mergeNext(into position: Int, result: Int32) {
        let next = Int(nextPositions[position])
        tokens[position] = result
        tokens[next] = Self.removed
        nextPositions[position] = nextPositions[next]
        if nextPositions[next] != Self.none { previousPositions[Int(nextPositions[next])] = Int32(position) }
    }

    var array: [Int32] { tokens.filter { $0 != Self.removed } }

    var spans: [(token: Int32, first: Int)] {
        tokens.indices.lazy.filter { tokens[$0] != Self.removed }.map { (tokens[$0], $0) }
    }
}
