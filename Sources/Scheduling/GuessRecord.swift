/// How often guesses came true, by how long the match was that they came from.
///
/// Every token that is generated says whether its guess would have been right, at no cost and whether or not it was
/// computed as a guess. So speculation that was given up because it did not pay begins again by itself when it would.
struct GuessRecord {
    /// Matches of 2 to 3, 4 to 7, 8 to 15, and more tokens.
    private var trialCounts = SIMD4<Double>(repeating: 0)
    private var successCounts = SIMD4<Double>(repeating: 0)
    /// What one more trial takes from the weight of the earlier ones.
    private let forgetting: Double

    /// - Parameter memory: how many trials it remembers, more or less.
    init(memory: Double) { forgetting = 1 / memory }

    /// Counts what came of a guess.
    mutating func count(_ trial: PromptLookup.Trial) {
        let kind = Self.kind(ofMatchLength: trial.matchLength)
        trialCounts[kind] += 1 - forgetting * trialCounts[kind]
        successCounts[kind] += (trial.cameTrue ? 1 : 0) - forgetting * successCounts[kind]
    }

    /// How likely the guess of a match comes true.
    ///
    /// - Parameters:
    ///   - matchLength: of the match.
    ///   - prior: what to go by as long as there are few trials.
    ///   - weight: how many trials that counts for.
    /// - Returns: 0 to 1.
    func likelihood(matchLength: Int, prior: Double, weight: Double) -> Double {
        let kind = Self.kind(ofMatchLength: matchLength)
        return (successCounts[kind] + weight * prior) / (trialCounts[kind] + weight)
    }

    private static func kind(ofMatchLength length: Int) -> Int {
        switch length {
        case ..<4: 0
        case ..<8: 1
        case ..<16: 2
        default: 3
        }
    }
}
