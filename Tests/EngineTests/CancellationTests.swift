import Compute
import Models
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import Engine

/// What a cancelled request gives back, and when: nothing waits for the engine thread, which stands at a gate.
@Suite("Engine: cancelled requests", .timeLimit(.minutes(10)))
struct CancellationTests {
    /// Where a request is when its caller cancels it.
    enum Place: CaseIterable {
        case inMailbox, inScheduler, running, answered
    }

    /// What is then true at once: places taken in the queue, messages for the engine thread; and in the end the samples
    /// executed, those of the requests before this one included.
    static let expected: [Place: (isCancelled: Bool, queued: Int, messages: Int, samples: UInt64)] = [
        .inMailbox: (true, 0, 0, 1),
        // The notice that the scheduler is to forget it.
        .inScheduler: (true, 0, 1, 2),
        // It cannot be stopped; its notice means nothing.
        .running: (true, 0, 1, 2),
        .answered: (false, 0, 0, 2),
    ]

    @Test("wherever a cancelled request is, it holds no place any more", arguments: Place.allCases)
    func cancel(_ place: Place) async throws {
        let expected = try #require(Self.expected[place])
        let gate = Gate()
        let engine = makeEngine()
        // One sample a batch: of two that wait, the second stays in the scheduler while the first stands at the gate.
        try await engine.load(EngineModel(batch: SquareModel(batchSizeMax: 1, gate: gate), queueCapacity: 2))
        var others = [infer(engine)]
        #expect(await eventually { gate.arrivalCount == 1 })
        if place == .inScheduler {
            others.append(infer(engine))
            #expect(await queued(1, engine))
        }
        let request = infer(engine)
        #expect(await queued(others.count, engine))
        switch place {
        case .inMailbox: break
        case .inScheduler, .running:
            gate.open()
            #expect(await eventually { gate.arrivalCount == 2 })
        case .answered:
            gate.open(2)
            _ = await request.result
        }
        await expect(expected, cancelling: request, engine)
        gate.open(3)
        for other in others { #expect(try await other.value.squares == [4]) }
        await engine.shutdown()
        #expect(counters(engine)?.sampleCount == expected.samples)
    }

    private final class Memory {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 4)
        deinit { bytes.deallocate() }
    }

    @Test("the tensors of a cancelled request are let go of at once, wherever it waits", arguments: [false, true])
    func tensors(isReceived: Bool) async throws {
        let gate = Gate()
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel(batchSizeMax: 1, gate: gate), queueCapacity: 3))
        var others = [infer(engine)]
        #expect(await eventually { gate.arrivalCount == 1 })
        if isReceived {
            others.append(infer(engine))
            #expect(await queued(1, engine))
        }
        weak var memory: Memory?
        let request: Task<InferenceAnswer, any Error>
        do {
            let owner = Memory()
            owner.bytes.storeBytes(of: 2, as: Float.self)
            memory = owner
            let data = Bytes(borrowing: UnsafeRawBufferPointer(owner.bytes), owner: owner)
            let tensor = try Tensor(.float32, shape: [1], data: data)
            let input = InferenceInput(tensors: [NamedTensor("x", tensor)], requestedOutputs: [])
            request = Task { try await engine.infer(selector("square"), input) }
        }
        #expect(await queued(others.count, engine))
        if isReceived {
            gate.open()
            #expect(await eventually { gate.arrivalCount == 2 })
        }
        #expect(memory != nil)
        request.cancel()
        _ = await request.result
        // The task that was cancelled ends in its own time.
        #expect(await eventually { memory == nil })
        gate.open(3)
        for other in others { _ = try await other.value }
        await engine.shutdown()
    }

    @Test("requests that are sent and cancelled all the time never fill the queue, nor the mailbox")
    func rapidCancellation() async throws {
        let gate = Gate()
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel(gate: gate), queueCapacity: 2))
        let blocker = Task { try await engine.infer(selector("square"), numbers([1])) }
        #expect(await eventually { gate.arrivalCount == 1 })
        let patient = infer(engine)
        #expect(await queued(1, engine))
        for _ in 0..<200 {
            let request = infer(engine)
            #expect(await queued(2, engine))
            request.cancel()
            let error = await #expect(throws: ServingError.self) { try await request.value }
            #expect(error?.code == .cancelled)
            #expect(counters(engine)?.queuedRequestCount == 1 && engine.mailbox.messageCount == 1)
        }
        gate.open(2)
        #expect(try await blocker.value.squares == [1])
        #expect(try await patient.value.squares == [4])
        #expect(counters(engine)?.cancellationCount == 200 && counters(engine)?.failureCount == 0)
        await engine.shutdown()
    }

    @Test("a text that has not begun leaves the queue at once when it is cancelled")
    func text() async throws {
        let gate = Gate()
        let (engine, _) = try await storyEngine(gate: gate)
        let request = GenerationRequest(prompt: .text("once"), tokenCountMax: 100)
        let blocker = try await engine.generate(selector("story"), request)
        #expect(await eventually { gate.arrivalCount == 1 })
        let waiting = try await engine.generate(selector("story"), request)
        #expect(counters(engine, "story")?.queuedRequestCount == 1 && engine.mailbox.messageCount == 1)
        waiting.cancel()
        #expect(counters(engine, "story")?.queuedRequestCount == 0 && engine.mailbox.messageCount == 0)
        #expect(try await WholeText.read(waiting).reason == .cancelled)
        blocker.cancel()
        gate.open(1)
        await engine.shutdown()
    }

    @Test("texts to be embedded leave the queue together when their caller cancels")
    func embedding() async throws {
        let gate = Gate()
        let (engine, _) = try await storyEngine(gate: gate)
        let blocker = try await engine.generate(
            selector("story"), GenerationRequest(prompt: .text("once"), tokenCountMax: 100))
        #expect(await eventually { gate.arrivalCount == 1 })
        let embedding = Task { try await engine.embed(selector("story"), texts: ["a", "b", "c"]) }
        #expect(await queued(3, engine, "story"))
        embedding.cancel()
        let error = await #expect(throws: ServingError.self) { try await embedding.value }
        #expect(error?.code == .cancelled)
        #expect(counters(engine, "story")?.queuedRequestCount == 0 && engine.mailbox.messageCount == 0)
        #expect(counters(engine, "story")?.cancellationCount == 3)
        blocker.cancel()
        gate.open(1)
        await engine.shutdown()
    }

    @Test(
        "what is withdrawn from a mailbox is the newest that matches",
        arguments: [
            ([], 1, false, []), ([1], 1, true, []), ([1, 2], 3, false, [1, 2]), ([1, 2, 1, 3], 1, true, [1, 2, 3]),
        ])
    func withdraw(messages: [Int], withdrawn: Int, isThere: Bool, left: [Int]) {
        let mailbox = Mailbox<Int>(capacity: 8)
        for message in messages { #expect(mailbox.send(work: message) == .sent) }
        #expect(mailbox.withdraw { $0 == withdrawn } == isThere)
        #expect(mailbox.messageCount == left.count)
        #expect(mailbox.receive(timeoutNanoseconds: 0) == left)
    }

    private func expect(
        _ expected: (isCancelled: Bool, queued: Int, messages: Int, samples: UInt64),
        cancelling request: Task<InferenceAnswer, any Error>, _ engine: Engine
    ) async {
        request.cancel()
        switch await request.result {
        case .success(let answer): #expect(!expected.isCancelled && answer.squares == [4])
        case .failure(let error): #expect(expected.isCancelled && (error as? ServingError)?.code == .cancelled)
        }
        #expect(counters(engine)?.queuedRequestCount == expected.queued)
        #expect(engine.mailbox.messageCount == expected.messages)
        #expect(counters(engine)?.cancellationCount == (expected.isCancelled ? 1 : 0))
    }

    private func infer(_ engine: Engine) -> Task<InferenceAnswer, any Error> {
        Task { try await engine.infer(selector("square"), numbers([2])) }
    }

    private func counters(_ engine: Engine, _ name: String = "square") -> ModelCounters? {
        try? engine.counters(of: selector(name))
    }

    private func queued(_ count: Int, _ engine: Engine, _ name: String = "square") async -> Bool {
        await eventually { counters(engine, name)?.queuedRequestCount == count }
    }
}
