import Compute
import Models
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Engine

/// How tenants share an engine; the clock is virtual, and steps are counted, not timed.
@Suite("Engine: tenants")
struct TenantTests {
    private let flood = TenantShare(tenant: TenantID("flood")!)
    private let light = TenantShare(tenant: TenantID("light")!)

    @Test("a light tenant's first token comes with the first step that begins after its prompt came")
    func firstToken() async throws {
        let gate = Gate()
        let clock = ManualClock()
        var limits = storyLimits(runningMax: 4, budget: 64)
        limits.reusesPrefixes = false
        let (engine, _) = try await storyEngine(
            limits: limits, gate: gate, clock: clock, pace: RecurrenceModel.Pace(clock: clock))
        var streams: [GenerationStream] = []
        for number in 0..<30 {
            streams.append(try await generate(engine, "\(number) " + String(repeating: "long ", count: 30), flood))
        }
        gate.open(5)
        #expect(await eventually { gate.arrivalCount == 6 })
        let stream = try await generate(engine, "short", light)
        #expect(stream.usage.generatedTokenCount == 0)
        // The step that stands at the gate, and the next one.
        gate.open(2)
        #expect(await eventually { gate.arrivalCount == 8 })
        #expect(stream.usage.generatedTokenCount == 1)
        for stream in streams + [stream] { stream.cancel() }
        gate.open(100)
        await engine.shutdown()
    }

    @Test("a flood changes no token of anybody's answer")
    func sameText() async throws {
        let clock = ManualClock()
        let (engine, model) = try await storyEngine(
            limits: storyLimits(pageCount: 30, runningMax: 6, budget: 32), clock: clock,
            pace: RecurrenceModel.Pace(clock: clock))
        try await withThrowingTaskGroup(of: (String, WholeText).self) { group in
            for number in 0..<40 {
                let prompt = number % 5 == 0 ? "short \(number)" : "\(number) " + String(repeating: "long ", count: 6)
                let share = number % 5 == 0 ? light : flood
                group.addTask { (prompt, try await WholeText.read(generate(engine, prompt, share))) }
            }
            for try await (prompt, whole) in group {
                #expect(whole.text == RecurrenceModel.text(after: prompt, tokenCountMax: 20).text, "after \(prompt)")
            }
        }
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        #expect(try engine.counters(of: selector("story")).preemptionCount > 0)
        await engine.shutdown()
    }

    @Test("a tenant that keeps one model busy has less of another")
    func acrossModels() async throws {
        let clock = ManualClock()
        let engine = makeEngine(clock: clock)
        let (left, right) = (Gate(), Gate())
        try await engine.load(EngineModel(batch: SquareModel("left", batchSizeMax: 1, gate: left)))
        try await engine.load(EngineModel(batch: SquareModel("right", batchSizeMax: 1, gate: right)))
        let busy = infer(engine, "left", flood)
        #expect(await eventually { left.arrivalCount == 1 })
        clock.advance(byNanoseconds: 50_000_000)
        let first = infer(engine, "right", flood)
        #expect(await queued(1, engine, "right"))
        let second = infer(engine, "right", light)
        #expect(await queued(2, engine, "right"))
        left.open()
        right.open()
        #expect(try await second.value.squares == [4])
        #expect(await eventually { right.arrivalCount == 2 })
        #expect(
            try engine.counters(of: selector("right")).executionCount == 1, "the flood's waits, though it came first")
        clock.advance(byNanoseconds: 10_000_000)
        right.open()
        _ = try await (first.value, busy.value)
        let fairness = engine.fairness
        #expect(fairness.computeNanoseconds[flood.tenant] == 60_000_000)
        #expect(fairness.computeNanoseconds[light.tenant] == 0 && fairness.index == 1)
        await engine.shutdown()
    }

    @Test("what is computed for a request that is cancelled meanwhile is counted as wasted")
    func wastedBatch() async throws {
        let clock = ManualClock()
        let gate = Gate()
        let engine = makeEngine(clock: clock)
        try await engine.load(EngineModel(batch: SquareModel(batchSizeMax: 2, gate: gate)))
        let blocker = infer(engine, "square", light)
        #expect(await eventually { gate.arrivalCount == 1 })
        let both = (infer(engine, "square", light), infer(engine, "square", light))
        #expect(await queued(2, engine, "square"))
        gate.open()
        #expect(await eventually { gate.arrivalCount == 2 })
        clock.advance(byNanoseconds: 1_000)
        both.0.cancel()
        _ = await both.0.result
        gate.open()
        #expect(try await both.1.value.squares == [4])
        #expect(await eventually { (try? engine.counters(of: selector("square")).wastedComputeNanoseconds) == 500 })
        _ = try await blocker.value
        await engine.shutdown()
    }

    @Test("so is what is computed for a text that is cancelled or expires", arguments: [true, false])
    func wastedText(isCancelled: Bool) async throws {
        let clock = ManualClock()
        let gate = Gate()
        let (engine, _) = try await storyEngine(
            limits: storyLimits(), gate: gate, clock: clock, pace: RecurrenceModel.Pace(clock: clock))
        var request = GenerationRequest(prompt: .text("once"), tokenCountMax: 100, ignoresEndOfSequence: true)
        // The prompt takes 9 ms, and each token 6.
        if !isCancelled { request.deadline = Deadline(clock.now().advanced(byNanoseconds: 20_000_000)) }
        let stream = try await engine.generate(selector("story"), request)
        gate.open(2)
        #expect(await eventually { gate.arrivalCount == 3 })
        if isCancelled { stream.cancel() }
        gate.open(1)
        if !isCancelled { _ = try? await WholeText.read(stream) }
        #expect(
            await eventually { (try? engine.counters(of: selector("story")).wastedComputeNanoseconds) == 21_000_000 })
        await engine.shutdown()
    }

    @Test("a request that the model cannot answer in time is refused before it runs")
    func hopelessBatch() async throws {
        let clock = ManualClock()
        let engine = makeEngine(clock: clock)
        let model = PacedModel(clock: clock, nanoseconds: 10_000_000)
        try await engine.load(EngineModel(batch: model))
        for _ in 0..<20 { _ = try await engine.infer(selector("square"), numbers([2])) }
        let deadline = Deadline(clock.now().advanced(byNanoseconds: 5_000_000))
        let error = await #expect(throws: ServingError.self) {
            try await engine.infer(selector("square"), numbers([2]), deadline: deadline)
        }
        #expect(error?.code == .deadlineExceeded && error?.label == "deadline_unreachable")
        let counters = try engine.counters(of: selector("square"))
        #expect(counters.executionCount == 20 && counters.failureCount == 1 && counters.queuedRequestCount == 0)
        await engine.shutdown()
    }

    private func generate(_ engine: Engine, _ prompt: String, _ share: TenantShare) async throws -> GenerationStream {
        try await engine.generate(
            selector("story"),
            GenerationRequest(prompt: .text(prompt), tokenCountMax: 20, tenant: share.tenant, weight: share.weight))
    }

    private func infer(
        _ engine: Engine, _ model: String, _ share: TenantShare
    ) -> Task<InferenceAnswer, any Error> {
        Task { try await engine.infer(selector(model), numbers([2]), share: share) }
    }

    private func queued(_ count: Int, _ engine: Engine, _ model: String) async -> Bool {
        await eventually { (try? engine.counters(of: selector(model)).queuedRequestCount) == count }
    }
}

/// Squares numbers, and takes its time on a clock of the test's.
private final class PacedModel: BatchModel {
    private let model = SquareModel()
    private let clock: ManualClock
    private let nanoseconds: UInt64

    init(clock: ManualClock, nanoseconds: UInt64) {
        self.clock = clock
        self.nanoseconds = nanoseconds
    }

    var description: ModelDescription { model.description }

    func warmUp(on gang: ComputeGang) throws {}

    func sampleCount(of input: InferenceInput) throws(ServingError) -> Int { try model.sampleCount(of: input) }

    func execute(_ batch: [InferenceInput], on gang: ComputeGang) -> [Result<InferenceOutput, ServingError>] {
        clock.advance(byNanoseconds: nanoseconds)
        return model.execute(batch, on: gang)
    }
}
