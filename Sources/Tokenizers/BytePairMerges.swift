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
        guard tokens.count > 1 else { return }
        var word = LinkedTokens(tokens)
        var candidates = Heap<Candidate>()
        for position in 0..<tokens.count - 1 {
            insertCandidate(at: position, of: word, into: &candidates)
        }
        while let candidate = candidates.popMin() {
            guard word.stillHolds(candidate) else { continue }
            word.mergeNext(into: candidate.position, result: candidate.result)
            insertCandidate(at: candidate.position, of: word, into: &candidates)
            if let previous = word.previous(of: candidate.position) {
                insertCandidate(at: previous, of: word, into: &candidates)
            }
        }
        tokens = word.array
    }

    private func insertCandidate(at position: Int, of word: LinkedTokens, into candidates: inout Heap<Candidate>) {
        guard let next = word.next(of: position) else { return }
        let left = word.token(at: position)
        let right = word.token(at: next)
        guard let merge = merges[Self.key(left, right)] else { return }
        candidates.insert(
            Candidate(rank: merge.rank, position: position, left: left, right: right, result: merge.result))
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}

/// A pair that could be merged when it was looked at; it may be gone by the time its turn comes.
private struct Candidate: Comparable {
    let rank: Int32
    let position: Int
    let left: Int32
    let right: Int32
    let result: Int32

    static func < (lhs: Candidate, rhs: Candidate) -> Bool {
        (lhs.rank, lhs.position) < (rhs.rank, rhs.position)
    }
}

/// The tokens of a word as a doubly linked list over the positions they started at.
private struct LinkedTokens {
    private static let removed: Int32 = -1
    private static let none = -1
    private var tokens: [Int32]
    private var nextPositions: [Int]
    private var previousPositions: [Int]

    init(_ tokens: [Int32]) {
        self.tokens = tokens
        nextPositions = tokens.indices.map { $0 + 1 < tokens.count ? $0 + 1 : Self.none }
        previousPositions = tokens.indices.map { $0 - 1 }
    }

    func token(at position: Int) -> Int32 { tokens[position] }

    func next(of position: Int) -> Int? {
        nextPositions[position] == Self.none ? nil : nextPositions[position]
    }

    func previous(of position: Int) -> Int? {
        previousPositions[position] == Self.none ? nil : previousPositions[position]
    }

    /// Whether the pair is still there, unchanged.
    func stillHolds(_ candidate: Candidate) -> Bool {
        guard tokens[candidate.position] == candidate.left, let next = next(of: candidate.position) else {
            return false
        }
        return tokens[next] == candidate.right
    }

    /// Replaces the token at `position` and the one after it by `result`.
    mutating func mergeNext(into position: Int, result: Int32) {
        let next = nextPositions[position]
        tokens[position] = result
        tokens[next] = Self.removed
        nextPositions[position] = nextPositions[next]
        if nextPositions[next] != Self.none { previousPositions[nextPositions[next]] = position }
    }

    var array: [Int32] { tokens.filter { $0 != Self.removed } }
}
