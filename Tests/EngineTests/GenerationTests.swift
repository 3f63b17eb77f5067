import Models
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("Engine: text")
struct GenerationTests {
    @Test("a text is what the model alone would write, with its usage")
    func wholeText() async throws {
        let (engine, model) = try await storyEngine()
        let whole = try await WholeText.read(generate(engine, "once", 40))
        let expected = RecurrenceModel.text(after: "once", tokenCountMax: 40)
        #expect(whole.text == expected.text)
        #expect(whole.reason == (expected.ended ? .endOfSequence : .length))
        #expect(whole.usage.promptTokenCount == 4)
        #expect(whole.usage.generatedTokenCount == expected.text.utf8.count + (expected.ended ? 1 : 0))
        #expect(whole.tokens == expected.text.utf8.map(Int32.init))
        let counters = try engine.counters(of: selector("story"))
        #expect(counters.generatedTokenCount == UInt64(whole.usage.generatedTokenCount))
        #expect(counters.promptTokenCount == 4 && counters.requestCount == 1)
        #expect(counters.cachePageCountUsed == 0 && counters.runningSequenceCount == 0)
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test("the model's end of a text ends it, unless that is to be ignored")
    func endOfSequence() async throws {
        let (engine, _) = try await storyEngine()
        let prompt = try #require(
            (0..<500).map { "p\($0)" }.first { RecurrenceModel.text(after: $0, tokenCountMax: 30).ended })
        let ended = try await WholeText.read(generate(engine, prompt, 30))
        #expect(ended.reason == .endOfSequence)
        #expect(ended.text == RecurrenceModel.text(after: prompt, tokenCountMax: 30).text)
        var request = GenerationRequest(prompt: .text(prompt), tokenCountMax: 30)
        request.ignoresEndOfSequence = true
        let ignored = try await WholeText.read(engine.generate(selector("story"), request))
        #expect(ignored.reason == .length && ignored.usage.generatedTokenCount == 30)
        #expect(ignored.text == RecurrenceModel.text(after: prompt, tokenCountMax: 30, ignoresEnd: true).text)
        await engine.shutdown()
    }

    @Test("many texts at once are each what they would be alone, in fewer steps than tokens")
    func joinAndLeave() async throws {
        let (engine, model) = try await storyEngine()
        try await expectAllRight(engine, prompts: (0..<24).map { "prompt number \($0)" }, tokenCountMax: 30)
        let counters = try engine.counters(of: selector("story"))
        #expect(counters.executionCount < counters.generatedTokenCount)
        #expect(counters.executionCountBySampleCount.count > 2, "no step had more than one sequence")
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test("sequences that lose their pages and are computed again write the same text")
    func preemption() async throws {
        let (engine, model) = try await storyEngine(pageCount: 14, runningMax: 8)
        try await expectAllRight(engine, prompts: (0..<16).map { "tale \($0)" }, tokenCountMax: 40, ignoresEnd: true)
        let counters = try engine.counters(of: selector("story"))
        #expect(counters.preemptionCount > 0)
        #expect(counters.cachePageCountTotal == 14 && counters.cachePageCountUsed == 0)
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test("a prompt longer than a step's budget gives the same text", arguments: [1, 2, 7, 64])
    func chunkedPrompt(budget: Int) async throws {
        let (engine, _) = try await storyEngine(runningMax: 1, budget: budget)
        let prompt = String(repeating: "long ", count: 20)
        let whole = try await WholeText.read(generate(engine, prompt, 10))
        #expect(whole.text == RecurrenceModel.text(after: prompt, tokenCountMax: 10).text)
        await engine.shutdown()
    }

    @Test("a stop string ends the text before it, though it comes in pieces")
    func stopString() async throws {
        let (engine, _) = try await storyEngine()
        let full = RecurrenceModel.text(after: "once", tokenCountMax: 20).text
        let stop = String(full.dropFirst(7).prefix(3))
        let expected = try #require(full.indices.first { full[$0...].hasPrefix(stop) })
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 20)
        request.stopStrings = ["never there", stop]
        let whole = try await WholeText.read(engine.generate(selector("story"), request))
        #expect(whole.text == full[..<expected])
        #expect(whole.reason == .stop)
        #expect(try engine.counters(of: selector("story")).cachePageCountUsed == 0)
        await engine.shutdown()
    }

    @Test("text held back for a stop string that does not come is handed out at the end")
    func heldBackText() async throws {
        let (engine, _) = try await storyEngine()
        let full = RecurrenceModel.text(after: "once", tokenCountMax: 6).text
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 6)
        request.stopStrings = [String(full.suffix(3)) + "!"]
        let whole = try await WholeText.read(engine.generate(selector("story"), request))
        #expect(whole.text == full && whole.reason == .length)
        await engine.shutdown()
    }

    @Test("the context length ends a text that wants more")
    func contextLength() async throws {
        let (engine, _) = try await storyEngine(contextLengthMax: 20)
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 1_000_000)
        request.ignoresEndOfSequence = true
        let whole = try await WholeText.read(engine.generate(selector("story"), request))
        #expect(whole.reason == .length && whole.usage.generatedTokenCount == 16)
        await engine.shutdown()
    }

    @Test(
        "what cannot be is refused, and the field is named",
        arguments: [
            (Wrong.tooLong, "prompt: expected at most 199 tokens for model 'story', got 200"),
            (.empty, "prompt: expected at least 1 token, got 0"),
            (.unwritable, "prompt: no token writes \"~\""),
            (.tokenOutside, "prompt: expected token ids in 0..<257, got 300 at index 1"),
            (.noTokens, "max_tokens: expected at least 1, got 0"),
            (.temperature, "temperature: expected 0 to 10.0, got -1.0"),
            (.topP, "top_p: expected more than 0 and at most 1, got 2.0"),
            (.emptyStop, "stop: expected 1 to 256 bytes each, got 0"),
        ])
    func refusals(wrong: Wrong, message: String) async throws {
        let (engine, _) = try await storyEngine()
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 5)
        switch wrong {
        case .tooLong: request.prompt = .text(String(repeating: "x", count: 200))
        case .empty: request.prompt = .text("")
        case .unwritable: request.prompt = .text("a~")
        case .tokenOutside: request.prompt = .tokens([5, 300])
        case .noTokens: request.tokenCountMax = 0
        case .temperature: request.sampling.temperature = -1
        case .topP: request.sampling.topP = 2
        case .emptyStop: request.stopStrings = [""]
        }
        let wrongRequest = request
        let error = await #expect(throws: ServingError.self) {
            try await engine.generate(selector("story"), wrongRequest)
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == message)
        #expect(try engine.counters(of: selector("story")).queuedRequestCount == 0)
        await engine.shutdown()
    }

    enum Wrong: Sendable { case tooLong, empty, unwritable, tokenOutside, noTokens, temperature, topP, emptyStop }

    private func generate(_ engine: Engine, _ prompt: String, _ count: Int) async throws -> GenerationStream {
        try await engine.generate(selector("story"), GenerationRequest(prompt: .text(prompt), tokenCountMax: count))
    }

    private func expectAllRight(
        _ engine: Engine, prompts: [String], tokenCountMax: Int, ignoresEnd: Bool = false
    ) async throws {
        try await withThrowingTaskGroup(of: (String, WholeText).self) { group in
            for prompt in prompts {
                group.addTask {
                    let request = GenerationRequest(
                        prompt: .text(prompt), tokenCountMax: tokenCountMax, ignoresEndOfSequence: ignoresEnd)
                    return (prompt, try await WholeText.read(engine.generate(selector("story"), request)))
                }
            }
            for try await (prompt, whole) in group {
                let expected = RecurrenceModel.text(
                    after: prompt, tokenCountMax: tokenCountMax, ignoresEnd: ignoresEnd)
                #expect(whole.text == expected.text, "after \(prompt)")
                #expect(whole.reason == (expected.ended ? .endOfSequence : .length))
            }
        }
    }
}

/// An engine that serves a `RecurrenceModel` as `story`, with 4 tokens a page.
func storyEngine(
    contextLengthMax: Int = 200, pageCount: Int = 1000, runningMax: Int = 32, budget: Int = 64, gate: Gate? = nil,
    clock: any MonotonicClock = SystemClock(), bufferedTokenCountMax: Int = 32
) async throws -> (Engine, RecurrenceModel) {
    try await storyEngine(
        contextLengthMax: contextLengthMax,
        limits: storyLimits(pageCount: pageCount, runningMax: runningMax, budget: budget), gate: gate, clock: clock,
        bufferedTokenCountMax: bufferedTokenCountMax)
}

func storyEngine(
    contextLengthMax: Int = 200, limits: TextLimits, gate: Gate? = nil, clock: any MonotonicClock = SystemClock(),
    pace: RecurrenceModel.Pace? = nil, bufferedTokenCountMax: Int = 32, stateCount: UInt64 = .max
) async throws -> (Engine, RecurrenceModel) {
    let engine = makeEngine(clock: clock, bufferedTokenCountMax: bufferedTokenCountMax)
    let model = RecurrenceModel(
        contextLengthMax: contextLengthMax, gate: gate, pace: pace, stateCount: stateCount)
    try await engine.load(
        EngineModel(
            text: model, tokenizer: ByteTokenizer(), endOfSequence: [RecurrenceModel.endToken], limits: limits))
    return (engine, model)
}

/// Limits of a `RecurrenceModel`, whose tokens take 16 bytes of cache.
func storyLimits(pageCount: Int = 1000, runningMax: Int = 32, budget: Int = 64) -> TextLimits {
    var limits = TextLimits()
    limits.tokensPerPage = 4
    limits.cacheByteCount = pageCount * 4 * 16
    limits.runningSequenceCountMax = runningMax
    limits.stepTokenBudget = budget
    return limits
}
