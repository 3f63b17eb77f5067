/// Guesses how a sequence goes on from what came after its last tokens when they were there before.
///
/// Answers repeat their prompts (code that is edited, documents that are quoted, names, JSON keys) and themselves.
/// The last two tokens are looked up among all earlier neighbours; what followed their latest occurrence is the guess.
/// As long as it comes true the occurrence is followed, so a match gets longer and more trustworthy.
///
/// ```
/// … 7 3 9 9 4 5 … 7 3 9          the last two tokens, 3 9, were there before
///           ▲ ▲ ▲      ?          guesses: 9 4 5; match length 3, for 7 3 9
///           next
/// ```
///
/// - Complexity: O(1) and one entry of a dictionary per token.
/// - Source: Saxena 2023 (prompt lookup decoding); Yang et al. 2023 (LLMA, copying spans from the prompt).
struct PromptLookup {
    /// By two neighbouring tokens: the position behind their latest occurrence.
    private var followers: [UInt64: Int32] = [:]
    /// Where the guess for the next token stands; nil when there is none.
    private var next: Int?
    /// How many of the last tokens are those before `next`, counted up to `matchLengthMax`; 0 without a guess.
    private(set) var matchLength = 0

    /// Longer matches are not told apart.
    static let matchLengthMax = 64
    /// Tokens that have to be alike before anything is guessed.
    static let matchLengthMin = 2

    /// What had been guessed for a token.
    struct Trial: Equatable {
        let matchLength: Int
        let cameTrue: Bool
    }

    /// Takes in all of `tokens`.
    init(_ tokens: [Int32]) {
        followers.reserveCapacity(tokens.count)
        for end in tokens.indices.dropFirst(2) { remember(tokens, end: end) }
        find(tokens)
    }

    /// Takes in the last of `tokens`, which is the only one that it has not seen.
    ///
    /// - Returns: how it compares to the guess; nil when there was none.
    mutating func append(lastOf tokens: [Int32]) -> Trial? {
        remember(tokens, end: tokens.count - 1)
        guard let guessed = next else {
            find(tokens)
            return nil
        }
        let trial = Trial(matchLength: matchLength, cameTrue: tokens[guessed] == tokens[tokens.count - 1])
        if trial.cameTrue {
            next = guessed + 1
            matchLength = min(matchLength + 1, Self.matchLengthMax)
        } else {
            find(tokens)
        }
        return trial
    }

    /// The guesses for the next `count` tokens; none when the last ones were not there before.
    ///
    /// Where the earlier occurrence reaches the end of the sequence, the guess is that it goes on repeating itself.
    func guesses(_ count: Int, in tokens: [Int32]) -> [Int32] {
        guard let next, count > 0 else { return [] }
        let period = tokens.count - next
        return (0..<count).map { tokens[next + $0 % period] }
    }

    /// Enters the two tokens before `end`, now that something follows them.
    private mutating func remember(_ tokens: [Int32], end: Int) {
        guard end >= 2 else { return }
        followers[Self.key(tokens[end - 2], tokens[end - 1])] = Int32(end)
    }

    private mutating func find(_ tokens: [Int32]) {
        next = nil
        matchLength = 0
        let end = tokens.count
        guard end >= 2, let follower = followers[Self.key(tokens[end - 2], tokens[end - 1])] else { return }
        let place = Int(follower)
        var length = Self.matchLengthMin
        while length < min(place, Self.matchLengthMax), tokens[place - length - 1] == tokens[end - length - 1] {
            length += 1
        }
        next = place
        matchLength = length
    }

    private static func key(_ first: Int32, _ second: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
    }
}
