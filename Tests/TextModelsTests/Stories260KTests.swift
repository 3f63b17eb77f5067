import Compute
import Foundation
import Models
import TestSupport
import Testing
import TextModels
import Tokenizers
import Vocabulary

/// The published 260 thousand parameter story model against its published text, and logits computed with numpy in
/// float64.
@Suite(.enabled(if: ConvertedModels.isPossible), .serialized)
struct Stories260KTests {
    private struct Golden: Decodable {
        let ids: [Int32]
        let logits: [String: [Double]]
    }

    private struct GoldenLikelihood: Decodable {
        struct Story: Decodable {
            let ids: [Int32]
            let nll_sum: Double
        }
        let stories: [Story]
    }

    private func driver(_ tier: KernelTier, threadCount: Int = 2) throws -> StepDriver {
        let model = try DecoderModel(
            directory: ConvertedModels.stories260K().path, name: ModelName("stories260k")!, version: ModelVersion(1)!)
        let gang = ComputeGang(threadCount: threadCount, kernels: try #require(Kernels(tier: tier)))
        return try StepDriver(model, pageCount: 200, tokensPerPage: 16, gang: gang)
    }

    @Test(
        "200 greedy steps give the published text, byte for byte", arguments: KernelTier.allCases.filter(\.isSupported))
    func greedyText(tier: KernelTier) throws {
        let golden: Golden = try decode("golden_greedy.json")
        let driver = try driver(tier)
        var sampler = Sampler(.greedy)
        let scratch = SamplerScratch()
        var ids: [Int32] = [1]
        for position in 0..<200 {
            let logits = try driver.step([(0, [ids[position]], .lastLogits)])[0]!
            if let expected = golden.logits["\(position)"] {
                // float32 against float64 through 5 layers; the closest race between two tokens is 4e-3.
                #expect(largestDifference(logits, expected) < 1e-4, "position \(position)")
            }
            ids.append(logits.withUnsafeBufferPointer { sampler.sample($0, with: scratch) })
        }
        #expect(ids == golden.ids)
        let tokenizer = try PipelineTokenizer(path: ConvertedModels.stories260K().path + "/tokenizer.json")
        let text = try String(contentsOf: SharedData.url("llm-stories260k/expected_greedy_200.txt"), encoding: .utf8)
        #expect(tokenizer.decode(ids[1...200]) == text)
    }

    @Test("the same prompt as one chunk gives the same bits as one by one")
    func prefillEqualsDecode() throws {
        let golden: Golden = try decode("golden_greedy.json")
        let driver = try driver(.best)
        let whole = try driver.logits(Array(golden.ids[..<150]), chunks: [150], sequence: 0)
        let single = try driver.logits(Array(golden.ids[..<150]), chunks: Array(repeating: 1, count: 150), sequence: 1)
        #expect(bits(whole) == bits(single))
    }

    @Test("seven stories decoded together are each as likely as computed apart in float64")
    func likelihood() throws {
        let stories = try decode("golden_nll.json", as: GoldenLikelihood.self).stories
        let driver = try driver(.best)
        var sums = [Double](repeating: 0, count: stories.count)
        for position in 0..<stories.map(\.ids.count).max()! - 1 {
            let running = stories.indices.filter { position + 1 < stories[$0].ids.count }
            let results = try driver.step(running.map { ($0, [stories[$0].ids[position]], .lastLogits) })
            for (index, story) in running.enumerated() {
                sums[story] -= logProbability(of: stories[story].ids[position + 1], results[index]!)
            }
        }
        for (sum, story) in zip(sums, stories) {
            #expect(abs(sum - story.nll_sum) < 1e-5 * Double(story.ids.count))
        }
    }

    private func logProbability(of token: Int32, _ logits: [Float]) -> Double {
        let maximum = Double(logits.max()!)
        return Double(logits[Int(token)]) - maximum - log(logits.reduce(0) { $0 + exp(Double($1) - maximum) })
    }

    private func decode<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(
            Value.self, from: Data(contentsOf: SharedData.url("llm-stories260k/\(name)")))
    }
}

extension KernelTier {
    fileprivate static let best = Kernels.best.tier
}
