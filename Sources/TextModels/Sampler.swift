package import Constraints
import Glibc

/// Chooses the tokens of one sequence.
///
/// In this order:
///
/// 1. add the bias of each token that has one;
/// 2. the repetition penalty for tokens of prompt and answer, then frequency and presence penalty for those of the
///    answer;
/// 3. leave out what a constraint does not allow;
/// 4. with temperature 0 take the largest logit; otherwise divide by the temperature;
/// 5. keep the top k, softmax over those, keep the top p of that distribution, keep those of it that have at least
///    min p times the largest probability;
/// 6. draw.
///
/// Equal logits rank by token id, the lowest first. The random number of a draw is a function of the seed and of the
/// number of draws before it, so a seed gives the same tokens whatever else is in the batch.
///
/// - Source: 1 and 2 in the order of vLLM's sampler, 5 in that of Hugging Face transformers' logits warpers; Keskar et
///   al. 2019, section 4.1 (repetition penalty); OpenAI API reference (presence and frequency penalty, logit bias);
///   Fan et al. 2018 (top k); Holtzman et al. 2020 (top p); Nguyen et al. 2024 (min p); Steele, Lea and Flood 2014
///   (SplitMix64).
package struct Sampler: Sendable {
    package let parameters: SamplingParameters
    /// Tokens chosen so far.
    package private(set) var drawCount: UInt64
    /// Nil without penalties.
    private var history: TokenHistory?

    /// Begins an answer.
    ///
    /// - Parameters:
    ///   - parameters: how to choose.
    ///   - prompt: the tokens before the answer; they count for the repetition penalty.
    ///   - tokenCountMax: prompt and answer together; what they need to be counted is allocated now.
    ///   - drawCount: draws that were made elsewhere.
    package init(
        _ parameters: SamplingParameters, prompt: [Int32] = [], tokenCountMax: Int = 0, drawCount: UInt64 = 0
    ) {
        self.parameters = parameters
        self.drawCount = drawCount
        if parameters.hasPenalties { history = TokenHistory(prompt: prompt, tokenCountMax: tokenCountMax) }
    }

    /// Chooses the next token.
    ///
    /// A logit that is not a number is never chosen, unless all are; then the lowest token that may be is.
    ///
    /// - Parameters:
    ///   - logits: `[vocabularySize]`, as the model gave them.
    ///   - allowed: the tokens that may be chosen; nil for all.
    ///   - scratch: memory for the work.
    /// - Returns: its id.
    /// - Precondition: `logits` is not empty, and neither is `allowed`.
    /// - Complexity: O(vocabulary), without allocation once the scratch has grown to it.
    package mutating func sample(
        _ logits: UnsafeBufferPointer<Float>, allowed: TokenMask? = nil, with scratch: SamplerScratch
    ) -> Int32 {
        precondition(!logits.isEmpty, "no logits")
        var token: Int32
        if history == nil, parameters.biases.isEmpty, allowed == nil {
            token = choose(logits, scratch)
        } else {
            token = scratch.withCopy(of: logits) { adjusted in
                adjust(adjusted, allowed)
                return choose(UnsafeBufferPointer(adjusted), scratch)
            }
        }
        if let allowed, !allowed.contains(token) {
            guard let lowest = allowed.first else { preconditionFailure("no token is allowed") }
            token = lowest
        }
        drawCount += 1
        history?.add(token)
        return token
    }

    /// The token with the largest logit, the lowest id among equals.
    package static func mostLikely(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
        var best = 0
        for token in logits.indices where logits[token] > logits[best] || logits[best].isNaN { best = token }
        return logits[best].isNaN ? 0 : Int32(best)
    }

    /// Biases, penalties and the constraint; a token that may not be chosen is not a number any more.
    private func adjust(_ logits: UnsafeMutableBufferPointer<Float>, _ allowed: TokenMask?) {
        for bias in parameters.biases where Int(bias.token) < logits.count { logits[Int(bias.token)] += bias.value }
        if let history { penalize(logits, history) }
        guard let allowed else { return }
        allowed.words.withUnsafeBufferPointer { words in
            for token in logits.indices {
                let isAllowed = token < allowed.tokenCount && words[token / 64] >> (UInt64(token) % 64) & 1 == 1
                if !isAllowed { logits[token] = .nan }
            }
        }
    }

    private func penalize(_ logits: UnsafeMutableBufferPointer<Float>, _ history: TokenHistory) {
        // Each token by itself, so the order of the dictionary does not matter.
        for (token, occurrence) in history.occurrences where Int(token) < logits.count {
            var logit = logits[Int(token)]
            logit = logit > 0 ? logit / parameters.repetitionPenalty : logit * parameters.repetitionPenalty
            if occurrence.answerCount > 0 {
                logit -= parameters.frequencyPenalty * Float(occurrence.answerCount)
                logit -= parameters.presencePenalty
            }
            logits[Int(token)] = logit
        }
    }

    private func choose(_ logits: UnsafeBufferPointer<Float>, _ scratch: SamplerScratch) -> Int32 {
        if parameters.temperature == 0 || parameters.topK == 1 { return Self.mostLikely(logits) }
        return scratch.withCandidates { candidates in
            collect(logits, &candidates)
            var best = -Float.infinity
            for candidate in candidates where candidate.weight > best { best = candidate.weight }
            guard best.isFinite else { return Self.mostLikely(logits) }
            let total = turnIntoProbabilities(&candidates, best: best)
            let kept = keepLikely(&candidates, total: total)
            return draw(candidates, below: kept)
        }
    }

    /// Fills `candidates`: with a top k, with those, the most likely first; otherwise with all, by id.
    private func collect(_ logits: UnsafeBufferPointer<Float>, _ candidates: inout [SamplerScratch.Candidate]) {
        let limit = parameters.topK > 0 ? parameters.topK : Int.max
        let inserts = limit <= Self.insertionCountMax
        for token in logits.indices where !logits[token].isNaN {
            let candidate = SamplerScratch.Candidate(token: Int32(token), weight: logits[token])
            if inserts { insert(candidate, limit: limit, &candidates) } else { candidates.append(candidate) }
        }
        if !inserts, candidates.count > limit {
            candidates.sort(by: SamplerScratch.Candidate.precedes)
            candidates.removeLast(candidates.count - limit)
        }
    }

    /// Up to that many, keeping a short sorted list is faster than sorting the vocabulary.
    private static let insertionCountMax = 128

    /// Puts a candidate in its place among the best `limit`, which are sorted.
    private func insert(
        _ candidate: SamplerScratch.Candidate, limit: Int, _ candidates: inout [SamplerScratch.Candidate]
    ) {
        if candidates.count == limit {
            guard candidate.weight > candidates[limit - 1].weight else { return }
            candidates.removeLast()
        }
        var low = 0
        var high = candidates.count
        while low < high {
            let middle = (low + high) / 2
            if SamplerScratch.Candidate.precedes(candidates[middle], candidate) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        candidates.insert(candidate, at: low)
    }

    /// Replaces logits by exp((logit - best) / temperature); returns their sum.
    private func turnIntoProbabilities(_ candidates: inout [SamplerScratch.Candidate], best: Float) -> Double {
        var total = 0.0
        for index in candidates.indices {
            candidates[index].weight = expf((candidates[index].weight - best) / parameters.temperature)
            total += Double(candidates[index].weight)
        }
        return total
    }

    /// Drops all but the most likely candidates that reach the top p together, and of these the ones below min p;
    /// returns the sum of those left.
    private func keepLikely(_ candidates: inout [SamplerScratch.Candidate], total: Double) -> Double {
        guard parameters.topP < 1 || parameters.minP > 0 else { return total }
        // The best weighs 1. And all below the second together weigh less than 1 - top p, so the sum is reached
        // without them: no need to sort them.
        let least = max(parameters.minP, Float(Double(1 - parameters.topP) * total / Double(candidates.count)))
        candidates.removeAll { $0.weight < least }
        if parameters.topP < 1 { candidates.sort(by: SamplerScratch.Candidate.precedes) }
        let reached = Double(parameters.topP) * total
        var sum = 0.0
        for index in candidates.indices {
            sum += Double(candidates[index].weight)
            if parameters.topP < 1, sum >= reached {
                candidates.removeLast(candidates.count - index - 1)
                break
            }
        }
        return sum
    }

    private func draw(_ candidates: [SamplerScratch.Candidate], below total: Double) -> Int32 {
        let threshold = Double(Self.uniform(seed: parameters.seed, index: drawCount)) * total
        var sum = 0.0
        for candidate in candidates {
            sum += Double(candidate.weight)
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
