import Glibc

/// Chooses the tokens of one sequence.
///
/// In this order: divide by the temperature, keep the top k, softmax over those, keep the top p of that distribution,
/// draw. Equal logits rank by token id, the lowest first. The random number of a draw is a function of the seed and of
/// the number of draws before it, so a seed gives the same tokens whatever else is in the batch.
///
/// - Source: Holtzman et al. 2020 (top-p); Fan et al. 2018 (top-k); Steele, Lea and Flood 2014 (SplitMix64).
package struct Sampler: Sendable {
    package let parameters: SamplingParameters
    /// Tokens chosen so far.
    package private(set) var drawCount: UInt64
    /// Scratch, kept so that a step allocates nothing.
    private var candidates: [Candidate] = []

    /// A token that may be chosen: its logit, then its unnormalised probability.
    private struct Candidate {
        let token: Int32
        var weight: Float

        static func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
            a.weight != b.weight ? a.weight > b.weight : a.token < b.token
        }
    }

    /// Goes on after `drawCount` tokens, for a sequence that is computed again after it lost its cache.
    package init(_ parameters: SamplingParameters, drawCount: UInt64 = 0) {
        self.parameters = parameters
        self.drawCount = drawCount
    }

    /// The next token.
    ///
    /// A logit that is not a number is never chosen, unless all are; then token 0 is.
    ///
    /// - Precondition: `logits` is not empty.
    package mutating func sample(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
        precondition(!logits.isEmpty, "no logits")
        defer { drawCount += 1 }
        if parameters.temperature == 0 || parameters.topK == 1 { return Self.mostLikely(logits) }
        collectCandidates(logits)
        guard let best = candidates.lazy.map(\.weight).max(), best.isFinite else { return Self.mostLikely(logits) }
        let total = turnIntoProbabilities(best: best)
        let kept = keepTopP(total: total)
        return draw(below: kept)
    }

    /// The token with the largest logit, the lowest id among equals.
    package static func mostLikely(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
        var best = 0
        for token in logits.indices where logits[token] > logits[best] || logits[best].isNaN { best = token }
        return logits[best].isNaN ? 0 : Int32(best)
    }

    /// Fills `candidates`: with a top k, with those, the most likely first; otherwise with all, by id.
    private mutating func collectCandidates(_ logits: UnsafeBufferPointer<Float>) {
        candidates.removeAll(keepingCapacity: true)
        let limit = parameters.topK > 0 ? parameters.topK : Int.max
        let inserts = limit <= Self.insertionCountMax
        for token in logits.indices where !logits[token].isNaN {
            let candidate = Candidate(token: Int32(token), weight: logits[token])
            if inserts { insert(candidate, limit: limit) } else { candidates.append(candidate) }
        }
        if !inserts, candidates.count > limit {
            candidates.sort(by: Candidate.precedes)
            candidates.removeLast(candidates.count - limit)
        }
    }

    /// Up to that many, keeping a short sorted list is faster than sorting the vocabulary.
    private static let insertionCountMax = 128

    /// Puts a candidate in its place among the best `limit`, which are sorted.
    private mutating func insert(_ candidate: Candidate, limit: Int) {
        if candidates.count == limit {
            guard candidate.weight > candidates[limit - 1].weight else { return }
            candidates.removeLast()
        }
        var low = 0
        var high = candidates.count
        while low < high {
            let middle = (low + high) / 2
            if Candidate.precedes(candidates[middle], candidate) { low = middle + 1 } else { high = middle }
        }
        candidates.insert(candidate, at: low)
    }

    /// Replaces logits by exp((logit - best) / temperature); returns their sum.
    private mutating func turnIntoProbabilities(best: Float) -> Float {
        var total: Float = 0
        for index in candidates.indices {
            candidates[index].weight = expf((candidates[index].weight - best) / parameters.temperature)
            total += candidates[index].weight
        }
        return total
    }

    /// Drops all but the most likely candidates that reach the top p together; returns the sum of those left.
    private mutating func keepTopP(total: Float) -> Float {
        guard parameters.topP < 1 else { return total }
        // All below this together weigh less than 1 - top p, so the sum is reached without them: no need to sort them.
        let least = (1 - parameters.topP) * total / Float(candidates.count)
        candidates.removeAll { $0.weight < least }
        candidates.sort(by: Candidate.precedes)
        var sum: Float = 0
        for index in candidates.indices {
            sum += candidates[index].weight
            if sum >= parameters.topP * total {
                candidates.removeLast(candidates.count - index - 1)
                break
            }
        }
        return sum
    }

    private func draw(below total: Float) -> Int32 {
        let threshold = Self.uniform(seed: parameters.seed, index: drawCount) * total
        var sum: Float = 0
        for candidate in candidates {
            sum += candidate.weight
            if threshold < sum { return candidate.token }
        }
        // Only reached when rounding made the threshold equal the total.
        return candidates[candidates.count - 1].token
    }

    /// The random number of a draw, in 0 ..< 1 with 24 bits: element `index` of SplitMix64 started at a mix of the
    /// seed.
    static func uniform(seed: UInt64, index: UInt64) -> Float {
        let start = mix(seed &+ 0x9E37_79B9_7F4A_7C15)
        return Float(mix(start &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15) >> 40) / Float(1 << 24)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
