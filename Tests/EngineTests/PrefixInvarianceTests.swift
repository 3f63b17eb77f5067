import Compute
import Foundation
import Models
import Routing
import TestSupport
import Testing
import TextModels
import Vocabulary

@testable import Engine

/// Goal: a prefix hit, a preemption, an eviction or another way of cutting prompts changes no bit of what a model
/// writes.
///
/// Method: prompts that begin alike, and tokens drawn at random from the logits, which amplifies any difference. First
/// each prompt alone, without reuse and read in one step; then all together, of two tenants, twice, in a cache that is
/// too small for them, with prompts in small pieces, on three threads. A gate keeps the engine until all of them wait.
@Suite("Engine: the same bits, found again or computed")
struct PrefixInvarianceTests {
    static let fixtures: URL = URL(filePath: #filePath).appending(path: "../../Fixtures/Decoders")
        .standardizedFileURL
    /// A miniature of each family of decoders.
    static let familyNames: [String] =
        (try? FileManager.default.contentsOfDirectory(atPath: fixtures.path).sorted()) ?? []

    @Test(
        "every family of decoders", arguments: familyNames,
        [(WeightFormat.float32, CacheFormat.int8), (.int8, .bfloat16), (.bfloat16, .bfloat16), (.int4, .int8)])
    func families(name: String, formats: (weights: WeightFormat, cache: CacheFormat)) async throws {
        let directory = Self.fixtures.appending(path: name).path
        // Longer than the windows of those families that have one; pages of 4 tokens.
        let opening = (0..<22).map { Int32(3 + $0 * 29 % 150) }
        let endings: [[Int32]] = [[], [5], [7, 9, 11, 13, 15], [7, 9, 11, 13, 16]]
        try await compare(prompts: endings.map { opening + $0 }, count: 24) {
            try DecoderModel(
                directory: directory, name: ModelName("story")!, version: ModelVersion(1)!, format: formats.weights,
                cacheFormat: formats.cache)
        }
    }

    @Test("there is a miniature of each family")
    func familiesAreThere() { #expect(Self.familyNames.count >= 8) }

    @Test("a trained model")
    func storyteller() async throws {
        let opening = (0..<40).map { Int32(40 + $0 * 17 % 200) }
        let endings: [[Int32]] = [[], [50], [60, 61, 62, 63, 64], [60, 61, 62, 63, 65]]
        try await compare(prompts: endings.map { opening + $0 }, count: 40, budgets: [9]) {
            try DecoderModel(
                directory: ExampleModels.path + "/storyteller/1", name: ModelName("story")!,
                version: ModelVersion(1)!)
        }
    }

    private func compare(
        prompts: [[Int32]], count: Int, budgets: [Int] = [5, 23], _ makeModel: () throws -> DecoderModel
    ) async throws {
        var plain = TextLimits()
        plain.reusesPrefixes = false
        let alone = try await engine(makeModel(), plain)
        var expected: [[Int32]: [Int32]] = [:]
        for prompt in prompts { expected[prompt] = try await write(alone, prompt, count, "acme") }
        #expect(Set(expected.values).count == prompts.count, "the model does not look at its prompt")
        await alone.shutdown()

        var limits = TextLimits()
        limits.tokensPerPage = 4
        limits.runningSequenceCountMax = 5
        for budget in budgets {
            limits.stepTokenBudget = budget
            let model = try makeModel()
            // Room for two texts and a half.
            let pageCount = (prompts[0].count + count) * 5 / 8
            limits.cacheByteCount = pageCount * limits.tokensPerPage * model.properties.cacheBytesPerToken
            let gate = Gate()
            let together = try await engine(WatchedModel(model) { _ in gate.pass() }, limits, threadCount: 3)
            for round in 0..<2 {
                try await withThrowingTaskGroup(of: ([Int32], [Int32]).self) { group in
                    for number in 0..<8 {
                        let prompt = prompts[number % prompts.count]
                        let tenant = number < 5 ? "acme" : "rival"
                        group.addTask { (prompt, try await write(together, prompt, count, tenant)) }
                    }
                    // The first one stands at the gate.
                    if round == 0 {
                        #expect(await eventually { requestCount(together) == 8 })
                        gate.open(100_000)
                    }
                    for try await (prompt, tokens) in group {
                        #expect(tokens == expected[prompt], "budget \(budget), round \(round)")
                    }
                }
            }
            let counters = try together.counters(of: selector("story"))
            #expect(counters.cachedTokenCount > 0 && counters.preemptionCount > 0 && counters.cacheEvictionCount > 0)
            #expect(counters.cachePageCountUsed == 0)
            await together.shutdown()
        }
    }

    private func engine(
        _ model: any TokenModel, _ limits: TextLimits, threadCount: Int = 1
    ) async throws -> Engine {
        let engine = makeEngine(threadCount: threadCount)
        try await engine.load(
            EngineModel(text: model, tokenizer: ByteTokenizer(), endOfSequence: [], limits: limits))
        return engine
    }

    private func write(
        _ engine: Engine, _ prompt: [Int32], _ count: Int, _ tenant: String
    ) async throws -> [Int32] {
        let request = GenerationRequest(
            prompt: .tokens(prompt), tokenCountMax: count,
            sampling: GenerationRequest.Sampling(temperature: 0.8, seed: 11), tenant: TenantID(tenant)!)
        return try await WholeText.read(engine.generate(selector("story"), request)).tokens
    }

    private func requestCount(_ engine: Engine) -> UInt64? {
        try? engine.counters(of: selector("story")).requestCount
    }
}
