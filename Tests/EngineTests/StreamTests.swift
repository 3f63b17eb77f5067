import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("Engine: readers of text")
struct StreamTests {
    @Test("a slow reader pauses its own sequence only, and gets the whole text in the end")
    func slowReader() async throws {
        let (engine, model) = try await storyEngine(bufferedTokenCountMax: 8)
        let slow = try await generate(engine, "slow", 60)
        #expect(await eventually { slow.usage.generatedTokenCount == 8 })
        let quick = try await WholeText.read(generate(engine, "quick", 60))
        #expect(quick.text == RecurrenceModel.text(after: "quick", tokenCountMax: 60, ignoresEnd: true).text)
        #expect(slow.usage.generatedTokenCount == 8, "nobody read, and it went on")
        let whole = try await WholeText.read(slow)
        #expect(whole.text == RecurrenceModel.text(after: "slow", tokenCountMax: 60, ignoresEnd: true).text)
        #expect(whole.pieceCount >= 60 / 8)
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test("a slow reader's pages go to whoever needs them, and its text is still right")
    func slowReaderYieldsPages() async throws {
        let (engine, model) = try await storyEngine(pageCount: 10, bufferedTokenCountMax: 8)
        let slow = try await generate(engine, "slow", 30)
        #expect(await eventually { slow.usage.generatedTokenCount == 8 })
        let quick = try await WholeText.read(generate(engine, "quick", 35))
        #expect(quick.text == RecurrenceModel.text(after: "quick", tokenCountMax: 35, ignoresEnd: true).text)
        #expect(try engine.counters(of: selector("story")).preemptionCount == 1)
        let whole = try await WholeText.read(slow)
        #expect(whole.text == RecurrenceModel.text(after: "slow", tokenCountMax: 30, ignoresEnd: true).text)
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test("a cancelled text ends at once and frees its pages within one step")
    func cancel() async throws {
        let gate = Gate()
        let (engine, _) = try await storyEngine(gate: gate)
        let stream = try await generate(engine, "once", 100)
        gate.open(2)
        #expect(await eventually { gate.arrivalCount == 3 })
        stream.cancel()
        let whole = try await WholeText.read(stream)
        #expect(whole.reason == .cancelled && whole.usage.generatedTokenCount == 2)
        gate.open(1)
        #expect(await eventually { pagesUsed(engine) == 0 })
        #expect(gate.arrivalCount == 3)
        #expect(try engine.counters(of: selector("story")).cancellationCount == 1)
        await engine.shutdown()
    }

    @Test("whose reader goes before the first token owes its prompt if it had begun, and nothing if it had not")
    func cancelledPrompt() async throws {
        let gate = Gate()
        let (engine, _) = try await storyEngine(limits: storyLimits(runningMax: 1, budget: 64), gate: gate)
        let stream = try await generate(engine, "once upon a time", 10)
        #expect(await eventually { gate.arrivalCount == 1 })
        let waiting = try await generate(engine, "long ago", 10)
        for each in [stream, waiting] { each.cancel() }
        #expect(stream.usage.promptTokenCount == 16 && stream.usage.generatedTokenCount == 0)
        #expect(waiting.usage.promptTokenCount == 0)
        gate.open(10)
        #expect(await eventually { pagesUsed(engine) == 0 })
        await engine.shutdown()
    }

    @Test("letting go of the stream ends the text")
    func dropped() async throws {
        let (engine, _) = try await storyEngine(bufferedTokenCountMax: 4)
        var stream: GenerationStream? = try await generate(engine, "once", 100)
        #expect(await eventually { pagesUsed(engine) > 0 })
        _ = try await stream?.next()
        stream = nil
        #expect(await eventually { pagesUsed(engine) == 0 })
        await engine.shutdown()
    }

    @Test("cancelling the task that reads ends the text")
    func cancelledTask() async throws {
        let gate = Gate()
        let (engine, _) = try await storyEngine(gate: gate)
        let stream = try await generate(engine, "once", 100)
        let reader = Task { try await WholeText.read(stream) }
        #expect(await eventually { gate.arrivalCount == 1 })
        reader.cancel()
        #expect(try await reader.value.reason == .cancelled)
        gate.open()
        #expect(await eventually { pagesUsed(engine) == 0 })
        await engine.shutdown()
    }

    @Test("a text that waits for its turn can be cancelled")
    func cancelWhileWaiting() async throws {
        let (engine, _) = try await storyEngine(runningMax: 1, bufferedTokenCountMax: 1000)
        let first = try await generate(engine, "first", 150)
        let second = try await generate(engine, "second", 150)
        second.cancel()
        #expect(try await WholeText.read(second).reason == .cancelled)
        #expect(
            try await WholeText.read(first).text
                == RecurrenceModel.text(after: "first", tokenCountMax: 150, ignoresEnd: true).text)
        #expect(await eventually { (try? engine.counters(of: selector("story")).queuedRequestCount) == 0 })
        await engine.shutdown()
    }

    @Test("a deadline ends a running text before the next step, after what was written")
    func deadline() async throws {
        let clock = ManualClock()
        let gate = Gate()
        let (engine, _) = try await storyEngine(gate: gate, clock: clock)
        let stream = try await engine.generate(
            selector("story"),
            GenerationRequest(
                prompt: .text("once"), tokenCountMax: 100,
                deadline: Deadline(clock.now().advanced(byNanoseconds: 500))))
        gate.open(2)
        #expect(await eventually { gate.arrivalCount == 3 })
        clock.advance(byNanoseconds: 500)
        gate.open()
        var text = ""
        let error = await #expect(throws: ServingError.self) {
            while case .piece(let piece)? = try await stream.next() { text += piece.text }
        }
        #expect(error?.code == .deadlineExceeded)
        #expect(text == RecurrenceModel.text(after: "once", tokenCountMax: 3).text)
        #expect(try await stream.next() == nil)
        #expect(await eventually { pagesUsed(engine) == 0 })
        await engine.shutdown()
    }

    @Test("a shutdown ends every text with UNAVAILABLE, running, waiting or paused")
    func shutdown() async throws {
        let (engine, _) = try await storyEngine(runningMax: 2, bufferedTokenCountMax: 4)
        var streams: [GenerationStream] = []
        for index in 0..<5 { streams.append(try await generate(engine, "tale \(index)", 100)) }
        await engine.shutdown()
        for stream in streams {
            let error = await #expect(throws: ServingError.self) { try await WholeText.read(stream) }
            #expect(error?.code == .unavailable)
        }
    }

    @Test("an embedding is the mean of the hidden states, of length 1 if asked for", arguments: [3, 64])
    func embedding(budget: Int) async throws {
        let (engine, _) = try await storyEngine(runningMax: 3, budget: budget)
        let texts = ["abc", "hello world", "z"]
        let plain = try await engine.embed(selector("story"), texts: texts, isNormalized: false)
        let scaled = try await engine.embed(selector("story"), texts: texts)
        for (index, text) in texts.enumerated() {
            let expected = mean(of: text)
            #expect(plain.vectors[index] == expected)
            let length = (expected[0] * expected[0] + expected[1] * expected[1]).squareRoot()
            #expect(abs(scaled.vectors[index][0] - expected[0] / length) < 1e-6)
            #expect(abs(scaled.vectors[index][1] - expected[1] / length) < 1e-6)
        }
        #expect(plain.usage.promptTokenCount == 15 && plain.usage.generatedTokenCount == 0)
        #expect(pagesUsed(engine) == 0)
        await engine.shutdown()
    }

    @Test("an embedding of no texts, or of one that is too long, is refused and named")
    func embeddingRefusals() async throws {
        let (engine, _) = try await storyEngine()
        let none = await #expect(throws: ServingError.self) { try await engine.embed(selector("story"), texts: []) }
        #expect(none?.message == "texts: expected 1 to 256 texts, got 0")
        let long = await #expect(throws: ServingError.self) {
            try await engine.embed(selector("story"), texts: ["a", String(repeating: "x", count: 201)])
        }
        #expect(long?.message == "texts[1]: expected at most 200 tokens for model 'story', got 201")
        await engine.shutdown()
    }

    private func generate(_ engine: Engine, _ prompt: String, _ count: Int) async throws -> GenerationStream {
        try await engine.generate(
            selector("story"),
            GenerationRequest(prompt: .text(prompt), tokenCountMax: count, ignoresEndOfSequence: true))
    }

    private func pagesUsed(_ engine: Engine) -> Int {
        (try? engine.counters(of: selector("story")).cachePageCountUsed) ?? -1
    }

    /// The recurrence by hand.
    private func mean(of text: String) -> [Float] {
        var state = RecurrenceModel.firstState
        var sums: [Float] = [0, 0]
        for byte in text.utf8 {
            state = RecurrenceModel.state(after: state, Int32(byte))
            sums[0] += Float(byte)
            sums[1] += Float(state % 1000)
        }
        return sums.map { $0 * (1 / Float(text.utf8.count)) }
    }
}
