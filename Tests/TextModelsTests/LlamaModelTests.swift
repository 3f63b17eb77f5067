import Compute
import Models
import TestSupport
import Testing
import TextModels
import Vocabulary

@Suite struct LlamaModelTests {
    static let tiers = KernelTier.allCases.filter(\.isSupported)

    /// Heads: as many key/value heads as query heads, shared ones, all on one; odd sizes; tied and untied.
    static let variants: [TinyLlama] = [
        .filled(seed: 1), .filled(seed: 2) { $0.tiesEmbeddings = true },
        .filled(seed: 3) {
            $0.keyValueHeadCount = 4
            $0.headSize = 16
            $0.vocabularySize = 33
        },
        .filled(seed: 4) {
            $0.keyValueHeadCount = 1
            $0.headSize = 2
            $0.hiddenSize = 17
            $0.intermediateSize = 31
            $0.layerCount = 3
        },
    ]

    /// The tolerance of float32 against float64 over two layers of sums of 40 terms.
    static let tolerance = 2e-5

    @Test(
        "decoding through the paged cache agrees with computing everything anew", arguments: variants.indices,
        [1, 3, 16])
    func agreesWithReference(variant: Int, tokensPerPage: Int) throws {
        let tiny = Self.variants[variant]
        let tokens = randomTokens(20, below: tiny.vocabularySize, seed: 9)
        let expected = try tiny.reference().forward(tokens)
        for tier in Self.tiers {
            let gang = ComputeGang(threadCount: 2, kernels: Kernels(tier: tier)!)
            let driver = try StepDriver(try tiny.load(), tokensPerPage: tokensPerPage, gang: gang)
            for (position, token) in tokens.enumerated() {
                let logits = try driver.step([(0, [token], .lastLogits)])[0]!
                #expect(largestDifference(logits, expected.logits[position]) < Self.tolerance)
            }
            let states = try driver.step([(1, tokens, .hiddenStates)])[0]!
            #expect(largestDifference(states, expected.states.flatMap { $0 }) < Self.tolerance)
        }
    }

    @Test(
        "a prompt gives the same bits in any chunks, on 1 to 4 threads and with pages of any size", arguments: tiers,
        WeightFormat.allCases)
    func chunkInvariance(tier: KernelTier, format: WeightFormat) throws {
        let tiny = TinyLlama.filled(seed: 5)
        let model = try tiny.load(format)
        let tokens = randomTokens(40, below: tiny.vocabularySize, seed: 3)
        var random = SeededGenerator(seed: 11)
        var expected: [UInt32]?
        for tokensPerPage in [1, 3, 16] {
            for threadCount in 1...4 {
                let gang = ComputeGang(threadCount: threadCount, kernels: Kernels(tier: tier)!)
                let driver = try StepDriver(model, tokensPerPage: tokensPerPage, gang: gang)
                for sequence in 0..<4 {
                    let chunks = sequence == 0 ? [40] : randomChunks(40, using: &random)
                    let result = bits(try driver.logits(tokens, chunks: chunks, sequence: sequence))
                    #expect(result == expected ?? result, "chunks \(chunks), \(threadCount) threads")
                    expected = result
                }
            }
        }
    }

    /// Goal: a sequence's bits do not depend on what shares its steps.
    ///
    /// Method: sequences run alone first; then all together, joining at different steps, some with chunks of a prompt,
    /// some decoding, some wanting hidden states.
    @Test("a sequence has the same bits alone and among others", arguments: tiers, 1...3)
    func companyInvariance(tier: KernelTier, threadCount: Int) throws {
        let tiny = TinyLlama.filled(seed: 6)
        let gang = ComputeGang(threadCount: threadCount, kernels: Kernels(tier: tier)!)
        let driver = try StepDriver(try tiny.load(), tokensPerPage: 4, gang: gang)
        let prompts = (0..<5).map { randomTokens(8 + 5 * $0, below: tiny.vocabularySize, seed: UInt64($0)) }
        let alone = try prompts.enumerated().map { sequence, prompt in
            defer { driver.finish(sequence) }
            return try prompt.map { bits(try driver.step([(sequence, [$0], .lastLogits)])[0]!) }
        }
        var done = [Int](repeating: 0, count: prompts.count)
        var round = 0
        while zip(done, prompts).contains(where: { $0 < $1.count }) {
            let running = prompts.indices.filter { $0 <= round && done[$0] < prompts[$0].count }
            let parts = running.map { sequence in
                // Each takes another number of tokens, which changes from step to step.
                let count = min(1 + (sequence * round) % 4, prompts[sequence].count - done[sequence])
                return (sequence, Array(prompts[sequence][done[sequence]...].prefix(count)), TokenStepResult.lastLogits)
            }
            let results = try driver.step(parts)
            for (index, part) in parts.enumerated() {
                done[part.0] += part.1.count
                #expect(bits(results[index]!) == alone[part.0][done[part.0] - 1], "sequence \(part.0), round \(round)")
            }
            round += 1
        }
    }

    @Test("only the spans that want something get it, in order")
    func resultsInOrder() throws {
        let tiny = TinyLlama.filled(seed: 7)
        let driver = try StepDriver(try tiny.load(), tokensPerPage: 4, gang: ComputeGang(threadCount: 1))
        let results = try driver.step([
            (0, [1, 2], .none), (1, [3, 4, 5], .hiddenStates), (2, [6], .lastLogits), (3, [7], .none),
            (4, [8, 9], .lastLogits),
        ])
        #expect(results.mapValues(\.count) == [1: 3 * tiny.hiddenSize, 2: 50, 4: 50])
        #expect(try driver.step([]).isEmpty)
    }

    @Test("pages that were used before leave no trace")
    func pagesAreReused() throws {
        let tiny = TinyLlama.filled(seed: 8)
        let driver = try StepDriver(
            try tiny.load(), pageCount: 5, tokensPerPage: 4, gang: ComputeGang(threadCount: 1))
        let tokens = randomTokens(10, below: 50, seed: 1)
        let first = try driver.logits(tokens, chunks: [10], sequence: 0)
        driver.finish(0)
        _ = try driver.logits(randomTokens(19, below: 50, seed: 2), chunks: [7, 12], sequence: 1)
        driver.finish(1)
        #expect(bits(try driver.logits(tokens, chunks: [10], sequence: 2)) == bits(first))
    }

    @Test("weights in half precision give what their values give in single", arguments: ["F16", "BF16"])
    func halfPrecision(elementType: String) throws {
        var half = TinyLlama.filled(seed: 9)
        half.elementType = elementType
        let tokens = randomTokens(12, below: 50, seed: 4)
        let expected = try half.reference().forward(tokens).logits
        let driver = try StepDriver(try half.load(), tokensPerPage: 16, gang: ComputeGang(threadCount: 1))
        let logits = try driver.logits(tokens, chunks: [12], sequence: 0)
        #expect(largestDifference(logits, expected[11]) < Self.tolerance)
    }

    @Test(
        "weights of fewer bits give nearly the same logits",
        arguments: [(WeightFormat.bfloat16, 0.9999), (.int8, 0.998), (.int4, 0.92)])
    func fewerBits(format: WeightFormat, cosineMin: Double) throws {
        let tiny = TinyLlama.filled(seed: 12) {
            ($0.hiddenSize, $0.headSize, $0.intermediateSize, $0.vocabularySize) = (128, 32, 320, 300)
        }
        let tokens = randomTokens(30, below: 300, seed: 5)
        let expected = try tiny.reference().forward(tokens).logits
        let driver = try StepDriver(try tiny.load(format), tokensPerPage: 16, gang: ComputeGang(threadCount: 2))
        let logits = try driver.logits(tokens, chunks: [tokens.count], sequence: 0)
        func product(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        let reference = expected.last!.map { Float($0) }
        let cosine = product(logits, reference) / (product(logits, logits) * product(reference, reference)).squareRoot()
        #expect(cosine >= cosineMin, "\(format): \(cosine)")
    }

    @Test("properties and description follow the configuration, and warming up works")
    func properties() throws {
        let model = try TinyLlama.filled().load()
        #expect(model.properties.vocabularySize == 50 && model.properties.contextLengthMax == 64)
        #expect(model.properties.hiddenSize == 24)
        // keys and values · layers · heads · head size · bytes
        #expect(model.properties.cacheBytesPerToken == 2 * 2 * 2 * 6 * 4)
        #expect(model.description.modality == .text && model.description.platform == "apus_text")
        let gang = ComputeGang(threadCount: 1)
        try model.warmUp(on: gang)
        try model.allocateCache(pageCount: 2, tokensPerPage: 4)
        try model.warmUp(on: gang)
    }

    @Test("a cache that no memory can hold is an error", arguments: [1 << 31, 1 << 60])
    func hugeCache(pageCount: Int) throws {
        let model = try TinyLlama.filled().load()
        #expect(throws: ComputeError.self) { try model.allocateCache(pageCount: pageCount, tokensPerPage: 1 << 20) }
    }
}
