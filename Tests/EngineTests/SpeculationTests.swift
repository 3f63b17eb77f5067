import Compute
import Constraints
import Foundation
import Models
import Routing
import Synchronization
import TestSupport
import Testing
import TextModels
import Vocabulary

@testable import Engine

/// Goal: guessing tokens changes how many steps a text takes, and nothing else about it.
///
/// Method: the same requests to two engines, one of which guesses. The clock is virtual, and a step costs as much as
/// twenty tokens, so that guesses are worth their time; the texts repeat themselves.
@Suite("Engine: speculation")
struct SpeculationTests {
    /// What is asked for, and what stands for it in the name of a test.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let request: GenerationRequest

        init(_ name: String, prompt: String = "abcabcabcabc", _ change: (inout GenerationRequest) -> Void) {
            testDescription = name
            var request = GenerationRequest(prompt: .text(prompt), tokenCountMax: 120)
            request.ignoresEndOfSequence = true
            change(&request)
            self.request = request
        }
    }

    /// Leaves two tokens that are likely.
    private static let coin: [Int32: Float] = [Int32(UInt8(ascii: "a")): 12, Int32(UInt8(ascii: "b")): 12]

    static let cases = [
        Case("the likeliest tokens") { _ in },
        Case("drawn tokens") { $0.sampling = .init(temperature: 0.3, seed: 5) },
        Case("two tokens by chance, so that about every other guess is wrong") {
            $0.sampling = .init(temperature: 1, seed: 5)
            $0.sampling.biases = coin
        },
        Case("the model's own end", prompt: "zyzyzy") { $0.ignoresEndOfSequence = false },
        Case("a short answer") { $0.tokenCountMax = 23 },
        Case("probabilities") { $0.logprobCount = 3 },
        Case("penalties") {
            $0.sampling.repetitionPenalty = 1.3
            $0.sampling.frequencyPenalty = 0.01
        },
        Case("a bias") { $0.sampling.biases = [Int32(UInt8(ascii: "q")): 0.5] },
        Case("a stop token") { $0.stopTokens = [Int32(UInt8(ascii: "k"))] },
        Case("a constraint") {
            $0.constraint = .regex("(ab|cd|e){20,30}")
            $0.sampling = .init(temperature: 1, seed: 3)
        },
        Case("a constraint that leaves nothing over") { $0.constraint = .regex("(abcd){25}") },
        Case("several answers") {
            $0.answerCount = 3
            $0.sampling = .init(temperature: 1, seed: 9)
            $0.sampling.biases = coin
        },
    ]

    @Test("an answer is the same, event by event", arguments: cases)
    func sameAnswer(wanted: Case) async throws {
        let plain = try await answers(to: wanted.request, .off)
        let guessed = try await answers(to: wanted.request, .ngram)
        #expect(guessed.answers == plain.answers)
        #expect(guessed.counters.generatedTokenCount == plain.counters.generatedTokenCount)
        #expect(plain.counters.guessedTokenCount == 0 && guessed.counters.cachePageCountUsed == 0)
        #expect(guessed.counters.guessedTokenCount > 0, "nothing was tried")
    }

    @Test("a text that repeats itself takes a fraction of the steps, and the counters say why")
    func fewerSteps() async throws {
        let plain = try await answers(to: Self.cases[0].request, .off)
        let guessed = try await answers(to: Self.cases[0].request, .ngram)
        let saved = plain.counters.executionCount - guessed.counters.executionCount
        #expect(guessed.counters.executionCount * 2 < plain.counters.executionCount)
        #expect(guessed.counters.confirmedTokenCount == saved)
        #expect(guessed.counters.guessedTokenCount >= saved)
    }

    @Test("a stop string in the middle of guesses ends the answer where it stands")
    func stopString() async throws {
        let whole = try await answers(to: Self.cases[0].request, .off).answers[0]
        // Where the text has long been repeating itself.
        let characters = Array(whole.text)
        for start in 60..<80 {
            var request = Self.cases[0].request
            request.stopStrings = [String(characters[start - 7..<start])]
            let plain = try await answers(to: request, .off)
            let guessed = try await answers(to: request, .ngram)
            #expect(guessed.answers == plain.answers && guessed.answers[0].reason == .stop)
            #expect(guessed.counters.generatedTokenCount == plain.counters.generatedTokenCount)
        }
    }

    @Test("a reader that takes nothing stops its text after at most one step's tokens more")
    func slowReader() async throws {
        let (engine, model) = try await trainedEngine(.ngram, bufferedTokenCountMax: 8)
        var request = Self.cases[0].request
        request.tokenCountMax = 1_000
        let stream = try await engine.generate(selector("story"), request)
        let other = try await engine.generate(selector("story"), Self.cases[0].request)
        // While the other is written, this one would be too.
        _ = try await WholeText.read(other)
        let counters = try engine.counters(of: selector("story"))
        #expect(counters.runningSequenceCount == 1)
        guard case .piece(let piece)? = try await stream.next() else {
            Issue.record("no piece")
            return
        }
        #expect((8...8 + 15).contains(piece.tokens.count), "\(piece.tokens.count)")
        stream.cancel()
        #expect(await eventually { (try? engine.counters(of: selector("story")))?.cachePageCountUsed == 0 })
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test(
        "many texts in a cache that is too small are each what they would be alone", arguments: [UInt64(12), 60, .max])
    func company(stateCount: UInt64) async throws {
        func texts(_ speculation: Speculation, pageCount: Int) async throws -> ([String], ModelCounters) {
            let (engine, model) = try await trainedEngine(
                speculation, pageCount: pageCount, stateCount: stateCount)
            let texts = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 0..<12 {
                    group.addTask {
                        var request = GenerationRequest(prompt: .text("prompt \(number % 5)"), tokenCountMax: 100)
                        request.ignoresEndOfSequence = true
                        request.tenant = TenantID("acme")
                        return (
                            number, try await WholeText.read(engine.generate(selector("story"), request)).text
                        )
                    }
                }
                return try await group.reduce(into: Array(repeating: "", count: 12)) { $0[$1.0] = $1.1 }
            }
            #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
            let counters = try engine.counters(of: selector("story"))
            await engine.shutdown()
            return (texts, counters)
        }
        let (plain, _) = try await texts(.off, pageCount: 1_000)
        let (guessed, counters) = try await texts(.ngram, pageCount: 40)
        #expect(guessed == plain)
        #expect(counters.preemptionCount > 0 && counters.cachePageCountUsed == 0)
        if stateCount < 100 { #expect(counters.confirmedTokenCount > 0) }
    }

    @Test("every family of decoders writes the same bits", arguments: PrefixInvarianceTests.familyNames)
    func families(name: String) async throws {
        let directory = PrefixInvarianceTests.fixtures.appending(path: name).path
        func write(_ speculation: Speculation) async throws -> ([WholeText], ModelCounters) {
            let model = try DecoderModel(
                directory: directory, name: ModelName("story")!, version: ModelVersion(1)!, format: .int8,
                cacheFormat: .int8)
            let clock = ManualClock()
            var limits = TextLimits()
            limits.tokensPerPage = 4
            limits.speculation = speculation
            let engine = makeEngine(clock: clock, bufferedTokenCountMax: 1_000)
            try await engine.load(
                EngineModel(
                    text: WatchedModel(model) { spans in
                        clock.advance(byNanoseconds: 20_000_000 + 1_000_000 * UInt64(spans.tokenCount))
                    }, tokenizer: ByteTokenizer(), endOfSequence: [], limits: limits))
            try await train(engine)
            let prompt = (0..<24).map { Int32(3 + $0 % 6 * 29 % 150) }
            var request = GenerationRequest(prompt: .tokens(prompt), tokenCountMax: 40)
            request.logprobCount = 1
            var texts: [WholeText] = []
            for seed in UInt64(4)..<7 {
                // What was there before is likely, but not certain.
                request.sampling = .init(temperature: seed == 6 ? 2 : 0.7, seed: seed)
                request.sampling.biases = [3: 8, 32: 8, 61: 8]
                texts.append(try await WholeText.read(engine.generate(selector("story"), request)))
            }
            let counters = try engine.counters(of: selector("story"))
            await engine.shutdown()
            return (texts, counters)
        }
        let (plain, _) = try await write(.off)
        let (guessed, counters) = try await write(.ngram)
        #expect(guessed.map(\.tokens) == plain.map(\.tokens) && guessed.map(\.logprobs) == plain.map(\.logprobs))
        #expect(counters.confirmedTokenCount > 0 && counters.confirmedTokenCount < counters.guessedTokenCount)
    }

    // MARK: -

    private func answers(
        to request: GenerationRequest, _ speculation: Speculation
    ) async throws -> (answers: [WholeText], counters: ModelCounters) {
        let (engine, model) = try await trainedEngine(speculation)
        let before = try engine.counters(of: selector("story"))
        let stream = try await engine.generate(selector("story"), request)
        var answers = Array(repeating: WholeText(), count: request.answerCount)
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece):
                answers[piece.answer].text += piece.text
                answers[piece.answer].tokens += piece.tokens
                answers[piece.answer].logprobs += piece.logprobs
            case .finished(let reason, _, let answer): answers[answer].reason = reason
            }
        }
        var counters = try engine.counters(of: selector("story"))
        counters.executionCount -= before.executionCount
        counters.generatedTokenCount -= before.generatedTokenCount
        counters.guessedTokenCount -= before.guessedTokenCount
        counters.confirmedTokenCount -= before.confirmedTokenCount
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        #expect(answers.allSatisfy { !$0.tokens.isEmpty && $0.reason != nil })
        await engine.shutdown()
        return (answers, counters)
    }

    /// An engine that knows how long its steps take.
    private func trainedEngine(
        _ speculation: Speculation, pageCount: Int = 1_000, bufferedTokenCountMax: Int = 10_000,
        stateCount: UInt64 = 40
    ) async throws -> (Engine, RecurrenceModel) {
        let clock = ManualClock()
        var limits = storyLimits(pageCount: pageCount)
        limits.stepNanosecondsMax = 1_000_000_000
        limits.speculation = speculation
        let (engine, model) = try await storyEngine(
            contextLengthMax: 2_000, limits: limits, clock: clock,
            pace: RecurrenceModel.Pace(clock: clock, stepNanoseconds: 20_000_000),
            bufferedTokenCountMax: bufferedTokenCountMax, stateCount: stateCount)
        try await train(engine)
        return (engine, model)
    }

    /// Shows it prompts of several lengths and short answers, which hold no guesses.
    private func train(_ engine: Engine) async throws {
        for length in [1, 50, 20, 60, 5, 33, 61, 10] {
            let prompt = (0..<length).map { Int32($0 + 64) }
            var request = GenerationRequest(prompt: .tokens(prompt), tokenCountMax: 3)
            request.ignoresEndOfSequence = true
            _ = try await WholeText.read(engine.generate(selector("story"), request))
        }
    }
}
