import Compute
import Foundation
import Models
import Routing
import TestSupport
import Testing
import TextModels
import Tokenizers
import Vocabulary

@testable import Engine

@Suite("Engine: trained models", .serialized)
struct RealModelTests {
    @Test("stories260K writes its published text through the engine", .enabled(if: ConvertedModels.isPossible))
    func stories260K() async throws {
        let engine = makeEngine()
        let folder = try ConvertedModels.stories260K().path
        let model = try DecoderModel(
            directory: folder, name: ModelName("stories")!, version: ModelVersion(1)!)
        let tokenizer = try PipelineTokenizer(path: "\(folder)/tokenizer.json")
        try await engine.load(EngineModel(text: model, tokenizer: tokenizer, endOfSequence: [2]))
        let published = try String(
            contentsOf: SharedData.url("llm-stories260k/expected_greedy_200.txt"), encoding: .utf8)
        let request = GenerationRequest(prompt: .text(""), tokenCountMax: 200)
        let whole = try await WholeText.read(engine.generate(selector("stories"), request))
        #expect(whole.text.trimmingCharacters(in: .newlines) == published.trimmingCharacters(in: .newlines))
        #expect(whole.usage.generatedTokenCount == 200 && whole.usage.promptTokenCount == 1)
        await engine.shutdown()
    }

    @Test("the example models are loaded, and storyteller writes the same text alone and in company, scarce pages too")
    func storyteller() async throws {
        let contents = ModelRepository(path: ExampleModels.path).load(["digits", "karate", "storyteller"].names)
        #expect(contents.problems == [])
        let roomy = makeEngine()
        for entry in contents.models { try await roomy.load(entry.model) }
        #expect(roomy.models.map(\.name.name) == ["digits", "karate", "storyteller"])
        let prompts = (0..<6).map { "Once upon a time there lived \($0 + 1) " }
        var alone: [String] = []
        for prompt in prompts { alone.append(try await text(roomy, after: prompt)) }
        #expect(Set(alone).count > 1 && alone.allSatisfy { $0.count > 20 })

        let scarce = makeEngine()
        let folder = ExampleModels.path + "/storyteller/1"
        let model = try DecoderModel(directory: folder, name: ModelName("storyteller")!, version: ModelVersion(1)!)
        var limits = TextLimits()
        limits.tokensPerPage = 4
        limits.cacheByteCount = 40 * 4 * model.properties.cacheBytesPerToken
        limits.stepTokenBudget = 9
        limits.runningSequenceCountMax = 6
        try await scarce.load(
            EngineModel(
                text: model, tokenizer: try PipelineTokenizer(path: "\(folder)/tokenizer.json"), endOfSequence: [],
                limits: limits))
        let together = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for (index, prompt) in prompts.enumerated() {
                group.addTask { (index, try await text(scarce, after: prompt)) }
            }
            return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        for (index, text) in alone.enumerated() { #expect(together[index] == text) }
        let counters = try scarce.counters(of: selector("storyteller"))
        #expect(counters.preemptionCount > 0, "the cache was not scarce")
        #expect(counters.executionCount < counters.generatedTokenCount)
        await roomy.shutdown()
        await scarce.shutdown()
    }

    @Test("storyteller's embeddings do not depend on the company, and tell texts apart")
    func embeddings() async throws {
        let engine = makeEngine()
        for entry in ModelRepository(path: ExampleModels.path).load(["storyteller"].names).models {
            try await engine.load(entry.model)
        }
        let texts = ["The king was old.", "A poor fisherman lived by the sea.", "The king was old."]
        let together = try await engine.embed(selector("storyteller"), texts: texts)
        let alone = try await engine.embed(selector("storyteller"), texts: [texts[1]])
        #expect(together.vectors[1] == alone.vectors[0])
        #expect(together.vectors[0] == together.vectors[2] && together.vectors[0] != together.vectors[1])
        let length = alone.vectors[0].reduce(0) { $0 + $1 * $1 }
        #expect(abs(length - 1) < 1e-5)
        await engine.shutdown()
    }

    private func text(_ engine: Engine, after prompt: String) async throws -> String {
        let request = GenerationRequest(
            prompt: .text(prompt), tokenCountMax: 48,
            sampling: GenerationRequest.Sampling(temperature: 0.8, topK: 40, seed: 11), ignoresEndOfSequence: true)
        return try await WholeText.read(engine.generate(selector("storyteller"), request)).text
    }
}

extension [String] {
    fileprivate var names: Set<ModelName> { Set(compactMap(ModelName.init)) }
}
