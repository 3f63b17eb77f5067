import Foundation
import TestSupport
import Testing

@testable import TextModels

/// Goal: the sampler does what its documentation says, all settings together.
///
/// Method: random settings, logits and histories; the distribution by the formulas in float64, sorted and summed in the
/// plainest way; the same random number.
@Suite("Sampler against a float64 reference")
struct SamplerReferenceTests {
    @Test("a thousand random cases choose the reference's token", arguments: 1...20)
    func randomCases(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let scratch = SamplerScratch()
        for _ in 0..<50 {
            let vocabulary = Int.random(in: 1...300, using: &random)
            let parameters = try randomParameters(vocabulary, &random)
            let prompt = (0..<Int.random(in: 0...10, using: &random)).map { _ in
                Int32.random(in: 0..<Int32(vocabulary), using: &random)
            }
            var sampler = Sampler(parameters, prompt: prompt, tokenCountMax: prompt.count + 8)
            var answer: [Int32] = []
            for draw in 0..<8 {
                let logits = (0..<vocabulary).map { _ in Float.random(in: -6...6, using: &random) }
                let token = logits.withUnsafeBufferPointer { sampler.sample($0, with: scratch) }
                let reference = Reference(logits, parameters, prompt: prompt, answer: answer)
                let expected = reference.token(draw: UInt64(draw), seed: parameters.seed)
                // The same token, or the random number fell within rounding of the border between two of them, or the
                // set that is drawn from ends within rounding of where it does.
                #expect(token == expected || reference.isBorderline(draw: UInt64(draw), seed: parameters.seed))
                answer.append(token)
            }
        }
    }

    private func randomParameters(
        _ vocabulary: Int, _ random: inout SeededGenerator
    ) throws -> SamplingParameters {
        func sometimes<Value>(_ value: Value, _ otherwise: Value) -> Value {
            Bool.random(using: &random) ? value : otherwise
        }
        var biases: [Int32: Float] = [:]
        for _ in 0..<sometimes(4, 0) {
            biases[Int32.random(in: 0..<Int32(vocabulary), using: &random)] = Float.random(in: -9...9, using: &random)
        }
        return try SamplingParameters(
            temperature: sometimes(Float.random(in: 0.3...2, using: &random), sometimes(1, 0)),
            topK: sometimes(Int.random(in: 1...vocabulary, using: &random), 0),
            topP: sometimes(Float.random(in: 0.05...1, using: &random), 1),
            minP: sometimes(Float.random(in: 0...0.5, using: &random), 0),
            repetitionPenalty: sometimes(Float.random(in: 0.5...2, using: &random), 1),
            presencePenalty: sometimes(Float.random(in: -2...2, using: &random), 0),
            frequencyPenalty: sometimes(Float.random(in: -2...2, using: &random), 0), biases: biases,
            seed: random.next())
    }

    @Test("log probabilities are those of the raw logits, in order, and sum to one")
    func logprobs() {
        var random = SeededGenerator(seed: 9)
        for count in [1, 2, 19, 20, 21, 500] {
            let logits = (0..<count).map { _ in Float.random(in: -30...30, using: &random) }
            let best = Double(logits.max()!)
            let logSum = best + log(logits.reduce(0.0) { $0 + exp(Double($1) - best) })
            let chosen = Int32.random(in: 0..<Int32(count), using: &random)
            for topCount in [0, 1, 20] {
                let found = logits.withUnsafeBufferPointer { TokenLogprobs(of: chosen, topCount: topCount, in: $0) }
                // Float32 around 60: half a unit in the last place is 2e-6.
                #expect(abs(Double(found.chosen.logprob) - (Double(logits[Int(chosen)]) - logSum)) < 1e-5)
                let order = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(topCount).map(Int32.init)
                #expect(found.top.map(\.token) == order)
                for entry in found.top {
                    #expect(abs(Double(entry.logprob) - (Double(logits[Int(entry.token)]) - logSum)) < 1e-5)
                }
            }
        }
    }

    @Test("log probabilities of extreme logits are probabilities still")
    func extremeLogprobs() {
        func logprobs(_ logits: [Float], of token: Int32) -> TokenLogprobs {
            logits.withUnsafeBufferPointer { TokenLogprobs(of: token, topCount: 3, in: $0) }
        }
        #expect(logprobs([1e38, -1e38, 0], of: 0).top.map(\.logprob) == [0, -1e38, -2e38])
        #expect(logprobs([.infinity, 3, .infinity], of: 1).chosen.logprob == -.infinity)
        #expect(abs(logprobs([.infinity, 3, .infinity], of: 0).chosen.logprob + 0.6931472) < 1e-6)
        let withoutNumber = logprobs([.nan, 0, 0], of: 0)
        #expect(withoutNumber.chosen.logprob == -.infinity && withoutNumber.top.map(\.token) == [1, 2])
        #expect(logprobs([-.infinity, -.infinity], of: 1).chosen.logprob == -Float(log(2.0)))
    }
}

/// The distribution a token is drawn from, in float64.
private struct Reference {
    private let isGreedy: Bool
    /// Tokens and weights, in the order in which the draw adds them up.
    private var kept: [(token: Int32, weight: Double)] = []
    /// How far the end of the set was from being elsewhere, relative.
    private var margin = Double.infinity

    init(_ logits: [Float], _ parameters: SamplingParameters, prompt: [Int32], answer: [Int32]) {
        var adjusted = logits.map(Double.init)
        for bias in parameters.biases { adjusted[Int(bias.token)] += Double(bias.value) }
        for token in Set(prompt + answer) {
            let penalty = Double(parameters.repetitionPenalty)
            adjusted[Int(token)] *= adjusted[Int(token)] > 0 ? 1 / penalty : penalty
            let count = answer.count { $0 == token }
            guard count > 0 else { continue }
            adjusted[Int(token)] -= Double(parameters.frequencyPenalty) * Double(count)
            adjusted[Int(token)] -= Double(parameters.presencePenalty)
        }
        isGreedy = parameters.temperature == 0 || parameters.topK == 1
        let order = adjusted.indices.sorted { (adjusted[$0], -$0) > (adjusted[$1], -$1) }
        let limit = isGreedy ? 1 : parameters.topK > 0 ? min(parameters.topK, order.count) : order.count
        let temperature = isGreedy ? 1 : Double(parameters.temperature)
        let weights = order.map { exp((adjusted[$0] - adjusted[order[0]]) / temperature) }
        if limit < order.count { margin = min(margin, 1 - weights[limit] / weights[limit - 1]) }
        let total = weights.prefix(limit).reduce(0, +)
        var sum = 0.0
        for (place, token) in order.prefix(limit).enumerated() {
            let reached = Double(parameters.topP) * total
            if parameters.topP < 1 { margin = min(margin, abs(sum - reached) / total) }
            guard parameters.topP == 1 || sum < reached else { break }
            sum += weights[place]
            if parameters.minP > 0 { margin = min(margin, abs(weights[place] - Double(parameters.minP))) }
            if weights[place] >= Double(parameters.minP) { kept.append((Int32(token), weights[place])) }
        }
        // Only a top p, or a top k that is short or leaves something out, sorts; otherwise the order is that of ids.
        let topKSorts = parameters.topK > 0 && (parameters.topK <= 128 || parameters.topK < order.count)
        if parameters.topP == 1, !topKSorts { kept.sort { $0.token < $1.token } }
    }

    func token(draw: UInt64, seed: UInt64) -> Int32 {
        let threshold = Double(Sampler.uniform(seed: seed, index: draw)) * kept.reduce(0) { $0 + $1.weight }
        var sum = 0.0
        for (token, weight) in kept {
            sum += weight
            if threshold < sum { return token }
        }
        return kept[kept.count - 1].token
    }

    /// Whether float32 may well choose another token: the random number is within 1e-5 of a border, or the set is.
    func isBorderline(draw: UInt64, seed: UInt64) -> Bool {
        if margin < 1e-5 { return true }
        let total = kept.reduce(0) { $0 + $1.weight }
        let threshold = Double(Sampler.uniform(seed: seed, index: draw)) * total
        var sum = 0.0
        for (_, weight) in kept {
            sum += weight
            if abs(threshold - sum) < 1e-5 * total { return true }
        }
        return false
    }
}
