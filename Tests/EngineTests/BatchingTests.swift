import Compute
import Models
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("Engine: tensors")
struct BatchingTests {
    @Test("requests that come while the engine is busy share executions, and each gets its own answer")
    func dynamicBatching() async throws {
        let (engine, gate) = try await busyEngine(batchSizeMax: 8)
        let answers = try await withThrowingTaskGroup(of: (Float, InferenceAnswer).self) { group in
            for number in 20..<36 {
                group.addTask {
                    (Float(number), try await engine.infer(selector("square"), numbers([Float(number)])))
                }
            }
            #expect(await queued(16, engine))
            gate.open(3)
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(answers.count == 16)
        for (number, answer) in answers {
            #expect(answer.squares == [number * number])
            #expect(answer.usage.batchSampleCount == 8)
        }
        let counters = try engine.counters(of: selector("square"))
        #expect(counters.executionCount == 3 && counters.sampleCount == 17)
        #expect(counters.executionCountBySampleCount == [0, 1, 0, 0, 0, 0, 0, 0, 2])
        #expect(counters.queuedRequestCount == 0 && counters.failureCount == 0)
        #expect(counters.answerCount == 17 && counters.answeredSampleCount == 17)
        await engine.shutdown()
    }

    @Test("where the time of requests and executions went is counted before they are answered")
    func times() async throws {
        let clock = ManualClock()
        let engine = makeEngine(clock: clock)
        let gate = Gate()
        try await engine.load(EngineModel(batch: SquareModel(gate: gate)))
        let first = Task { try await engine.infer(selector("square"), numbers([1, 2])) }
        #expect(await eventually { gate.arrivalCount == 1 })
        let second = Task { try await engine.infer(selector("square"), numbers([3])) }
        let failing = Task { try await engine.infer(selector("square"), numbers([13])) }
        #expect(await queued(2, engine))
        clock.advance(byNanoseconds: 100)
        gate.open()
        _ = try await first.value
        var counters = try engine.counters(of: selector("square"))
        #expect(counters.answerCount == 1 && counters.answeredSampleCount == 2)
        #expect(counters.answerNanoseconds == 100 && counters.queueNanoseconds == 0)
        #expect(counters.answerTimes == ExecutionTimes(computeNanoseconds: 100))
        #expect(counters.lastAnswerTime == clock.now())
        #expect(await eventually { gate.arrivalCount == 2 })
        clock.advance(byNanoseconds: 50)
        gate.open()
        _ = try await second.value
        await #expect(throws: ServingError.self) { try await failing.value }
        counters = try engine.counters(of: selector("square"))
        #expect(counters.answerCount == 2 && counters.failureCount == 1)
        #expect(counters.answerNanoseconds == 250 && counters.queueNanoseconds == 100)
        #expect(counters.failureNanoseconds == 150)
        #expect(counters.answerTimes.computeNanoseconds == 150)
        #expect(counters.executionTimesBySampleCount[2].computeNanoseconds == 150)
        await engine.shutdown()
    }

    @Test("the built-in delay model batches under load, with the same answers as one by one, bit for bit")
    func delayModel() async throws {
        let engine = makeEngine()
        let delay = DelayModel(
            name: ModelName("delay")!, version: ModelVersion(1)!, batchSizeMax: 16, delayMilliseconds: 5)
        try await engine.load(EngineModel(batch: delay))
        let inputs = try (0..<48).map { try numbers([Float($0) / 7, -Float($0)].map { $0 }) }
        let together = try await withThrowingTaskGroup(of: (Int, InferenceOutput).self) { group in
            for (index, input) in inputs.enumerated() {
                group.addTask { (index, try await engine.infer(selector("delay"), input).output) }
            }
            return try await group.reduce(into: [Int: InferenceOutput]()) { $0[$1.0] = $1.1 }
        }
        let executions = try engine.counters(of: selector("delay")).executionCount
        #expect(executions < 48)
        for index in [0, 17, 47] {
            let alone = try await engine.infer(selector("delay"), inputs[index]).output
            #expect(together[index]?.tensors == alone.tensors)
        }
        await engine.shutdown()
    }

    @Test("a trivial model answers on the calling thread, while the engine is busy")
    func trivialModel() async throws {
        let (engine, gate) = try await busyEngine()
        let identity = IdentityModel(name: ModelName("identity")!, version: ModelVersion(1)!)
        gate.open()
        try await engine.load(EngineModel(batch: identity))
        let blocker = Task { try await engine.infer(selector("square"), numbers([1])) }
        #expect(await eventually { gate.arrivalCount == 2 })
        let input = try numbers([1, 2, 3])
        #expect(try await engine.infer(selector("identity"), input).output.tensors == input.tensors)
        #expect(try engine.counters(of: selector("identity")).executionCount == 1)
        gate.open()
        _ = try await blocker.value
        await engine.shutdown()
    }

    @Test("a full queue refuses at once, and what waits is answered")
    func queueFull() async throws {
        let (engine, gate) = try await busyEngine(queueCapacity: 2)
        let waiting = try (2...3).map { number in
            let input = try numbers([Float(number)])
            return Task { try await engine.infer(selector("square"), input) }
        }
        #expect(await queued(2, engine))
        let error = await #expect(throws: ServingError.self) {
            try await engine.infer(selector("square"), numbers([4]))
        }
        #expect(error?.code == .resourceExhausted)
        #expect(error?.message == "Exceeds maximum queue size (2) of model 'square'")
        #expect(error?.retryAdvice == .after(nanoseconds: 100_000_000), "nothing was answered yet")
        gate.open(2)
        #expect(try await waiting[0].value.squares == [4])
        #expect(try await waiting[1].value.squares == [9])
        await engine.shutdown()
    }

    @Test("a request whose deadline passes in the queue is not executed")
    func deadline() async throws {
        let clock = ManualClock()
        let (engine, gate) = try await busyEngine(clock: clock)
        let deadline = Deadline(clock.now().advanced(byNanoseconds: 100))
        let late = Task { try await engine.infer(selector("square"), numbers([2]), deadline: deadline) }
        let patient = Task { try await engine.infer(selector("square"), numbers([3])) }
        #expect(await queued(2, engine))
        clock.advance(byNanoseconds: 100)
        gate.open(2)
        let error = await #expect(throws: ServingError.self) { try await late.value }
        #expect(error?.code == .deadlineExceeded)
        #expect(try await patient.value.squares == [9])
        #expect(try await patient.value.usage.queueNanoseconds == 100)
        #expect(try engine.counters(of: selector("square")).sampleCount == 2)
        await engine.shutdown()
    }

    @Test("a cancelled request is answered at once and leaves the queue")
    func cancellation() async throws {
        let (engine, gate) = try await busyEngine()
        let cancelled = Task { try await engine.infer(selector("square"), numbers([2])) }
        let patient = Task { try await engine.infer(selector("square"), numbers([3])) }
        #expect(await queued(2, engine))
        cancelled.cancel()
        let error = await #expect(throws: ServingError.self) { try await cancelled.value }
        #expect(error?.code == .cancelled)
        gate.open(2)
        #expect(try await patient.value.usage.batchSampleCount == 1)
        let counters = try engine.counters(of: selector("square"))
        #expect(counters.sampleCount == 2 && counters.cancellationCount == 1 && counters.failureCount == 0)
        #expect(await queued(0, engine))
        await engine.shutdown()
    }

    @Test("a task that was cancelled before it asked gets that answer")
    func cancelledBefore() async throws {
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel()))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await engine.infer(selector("square"), numbers([2]))
        }
        let error = await #expect(throws: ServingError.self) { try await task.value }
        #expect(error?.code == .cancelled)
        #expect(try await engine.infer(selector("square"), numbers([3])).squares == [9])
        await engine.shutdown()
    }

    @Test("a shutdown answers everything: what runs, what waits and what comes later")
    func shutdown() async throws {
        let (engine, gate) = try await busyEngine()
        let waiting = try (0..<20).map { number in
            let input = try numbers([Float(number)])
            return Task { try await engine.infer(selector("square"), input) }
        }
        #expect(await queued(20, engine))
        let stopping = Task { await engine.shutdown() }
        #expect(await eventually { engine.mailbox.isClosed })
        gate.open(1)
        await stopping.value
        for task in waiting {
            let error = await #expect(throws: ServingError.self) { try await task.value }
            #expect(error?.code == .unavailable)
        }
        let error = await #expect(throws: ServingError.self) {
            try await engine.infer(selector("square"), numbers([1]))
        }
        #expect(error?.code == .unavailable)
        #expect(try engine.counters(of: selector("square")).queuedRequestCount == 0)
        await engine.shutdown()
    }

    @Test("one request's failure does not spoil the others of its batch")
    func failureInBatch() async throws {
        let (engine, gate) = try await busyEngine()
        let bad = Task { try await engine.infer(selector("square"), numbers([13])) }
        let good = Task { try await engine.infer(selector("square"), numbers([12])) }
        #expect(await queued(2, engine))
        gate.open(2)
        #expect(try await good.value.squares == [144])
        #expect(try await good.value.usage.batchSampleCount == 2)
        let error = await #expect(throws: ServingError.self) { try await bad.value }
        #expect(error?.message == "13 is not to be squared")
        #expect(try engine.counters(of: selector("square")).failureCount == 1)
        await engine.shutdown()
    }

    @Test("only the requested outputs come, in the requested order; others are named")
    func requestedOutputs() async throws {
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel()))
        let both = try await engine.infer(selector("square"), numbers([2], outputs: ["z", "y"])).output
        #expect(both.tensors.map(\.name) == ["z", "y"])
        let one = try await engine.infer(selector("square"), numbers([2], outputs: ["z"])).output
        #expect(one.tensors.map(\.name) == ["z"])
        let error = await #expect(throws: ServingError.self) {
            try await engine.infer(selector("square"), numbers([2], outputs: ["w"]))
        }
        #expect(error?.message == "unexpected inference output 'w' for model 'square', it has 'y', 'z'")
        await engine.shutdown()
    }

    @Test("a model that is not there, or not for tensors, or not for text, says so")
    func wrongModel() async throws {
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel()))
        let unknown = await #expect(throws: ServingError.self) { try await engine.infer(selector("x"), numbers([2])) }
        #expect(unknown?.message == "Request for unknown model: 'x' is not found (models: square)")
        let notText = await #expect(throws: ServingError.self) {
            try await engine.generate(selector("square"), GenerationRequest(prompt: .text("a"), tokenCountMax: 1))
        }
        #expect(notText?.message == "model 'square' (platform test_square) takes tensors, not text")
        #expect(notText?.code == .invalidArgument)
        await engine.shutdown()
    }

    /// An engine whose thread stands at the gate with one request, so that what comes now must wait.
    private func busyEngine(
        batchSizeMax: Int = 8, queueCapacity: Int = 100, clock: any MonotonicClock = SystemClock()
    ) async throws -> (Engine, Gate) {
        let engine = makeEngine(clock: clock)
        let gate = Gate()
        try await engine.load(
            EngineModel(batch: SquareModel(batchSizeMax: batchSizeMax, gate: gate), queueCapacity: queueCapacity))
        let blocker = try numbers([1])
        Task { _ = try? await engine.infer(selector("square"), blocker) }
        #expect(await eventually { gate.arrivalCount == 1 })
        return (engine, gate)
    }

    /// Waits until `count` requests wait behind the one at the gate.
    private func queued(_ count: Int, _ engine: Engine) async -> Bool {
        await eventually {
            guard let counters = try? engine.counters(of: selector("square")) else { return false }
            return counters.queuedRequestCount == count
        }
    }
}
