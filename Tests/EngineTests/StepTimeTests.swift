import Models
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Engine

/// What the engine makes of the time that steps take: the clock is virtual, and moves on by 5 ms a step and 1 ms a
/// token.
@Suite("Engine: time of a step")
struct StepTimeTests {
    @Test("a request whose prompt cannot be read in time is dropped before a step is spent on it")
    func unreachableDeadline() async throws {
        let clock = ManualClock()
        let (engine, model) = try await trainedEngine(clock)
        let stepCount = model.steps.withLock(\.count)
        func request(milliseconds: UInt64) -> GenerationRequest {
            GenerationRequest(
                prompt: .text(String(repeating: "x", count: 300)), tokenCountMax: 1,
                deadline: Deadline(clock.now().advanced(byNanoseconds: milliseconds * 1_000_000)))
        }
        let hopeless = try await engine.generate(selector("story"), request(milliseconds: 200))
        let error = await #expect(throws: ServingError.self) { try await WholeText.read(hopeless) }
        #expect(error?.code == .deadlineExceeded && error?.label == "deadline_unreachable")
        #expect(model.steps.withLock(\.count) == stepCount)
        // Who has failed a request counts it then.
        #expect(await eventually { (try? engine.counters(of: selector("story")))?.failureCount == 1 })
        #expect(try engine.counters(of: selector("story")).queuedRequestCount == 0)
        // Read in two steps, 310 ms.
        let hopeful = try await engine.generate(selector("story"), request(milliseconds: 400))
        #expect(try await WholeText.read(hopeful).reason != nil)
        #expect(model.steps.withLock(\.count) == stepCount + 2)
        await engine.shutdown()
    }

    @Test("a long prompt does not hold up a text that is written: the steps they share keep to the time")
    func sharedSteps() async throws {
        let gate = Gate()
        let (engine, model) = try await trainedEngine(ManualClock(), gate)
        model.steps.withLock { $0 = [] }
        var writing = GenerationRequest(prompt: .text("once"), tokenCountMax: 400)
        writing.ignoresEndOfSequence = true
        let writer = try await engine.generate(selector("story"), writing)
        #expect(await eventually { model.steps.withLock(\.count) == 0 && gate.arrivalCount == 37 })
        let prompt = String(repeating: "once upon a time ", count: 60)
        let reader = try await engine.generate(
            selector("story"), GenerationRequest(prompt: .text(prompt), tokenCountMax: 1))
        gate.open(1_000)
        _ = try await WholeText.read(reader)
        let shared = model.steps.withLock { $0.filter { $0.sequenceCount == 2 } }
        // 50 ms: 5 for the step, 1 for the text that is written, and at most 44 for the prompt.
        #expect(shared.allSatisfy { $0.tokenCount <= 45 })
        let isLast = shared.last.map { $0.tokenCount % 16 != 0 } ?? false
        #expect(shared.dropLast(isLast ? 1 : 0).allSatisfy { $0.tokenCount.isMultiple(of: 16) }, "\(shared)")
        // The first step stood at the gate until the prompt was there.
        #expect(shared.count > 20)
        writer.cancel()
        await engine.shutdown()
    }

    /// An engine that has seen how long steps take; a gate stands open for just as many.
    private func trainedEngine(_ clock: ManualClock, _ gate: Gate? = nil) async throws -> (Engine, RecurrenceModel) {
        var limits = storyLimits(budget: 256)
        limits.stepNanosecondsMax = 50_000_000
        limits.reusesPrefixes = false
        let (engine, model) = try await storyEngine(
            contextLengthMax: 2_000, limits: limits, gate: gate, clock: clock, pace: RecurrenceModel.Pace(clock: clock),
            bufferedTokenCountMax: 1_000)
        let lengths = [1, 200, 50, 120, 250, 10]
        gate?.open(lengths.count * 6)
        for length in lengths {
            var request = GenerationRequest(prompt: .text(String(repeating: "a", count: length)), tokenCountMax: 6)
            request.ignoresEndOfSequence = true
            _ = try await WholeText.read(engine.generate(selector("story"), request))
        }
        return (engine, model)
    }
}
