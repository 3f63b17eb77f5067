import Routing
import Synchronization
import TestSupport
import Testing
import TextModels
import Vocabulary

@testable import Engine

@Suite("Engine: several answers, and what comes with them")
struct AnswersTests {
    @Test("each of several answers is what a call of its own with the next seed gets")
    func severalAnswers() async throws {
        let (engine, model) = try await storyEngine()
        var request = request(tokenCountMax: 25, temperature: 0.4, seed: 40)
        var alone: [WholeText] = []
        for answer in 0..<5 {
            var single = request
            single.sampling.seed = 40 + UInt64(answer)
            alone.append(try await WholeText.read(engine.generate(selector("story"), single)))
        }
        request.answerCount = 5
        let stream = try await engine.generate(selector("story"), request)
        #expect(stream.answerCount == 5)
        var texts = Array(repeating: "", count: 5)
        var ends: [Int: FinishReason] = [:]
        var usage = Usage()
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece):
                #expect(ends[piece.answer] == nil, "a piece after the end")
                texts[piece.answer] += piece.text
            case .finished(let reason, let total, let answer):
                ends[answer] = reason
                usage = total
            }
        }
        #expect(texts == alone.map(\.text) && Set(texts).count == 5)
        for (answer, whole) in alone.enumerated() { #expect(ends[answer] == whole.reason) }
        #expect(usage.promptTokenCount == 4)
        #expect(usage.generatedTokenCount == alone.reduce(0) { $0 + $1.usage.generatedTokenCount })
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        #expect(try engine.counters(of: selector("story")).cachePageCountUsed == 0)
        await engine.shutdown()
    }

    @Test("cancelling ends all answers and frees all pages and places")
    func cancelAll() async throws {
        let (engine, _) = try await storyEngine(runningMax: 2, bufferedTokenCountMax: 4)
        var request = request(tokenCountMax: 100, temperature: 1, seed: 1)
        request.answerCount = 6
        request.ignoresEndOfSequence = true
        let stream = try await engine.generate(selector("story"), request)
        _ = try await stream.next()
        stream.cancel()
        var cancelled: Set<Int> = []
        while let event = try await stream.next() {
            if case .finished(.cancelled, _, let answer) = event { cancelled.insert(answer) }
        }
        #expect(cancelled == Set(0..<6))
        #expect(
            await eventually {
                guard let counters = try? engine.counters(of: selector("story")) else { return false }
                return counters.cachePageCountUsed == 0 && counters.queuedRequestCount == 0
            })
        await engine.shutdown()
    }

    @Test("an error of one answer ends all of them, once")
    func failAll() async throws {
        let (engine, _) = try await storyEngine(runningMax: 2, bufferedTokenCountMax: 4)
        var request = request(tokenCountMax: 100, temperature: 1, seed: 1)
        request.answerCount = 4
        request.ignoresEndOfSequence = true
        let stream = try await engine.generate(selector("story"), request)
        await engine.shutdown()
        let error = await #expect(throws: ServingError.self) { while try await stream.next() != nil {} }
        #expect(error?.code == .unavailable)
        #expect(try await stream.next() == nil)
    }

    @Test("a stop token ends the text and is not part of it")
    func stopToken() async throws {
        let (engine, _) = try await storyEngine()
        let full = RecurrenceModel.text(after: "once", tokenCountMax: 20).text
        let stop = Array(full.utf8)[6]
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 20)
        request.stopTokens = [1, Int32(stop)]
        let whole = try await WholeText.read(engine.generate(selector("story"), request))
        #expect(whole.text == full.prefix { $0 != Character(Unicode.Scalar(stop)) })
        #expect(whole.reason == .stop && whole.usage.generatedTokenCount == whole.tokens.count + 1)
        await engine.shutdown()
    }

    @Test("each token comes with its probability and the likeliest others")
    func logprobs() async throws {
        let (engine, _) = try await storyEngine()
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 10)
        request.logprobCount = 2
        request.ignoresEndOfSequence = true
        let whole = try await WholeText.read(engine.generate(selector("story"), request))
        #expect(whole.logprobs.count == 10 && whole.logprobs.map(\.chosen.token) == whole.tokens)
        for token in whole.logprobs {
            // One logit is 1, the other 256 are 0: e of e + 256.
            #expect(abs(token.chosen.logprob - (1 - 5.5557)) < 1e-3)
            #expect(token.top.count == 2 && token.top[0] == token.chosen)
            #expect(abs(token.top[1].logprob + 5.5557) < 1e-3)
        }
        await engine.shutdown()
    }

    @Test("biases and penalties reach the sampler")
    func biases() async throws {
        let (engine, _) = try await storyEngine()
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 6)
        request.sampling.biases = [65: 50]
        #expect(try await WholeText.read(engine.generate(selector("story"), request)).text == "AAAAAA")
        request.sampling.frequencyPenalty = 2
        request.sampling.biases = [65: 5, 66: 5]
        #expect(try await WholeText.read(engine.generate(selector("story"), request)).text == "ABABAB")
        await engine.shutdown()
    }

    @Test(
        "a setting that cannot be is refused, and the field is named",
        arguments: [
            ("n", "n: expected 1 to 16, got 17"), ("logprobs", "logprobs: expected 0 to 20, got 21"),
            ("stop_tokens", "stop_tokens: expected token ids in 0..<257, got 257"),
            ("many stop_tokens", "stop_tokens: expected at most 64 tokens, got 65"),
            ("logit_bias", "logit_bias: expected token ids in 0..<257, got 300"),
            ("min_p", "min_p: expected 0 to 1.0, got 2.0"),
            ("repetition_penalty", "repetition_penalty: expected more than 0 and at most 10.0, got 0.0"),
            ("presence_penalty", "presence_penalty: expected -2.0 to 2.0, got 3.0"),
        ])
    func refusals(field: String, message: String) async throws {
        let (engine, _) = try await storyEngine()
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 5)
        switch field {
        case "n": request.answerCount = 17
        case "logprobs": request.logprobCount = 21
        case "stop_tokens": request.stopTokens = [4, 257]
        case "many stop_tokens": request.stopTokens = Array(repeating: 4, count: 65)
        case "logit_bias": request.sampling.biases = [300: 1]
        case "min_p": request.sampling.minP = 2
        case "repetition_penalty": request.sampling.repetitionPenalty = 0
        default: request.sampling.presencePenalty = 3
        }
        let wrong = request
        let error = await #expect(throws: ServingError.self) { try await engine.generate(selector("story"), wrong) }
        #expect(error?.code == .invalidArgument && error?.message == message)
        await engine.shutdown()
    }

    private func request(tokenCountMax: Int, temperature: Float, seed: UInt64) -> GenerationRequest {
        GenerationRequest(
            prompt: .text("once"), tokenCountMax: tokenCountMax,
            sampling: GenerationRequest.Sampling(temperature: temperature, seed: seed))
    }
}
