import Constraints
import Testing
import TextModels

@Suite struct SamplerTests {
    @Test("greedy takes the largest logit, the lowest id among equals, never a NaN")
    func greedy() {
        #expect(draw([1, 3, 2], .greedy) == 1)
        #expect(draw([1, 3, 3], .greedy) == 1)
        #expect(draw([.nan, 1, .nan, 2], .greedy) == 3)
        #expect(draw([.nan, .nan], .greedy) == 0)
        #expect(draw([-.infinity, -.infinity], .greedy) == 0)
        #expect(draw([0, .infinity, 5], .greedy) == 1)
    }

    @Test(
        "values out of range are refused by name",
        arguments: [
            (Float(-0.1), 0, Float(1), "temperature"), (.nan, 0, 1, "temperature"), (10.1, 0, 1, "temperature"),
            (.infinity, 0, 1, "temperature"), (1, -1, 1, "top_k"), (1, 0, 0, "top_p"), (1, 0, 1.1, "top_p"),
            (1, 0, .nan, "top_p"),
        ])
    func refuses(temperature: Float, topK: Int, topP: Float, field: String) {
        #expect {
            try SamplingParameters(temperature: temperature, topK: topK, topP: topP)
        } throws: {
            ($0 as? SamplingError)?.field == field
        }
    }

    @Test("frequencies follow the softmax at that temperature", arguments: [Float(0.5), 1, 2])
    func frequencies(temperature: Float) throws {
        // Probabilities 1/2, 1/4, 1/4 at temperature 1.
        let logits: [Float] = [0.6931472, 0, 0, -.infinity]
        let first = temperature == 1 ? 2 : temperature == 2 ? 1.41421356 : 4.0
        let weights = [first, 1, 1, 0]
        let counts = count(logits, try SamplingParameters(temperature: temperature, seed: 7), draws: 20_000)
        for (token, weight) in weights.enumerated() {
            // Five standard deviations of a frequency from 20 000 draws are below 0.018.
            #expect(abs(Double(counts[token]) / 20_000 - weight / weights.reduce(0, +)) < 0.018)
        }
        #expect(counts[3] == 0)
    }

    @Test("top k keeps k, the lowest ids among equals", arguments: [1, 2, 3, 4, 200])
    func topK(k: Int) throws {
        let logits: [Float] = [0, 1, 0, 1, 0]
        let order = [1, 3, 0, 2, 4]
        let counts = count(logits, try SamplingParameters(temperature: 1, topK: k, seed: 1), draws: 2000)
        #expect(Set(counts.indices.filter { counts[$0] > 0 }) == Set(order.prefix(k)))
    }

    @Test("keeping a short list and sorting everything choose the same top k")
    func topKPaths() throws {
        // 300 distinct logits in a scattered order; 128 is the longest list that is kept by insertion.
        let logits = (0..<300).map { Float(($0 * 77) % 300) / 50 }
        for k in [127, 128, 129, 299] {
            let allowed = Set(logits.indices.sorted { logits[$0] > logits[$1] }.prefix(k))
            let counts = count(logits, try SamplingParameters(temperature: 5, topK: k, seed: 3), draws: 3000)
            #expect(counts.indices.allSatisfy { counts[$0] == 0 || allowed.contains($0) })
        }
    }

    @Test(
        "top p keeps the fewest tokens that reach it",
        arguments: [(Float(0.4), 1), (0.49, 1), (0.6, 2), (0.74, 2), (0.87, 3), (0.88, 4), (1, 4)])
    func topP(p: Float, kept: Int) throws {
        // Probabilities 1/2, 1/4, 1/8, 1/8 in another order.
        let logits: [Float] = [0, 0.6931472, 1.3862944, 0]
        let order = [2, 1, 0, 3]
        let counts = count(logits, try SamplingParameters(temperature: 1, topP: p, seed: 5), draws: 2000)
        #expect(Set(counts.indices.filter { counts[$0] > 0 }) == Set(order.prefix(kept)))
    }

    @Test("top p counts probabilities among the top k")
    func topPAfterTopK() throws {
        // Among the top 2 the first has 2/3, which reaches 0.6 alone; among all it has 1/2, which does not.
        let logits: [Float] = [1.3862944, 0.6931472, 0, 0]
        let both = count(logits, try SamplingParameters(temperature: 1, topK: 2, topP: 0.6, seed: 2), draws: 500)
        #expect(both == [500, 0, 0, 0])
        let onlyP = count(logits, try SamplingParameters(temperature: 1, topP: 0.6, seed: 2), draws: 500)
        #expect(onlyP[1] > 0)
    }

    @Test("a seed repeats, another differs, and a sampler can be taken up again at any draw")
    func seeds() throws {
        let logits = [Float](repeating: 0, count: 64)
        func tokens(_ seed: UInt64, from start: UInt64 = 0) throws -> [Int32] {
            var sampler = Sampler(try SamplingParameters(temperature: 1, seed: seed), drawCount: start)
            let scratch = SamplerScratch()
            return (0..<40).map { _ in logits.withUnsafeBufferPointer { sampler.sample($0, with: scratch) } }
        }
        #expect(try tokens(1) == tokens(1))
        #expect(try tokens(1) != tokens(2))
        #expect(try Array(tokens(1)[15...]) == Array(tokens(1, from: 15)[..<25]))
    }

    @Test("a tiny temperature is greedy, and infinite logits do no harm")
    func extremes() throws {
        let cold = try SamplingParameters(temperature: 1e-30, topK: 0, topP: 0.5, seed: 1)
        #expect(draw([1, 1.001, 0], cold) == 1)
        #expect(draw([1, .infinity, 0], try SamplingParameters(temperature: 1)) == 1)
        #expect(draw([-.infinity, -.infinity], try SamplingParameters(temperature: 1)) == 0)
        #expect(draw([.nan, 4, .nan], try SamplingParameters(temperature: 1)) == 1)
    }

    @Test(
        "the other values out of range are refused by name",
        arguments: [
            ("min_p", Float(-0.1)), ("min_p", 1.1), ("min_p", .nan), ("repetition_penalty", 0),
            ("repetition_penalty", 11), ("repetition_penalty", .nan), ("presence_penalty", 2.1),
            ("presence_penalty", .nan), ("frequency_penalty", -2.1), ("logit_bias", 101), ("logit_bias", .nan),
        ])
    func refusesOthers(field: String, value: Float) {
        #expect {
            switch field {
            case "min_p": _ = try SamplingParameters(temperature: 1, minP: value)
            case "repetition_penalty": _ = try SamplingParameters(temperature: 1, repetitionPenalty: value)
            case "presence_penalty": _ = try SamplingParameters(temperature: 1, presencePenalty: value)
            case "frequency_penalty": _ = try SamplingParameters(temperature: 1, frequencyPenalty: value)
            default: _ = try SamplingParameters(temperature: 1, biases: [4: value])
            }
        } throws: {
            ($0 as? SamplingError)?.field == field
        }
        #expect(throws: SamplingError.self) {
            try SamplingParameters(
                temperature: 1, biases: Dictionary(uniqueKeysWithValues: (0..<1025).map { (Int32($0), 1) }))
        }
    }

    @Test("a bias decides, also where the model is sure of something else")
    func bias() throws {
        let parameters = try SamplingParameters(temperature: 0, biases: [2: 100, 7: 50])
        #expect(draw([1, 30, -20, 3], parameters) == 2)
        let counts = count([0, 0, 0], try SamplingParameters(temperature: 1, biases: [1: -100]), draws: 500)
        #expect(counts[1] == 0 && counts[0] > 0 && counts[2] > 0)
    }

    @Test("each penalty is what its formula says")
    func penalties() throws {
        // Token 0 is in the prompt; what is chosen is in the answer from then on.
        func greedy(_ logits: [Float], _ parameters: SamplingParameters) -> [Int32] {
            var sampler = Sampler(parameters, prompt: [0], tokenCountMax: 8)
            let scratch = SamplerScratch()
            return (0..<4).map { _ in logits.withUnsafeBufferPointer { sampler.sample($0, with: scratch) } }
        }
        // 4 / 2 = 2 loses against 3; then 3 / 2 against 4 / 2; each counts once however often it comes.
        #expect(
            try greedy([4, 3, 1], SamplingParameters(temperature: 0, repetitionPenalty: 2)) == [1, 0, 0, 0])
        // -1 · 2 loses against -1.5, which loses against -2 when it is -3.
        #expect(
            try greedy([-1, -1.5, -9], SamplingParameters(temperature: 0, repetitionPenalty: 2)) == [1, 0, 0, 0])
        // The prompt does not count; 4 - 1.5 = 2.5 loses against 3, 3 - 1.5 against 2.5.
        #expect(
            try greedy([4, 3, 1], SamplingParameters(temperature: 0, presencePenalty: 1.5)) == [0, 1, 0, 0])
        // 4, 3; then 2.5 and 1.5 and 1: once more for each time.
        #expect(
            try greedy([4, 3, 1], SamplingParameters(temperature: 0, frequencyPenalty: 1.5)) == [0, 1, 0, 1])
    }

    @Test("min p keeps the tokens with that share of the best one's probability")
    func minP() throws {
        // Probabilities 1/2, 1/4, 1/8, 1/8.
        let logits: [Float] = [0.6931472, 1.3862944, 0, 0]
        for (minP, kept) in [(Float(0), 4), (0.2, 4), (0.3, 2), (0.6, 1), (1, 1)] {
            let counts = count(logits, try SamplingParameters(temperature: 1, minP: minP, seed: 4), draws: 2000)
            #expect(Set(counts.indices.filter { counts[$0] > 0 }) == Set([1, 0, 2, 3].prefix(kept)))
        }
    }

    @Test("only allowed tokens are chosen, whatever the logits are")
    func allowed() throws {
        var mask = TokenMask(tokenCount: 4)
        mask.insert(1)
        mask.insert(3)
        let scratch = SamplerScratch()
        for parameters in [SamplingParameters.greedy, try SamplingParameters(temperature: 2, topP: 0.9, seed: 3)] {
            for logits in [[9, 1, 9, 2, 9], [.nan, .nan, 1, .nan, 5], [0, -.infinity, 0, -.infinity, 0]] as [[Float]] {
                var sampler = Sampler(parameters)
                for _ in 0..<50 {
                    let token = logits.withUnsafeBufferPointer { sampler.sample($0, allowed: mask, with: scratch) }
                    #expect(mask.contains(token), "\(token) of \(logits)")
                }
            }
        }
        var greedy = Sampler(.greedy)
        #expect([9, 1, 9, 2, 9].withUnsafeBufferPointer { greedy.sample($0, allowed: mask, with: scratch) } == 3)
    }

    private func draw(_ logits: [Float], _ parameters: SamplingParameters) -> Int32 {
        var sampler = Sampler(parameters)
        return logits.withUnsafeBufferPointer { sampler.sample($0, with: SamplerScratch()) }
    }

    private func count(_ logits: [Float], _ parameters: SamplingParameters, draws: Int) -> [Int] {
        var sampler = Sampler(parameters)
        let scratch = SamplerScratch()
        var counts = [Int](repeating: 0, count: logits.count)
        logits.withUnsafeBufferPointer { logits in
            for _ in 0..<draws { counts[Int(sampler.sample(logits, with: scratch))] += 1 }
        }
        return counts
    }
}
