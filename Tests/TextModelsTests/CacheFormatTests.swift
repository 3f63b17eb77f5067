import Compute
import Foundation
import Models
import TestSupport
import Testing
import TextModels

/// Goal: pages of fewer bits lose no more than they must, promise the same bits in any company, and take exactly the
/// memory that is counted.
@Suite("Pages in bf16 and int8")
struct CacheFormatTests {
    static let formats: [CacheFormat] = [.bfloat16, .int8]

    /// Method: the probabilities after every token against those of pages in float32, with weights in float32.
    ///
    /// Measured, at worst: cosine 0.999975 and divergence 0.0002 in bf16, 0.99985 and 0.0009 in int8.
    @Test(
        "fewer bits give nearly the same probabilities", arguments: DecoderFixture.names,
        [Accuracy(.bfloat16, 0.99995, 4e-4), Accuracy(.int8, 0.9997, 2e-3)])
    func fewerBits(name: String, accuracy: Accuracy) throws {
        let fixture = try DecoderFixture(name)
        let gang = ComputeGang(threadCount: 2)
        let exact = try StepDriver(try fixture.model(), tokensPerPage: 16, gang: gang)
        let fewer = try StepDriver(try fixture.model(cache: accuracy.format), tokensPerPage: 16, gang: gang)
        var (cosine, divergence, count) = (0.0, 0.0, 0.0)
        for token in fixture.tokens {
            let expected = try exact.step([(0, [token], .lastLogits)])[0]!.map(Double.init)
            let logits = try fewer.step([(0, [token], .lastLogits)])[0]!.map(Double.init)
            cosine += similarity(logits, expected)
            divergence += self.divergence(expected, logits)
            count += 1
        }
        (cosine, divergence) = (cosine / count, divergence / count)
        #expect(cosine >= accuracy.cosineMin && divergence <= accuracy.divergenceMax, "\(cosine), \(divergence)")
        #expect(cosine < 1 && divergence > 0, "the pages have the same bits")
    }

    struct Accuracy: Sendable, CustomTestStringConvertible {
        let format: CacheFormat
        /// Of logits, on average.
        let cosineMin: Double
        /// Kullback-Leibler, on average, in nats.
        let divergenceMax: Double
        var testDescription: String { format.rawValue }

        init(_ format: CacheFormat, _ cosineMin: Double, _ divergenceMax: Double) {
            (self.format, self.cosineMin, self.divergenceMax) = (format, cosineMin, divergenceMax)
        }
    }

    private func similarity(_ a: [Double], _ b: [Double]) -> Double {
        func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        return product(a, b) / (product(a, a) * product(b, b)).squareRoot()
    }

    private func divergence(_ a: [Double], _ b: [Double]) -> Double {
        func logProbabilities(_ logits: [Double]) -> [Double] {
            let sum = log(logits.reduce(0) { $0 + exp($1 - logits.max()!) }) + logits.max()!
            return logits.map { $0 - sum }
        }
        return zip(logProbabilities(a), logProbabilities(b)).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    }

    /// Method: alone, one token at a time on pages of one token; then in pieces of random sizes beside 20 others, on
    /// 1, 2 and 3 threads and pages of other sizes.
    @Test("a sequence has the same bits in any company and any pieces", arguments: DecoderFixture.names, formats)
    func invariance(name: String, format: CacheFormat) throws {
        let fixture = try DecoderFixture(name)
        let (model, tokens) = (try fixture.model(cache: format), fixture.tokens)
        let single = try StepDriver(model, pageCount: 60, tokensPerPage: 1, gang: ComputeGang(threadCount: 1))
        let alone = try tokens.map { bits(try single.step([(0, [$0], .lastLogits)])[0]!) }
        var random = SeededGenerator(seed: 23)
        for threadCount in 1...3 {
            let driver = try StepDriver(
                model, pageCount: 21 * 14, tokensPerPage: 3 + threadCount, gang: ComputeGang(threadCount: threadCount))
            var done = 0
            var others = (0..<20).map { _ in Int.random(in: 1...30, using: &random) }
            while done < tokens.count {
                let count = Int.random(in: 1...min(12, tokens.count - done), using: &random)
                var parts: [(sequence: Int, tokens: [Int32], result: TokenStepResult)] = []
                for index in others.indices where others[index] > 0 {
                    let taken = Int.random(in: 1...min(9, others[index]), using: &random)
                    others[index] -= taken
                    parts.append((index + 1, (0..<taken).map { _ in .random(in: 3..<160, using: &random) }, .none))
                }
                let own = Int.random(in: 0...parts.count, using: &random)
                parts.insert((0, Array(tokens[done..<done + count]), .lastLogits), at: own)
                done += count
                let logits = try driver.step(parts)[own]!
                #expect(bits(logits) == alone[done - 1], "\(threadCount) threads, \(done) tokens")
            }
        }
    }

    @Test(
        "a prompt has the same bits in any pieces, on pages of any size, on every tier",
        arguments: KernelTier.allCases.filter(\.isSupported), formats)
    func pieces(tier: KernelTier, format: CacheFormat) throws {
        let tiny = TinyLlama.filled(seed: 5) { $0.keyValueHeadCount = 1 }
        let model = try tiny.load(cache: format)
        let tokens = randomTokens(40, below: tiny.vocabularySize, seed: 3)
        var random = SeededGenerator(seed: 11)
        let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
        var expected: [UInt32]?
        for tokensPerPage in [1, 3, 16, 32] {
            let driver = try StepDriver(model, tokensPerPage: tokensPerPage, gang: gang)
            for sequence in 0..<4 {
                let chunks = [[40], Array(repeating: 1, count: 40)]
                let pieces = sequence < 2 ? chunks[sequence] : randomChunks(40, using: &random)
                let result = bits(try driver.logits(tokens, chunks: pieces, sequence: sequence))
                #expect(result == expected ?? result, "\(pieces), pages of \(tokensPerPage)")
                expected = result
            }
        }
    }

    @Test(
        "the memory of the pages is what is counted, to the byte",
        arguments: [(CacheFormat.float32, 16), (.bfloat16, 8), (.int8, 8)], [(1, 1), (7, 3), (100, 16)])
    func memory(format: (name: CacheFormat, byteCount: Int), pages: (count: Int, tokens: Int)) throws {
        // Heads of 2 numbers: a key and a value take four elements, and in int8 two scales of two bytes.
        let tiny = TinyLlama.filled(seed: 4) {
            ($0.keyValueHeadCount, $0.headSize, $0.hiddenSize, $0.layerCount) = (1, 2, 17, 3)
        }
        let model = try tiny.load(cache: format.name)
        let perToken = tiny.layerCount * format.byteCount
        #expect(model.properties.cacheBytesPerToken == perToken)
        #expect(model.cacheByteCount == 0)
        try model.allocateCache(pageCount: pages.count, tokensPerPage: pages.tokens)
        #expect(model.cacheByteCount == pages.count * pages.tokens * perToken)
    }
}
