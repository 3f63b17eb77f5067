import Compute
import Foundation
import ModelFiles
import Models
import TestSupport
import Testing
import TextModels

/// Goal: every family computes what Hugging Face transformers computes, from the same files.
///
/// Method: miniatures with random weights, made so that what sets a family apart matters: windows shorter than the
/// prompt, scaled rotations, shared heads, biases far from zero.
@Suite struct DecoderFamiliesTests {
    /// float32 against float32 in another order, through up to four layers; relative to values of size 1 and more.
    static let tolerance = 1e-4

    static let tiers = KernelTier.allCases.filter(\.isSupported)

    @Test("logits after the tokens of a prompt", arguments: DecoderFixture.names, tiers)
    func logits(name: String, tier: KernelTier) throws {
        let fixture = try DecoderFixture(name)
        let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
        let driver = try StepDriver(try fixture.model(), pageCount: 20, tokensPerPage: 5, gang: gang)
        for (position, token) in fixture.prompt.enumerated() {
            let logits = try driver.step([(0, [token], .lastLogits)])[0]!
            guard let index = fixture.positions.firstIndex(of: position) else { continue }
            let difference = largestDifference(logits, fixture.logits[index])
            #expect(difference < Self.tolerance, "position \(position)")
        }
    }

    @Test("the most likely tokens after a prompt", arguments: DecoderFixture.names, tiers)
    func greedy(name: String, tier: KernelTier) throws {
        let fixture = try DecoderFixture(name)
        let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
        let driver = try StepDriver(try fixture.model(), pageCount: 20, tokensPerPage: 16, gang: gang)
        var sampler = Sampler(.greedy)
        let scratch = SamplerScratch()
        var logits = try driver.step([(0, fixture.prompt, .lastLogits)])[0]!
        var tokens: [Int32] = []
        while tokens.count < fixture.greedy.count {
            tokens.append(logits.withUnsafeBufferPointer { sampler.sample($0, with: scratch) })
            logits = try driver.step([(0, [tokens.last!], .lastLogits)])[0]!
        }
        #expect(tokens == fixture.greedy)
    }

    /// Goal: the same request gives the same bits alone, among 63 others, in any chunks, on 1, 2 and 3 threads.
    ///
    /// Method: the logits after every token are computed alone, one token at a time. Then the sequence joins 63 others
    /// of random tokens; everyone takes a random number of tokens in each step, on other pages each time.
    @Test("a sequence has the same bits in any company", arguments: DecoderFixture.names, tiers)
    func companyInvariance(name: String, tier: KernelTier) throws {
        let fixture = try DecoderFixture(name)
        let (model, tokens) = (try fixture.model(), fixture.tokens)
        let kernels = try #require(Kernels(tier: tier))
        let single = try StepDriver(
            model, pageCount: 60, tokensPerPage: 1, gang: ComputeGang(threadCount: 1, kernels: kernels))
        let alone = try tokens.map { bits(try single.step([(0, [$0], .lastLogits)])[0]!) }
        var random = SeededGenerator(seed: 17)
        for threadCount in 1...3 {
            let gang = ComputeGang(threadCount: threadCount, kernels: kernels)
            let driver = try StepDriver(model, pageCount: 64 * 14, tokensPerPage: 3 + threadCount, gang: gang)
            var done = 0
            var others = (0..<63).map { _ in Int.random(in: 1...30, using: &random) }
            while done < tokens.count {
                let count = Int.random(in: 1...min(12, tokens.count - done), using: &random)
                var parts: [(sequence: Int, tokens: [Int32], result: TokenStepResult)] = [
                    (0, Array(tokens[done..<done + count]), .lastLogits)
                ]
                for index in others.indices where others[index] > 0 {
                    let taken = Int.random(in: 1...min(9, others[index]), using: &random)
                    others[index] -= taken
                    let company = (0..<taken).map { _ in Int32.random(in: 3..<160, using: &random) }
                    parts.append((index + 1, company, [.none, .lastLogits, .hiddenStates][index % 3]))
                }
                let own = Int.random(in: parts.indices, using: &random)
                parts.swapAt(0, own)
                let logits = try driver.step(parts)[own]!
                done += count
                #expect(bits(logits) == alone[done - 1], "\(threadCount) threads, \(done) tokens")
            }
        }
    }

    @Test("a prompt in one piece gives the bits of one token at a time", arguments: DecoderFixture.names, tiers)
    func wholePrompt(name: String, tier: KernelTier) throws {
        let fixture = try DecoderFixture(name)
        let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
        let driver = try StepDriver(try fixture.model(), pageCount: 40, tokensPerPage: 7, gang: gang)
        let count = fixture.tokens.count
        let whole = try driver.logits(fixture.tokens, chunks: [count], sequence: 0)
        let single = try driver.logits(fixture.tokens, chunks: Array(repeating: 1, count: count), sequence: 1)
        #expect(bits(whole) == bits(single))
    }

    @Test(
        "weights of fewer bits give the same bits in any chunks, alone and among 63 others",
        arguments: DecoderFixture.names, [WeightFormat.bfloat16, .int8, .int4])
    func formatInvariance(name: String, format: WeightFormat) throws {
        let fixture = try DecoderFixture(name)
        let (model, tokens) = (try fixture.model(format), fixture.tokens)
        for tier in Self.tiers {
            let kernels = try #require(Kernels(tier: tier))
            func gang(_ threadCount: Int) -> ComputeGang { ComputeGang(threadCount: threadCount, kernels: kernels) }
            let single = try StepDriver(model, pageCount: 60, tokensPerPage: 1, gang: gang(1))
            let alone = bits(try single.logits(tokens, chunks: tokens.map { _ in 1 }, sequence: 0))
            var random = SeededGenerator(seed: 5)
            for threadCount in 1...3 {
                let driver = try StepDriver(model, pageCount: 64 * 4, tokensPerPage: 9, gang: gang(threadCount))
                func company() -> [(sequence: Int, tokens: [Int32], result: TokenStepResult)] {
                    (1...63).map { index in
                        (index, (0...index % 9).map { _ in Int32.random(in: 3..<160, using: &random) }, .lastLogits)
                    }
                }
                _ = try driver.step(company() + [(0, Array(tokens.prefix(31)), .none)])
                let rest = try driver.step(company() + [(0, Array(tokens.dropFirst(31)), .lastLogits)])
                #expect(bits(rest[63]!) == alone, "\(tier), \(threadCount) threads")
            }
        }
    }

    @Test("a context that was limited is the model's, and short enough keeps a long rotation away")
    func limitedContext() throws {
        let fixture = try DecoderFixture("phi3-long")
        let path = fixture.directory.appending(path: "config.json").path
        let long = try DecoderDescription(path: path)
        #expect(long.contextLengthMax == 64)
        let short = try DecoderDescription(path: path, contextLength: 16)
        #expect(short.contextLengthMax == 16)
        #expect(short.positions != long.positions)
        #expect(try DecoderDescription(path: path, contextLength: 17).positions == long.positions)
    }
}
