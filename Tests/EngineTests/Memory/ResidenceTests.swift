import CLinux
import Glibc
import Models
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Engine

/// Brings models back by loading them, once the gate is open.
private final class Loader: ModelWaker {
    private let engine: Engine
    private let make: @Sendable () -> EngineModel
    private let failure: ServingError?
    /// Keeps it from loading until the stream ends.
    private let gate: AsyncStream<Void>
    private let opening: AsyncStream<Void>.Continuation
    private let tenants = Mutex<[TenantID?]>([])

    init(
        _ engine: Engine, failure: ServingError? = nil, isOpen: Bool = true,
        _ make: @escaping @Sendable () -> EngineModel
    ) {
        (gate, opening) = AsyncStream.makeStream(of: Void.self)
        if isOpen { opening.finish() }
        self.engine = engine
        self.make = make
        self.failure = failure
        engine.setWaker(self)
    }

    func open() { opening.finish() }

    /// For whom models were loaded.
    var wakings: [TenantID?] { tenants.withLock { $0 } }

    func wake(_ name: ModelName, _ version: ModelVersion, for tenant: TenantID?) async throws(ServingError) {
        guard engine.isResting(name, version) else { return }
        tenants.withLock { $0.append(tenant) }
        for await _ in gate {}
        if let failure { throw failure }
        try await engine.load(make(), on: .call(by: tenant))
    }
}

@Suite("Engine: models rest and come back")
struct ResidenceTests {
    private let square = ModelName("square")!
    private let one = ModelVersion(1)!

    @Test("a model that rests is known, is called ready, goes on counting, and answers the next request")
    func restAndWake() async throws {
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel()))
        let loader = Loader(engine) { EngineModel(batch: SquareModel()) }
        let acme = TenantID("acme")!
        #expect(try await engine.infer(selector("square"), numbers([2])).squares == [4])
        try await engine.rest(square, one)
        #expect(engine.isResting(square, one) && engine.residents.isEmpty)
        #expect(engine.isReady(selector("square")) && engine.versions(of: square) == [one])
        #expect(try engine.description(of: selector("square")).inputs.map(\.name) == ["x"])
        #expect(try engine.counters(of: selector("square")).answerCount == 1)
        try await engine.rest(square, one)
        let answer = try await engine.infer(selector("square"), numbers([3]), share: TenantShare(tenant: acme))
        #expect(answer.squares == [9])
        #expect(try engine.counters(of: selector("square")).answerCount == 2)
        #expect(try engine.counters(of: selector("square")).requestCount == 2)
        #expect(
            engine.residents.map(\.name) == [square] && engine.residents.first?.lastUses.keys.contains(acme) == true)
        #expect(loader.wakings == [acme])
        await engine.shutdown()
    }

    @Test("an alias leads to a model that rests as well")
    func alias() async throws {
        let engine = makeEngine()
        let make: @Sendable () -> EngineModel = {
            var model = EngineModel(batch: SquareModel())
            model.aliases = [ModelAlias(name: ModelName("quadrat")!)]
            return model
        }
        try await engine.load(make())
        let loader = Loader(engine, make)
        try await engine.rest(square, one)
        #expect(try await engine.infer(selector("quadrat"), numbers([3])).squares == [9])
        #expect(loader.wakings.count == 1)
        await engine.shutdown()
    }

    @Test("what it was sent before it went to rest is answered first")
    func drains() async throws {
        let engine = makeEngine()
        let gate = Gate()
        try await engine.load(EngineModel(batch: SquareModel(gate: gate)))
        let running = Task { try await engine.infer(selector("square"), numbers([2])) }
        #expect(await eventually { gate.arrivalCount == 1 })
        let resting = Task { try await engine.rest(square, one) }
        #expect(await eventually { engine.isResting(square, one) })
        gate.open()
        try await resting.value
        #expect(try await running.value.squares == [4])
        await engine.shutdown()
    }

    @Test("requests that come while it goes and comes are all answered")
    func races() async throws {
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel()))
        let loader = Loader(engine) { EngineModel(batch: SquareModel()) }
        let resting = Task { [square, one] in
            while !Task.isCancelled { try await engine.rest(square, one) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    for number in 0..<40 {
                        let value = Float(caller * 100 + number + 14)
                        let answer = try await engine.infer(selector("square"), numbers([value]))
                        #expect(answer.squares == [value * value])
                    }
                }
            }
            try await group.waitForAll()
        }
        resting.cancel()
        try await resting.value
        #expect(!loader.wakings.isEmpty)
        await engine.shutdown()
    }

    /// The label of what is thrown.
    private func failure(_ body: () async throws -> InferenceAnswer) async -> String? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? ServingError)?.label ?? "\(error)"
        }
    }

    @Test("all who wait share one attempt and its failure, which then is the answer for a while")
    func sharedFailure() async throws {
        let clock = ManualClock()
        let engine = makeEngine(clock: clock)
        try await engine.load(EngineModel(batch: SquareModel()))
        let broken = ServingError(.failedPrecondition, "broken", label: "load_failed")
        let loader = Loader(engine, failure: broken, isOpen: false) { EngineModel(batch: SquareModel()) }
        try await engine.rest(square, one)
        let callers = (0..<20).map { _ in Task { try await engine.infer(selector("square"), numbers([2])) } }
        #expect(await eventually { (try? engine.counters(of: selector("square")).queuedRequestCount) == 20 })
        callers[3].cancel()
        #expect(await failure { try await callers[3].value } == "cancelled")
        loader.open()
        for (index, caller) in callers.enumerated() where index != 3 {
            #expect(await failure { try await caller.value } == "load_failed")
        }
        #expect(await failure { try await engine.infer(selector("square"), numbers([2])) } == "load_failed")
        #expect(loader.wakings.count == 1)
        clock.advance(byNanoseconds: Awakenings.failureNanoseconds)
        #expect(await failure { try await engine.infer(selector("square"), numbers([2])) } == "load_failed")
        #expect(loader.wakings.count == 2)
        #expect(try engine.counters(of: selector("square")).queuedRequestCount == 0)
        await engine.shutdown()
    }

    @Test("one that rests is unloaded at once, and who waits for it is told that it is gone", .timeLimit(.minutes(1)))
    func unloadsResting() async throws {
        var configuration = EngineConfiguration(threadCount: 1)
        configuration.unloadNanosecondsMax = 3_600_000_000_000
        let engine = Engine(configuration: configuration)
        try await engine.load(EngineModel(batch: SquareModel()))
        let loader = Loader(engine, isOpen: false) { EngineModel(batch: SquareModel()) }
        try await engine.rest(square, one)
        let caller = Task { try await engine.infer(selector("square"), numbers([2])) }
        #expect(await eventually { loader.wakings.count == 1 })
        try await engine.unload(name: square, version: one)
        #expect(!engine.isReady(selector("square")))
        caller.cancel()
        await #expect(throws: ServingError.self) { try await caller.value }
        loader.open()
        await engine.shutdown()
    }

    @Test("who has called a model is known from the moment it comes back, and when it came")
    func uses() async throws {
        let clock = ManualClock()
        let engine = makeEngine(clock: clock)
        let (acme, other) = (TenantID("acme")!, TenantID("other")!)
        try await engine.load(EngineModel(batch: SquareModel()), on: .call(by: acme))
        #expect(engine.residents.first?.lastUses == [acme: clock.now()])
        #expect(engine.residents.first?.loadTime == clock.now())
        let before = clock.now()
        try await engine.rest(square, one)
        clock.advance(byNanoseconds: 5)
        try await engine.load(EngineModel(batch: SquareModel()), on: .call(by: other))
        #expect(engine.residents.first?.lastUses == [acme: before, other: clock.now()])
        clock.advance(byNanoseconds: 5)
        try await engine.load(EngineModel(batch: SquareModel()))
        #expect(engine.residents.first?.lastUses.count == 2, "new files of it were called by nobody else")
        #expect(engine.residents.first?.loadTime == clock.now())
        await engine.shutdown()
    }

    @Test("who was sent on its way to a model that had no time left is told that it is gone, not the engine")
    func lateRequest() async throws {
        var configuration = EngineConfiguration(threadCount: 1)
        configuration.unloadNanosecondsMax = 0
        let engine = Engine(configuration: configuration)
        try await engine.load(EngineModel(batch: SquareModel()))
        let input = try numbers([2])
        let error = await #expect(throws: ServingError.self) {
            try await engine.holding(selector("square"), for: nil) { (model) throws(ServingError) in
                try await engine.unload(name: square, version: one)
                return try await engine.infer(model, input, deadline: .never)
            }
        }
        #expect(error?.code == .unavailable && error?.label == "model_unloaded")
        await engine.shutdown()
    }

    /// One thread sends a request as a caller does; another one looks whether there is anything.
    ///
    /// The look began after the caller had found the model, so it must not find it idle.
    @Test("a model is not idle while a request is on its way from its caller to its queue", .timeLimit(.minutes(1)))
    func neverIdleInBetween() async throws {
        for _ in 0..<3000 {
            let model = LoadedModel(EngineModel(batch: SquareModel()), at: MonotonicTime(nanoseconds: 1))
            model.hold()
            let looker = Task.detached { model.isIdle }
            try model.enterQueue(TenantShare(tenant: nil))
            _ = model.release()
            let wasIdle = await looker.value
            #expect(!wasIdle)
            if wasIdle { break }
        }
    }

    @Test("what nobody waits for is prepared at leisure, and what a call waits for is not")
    func pace() async throws {
        let engine = makeEngine()
        #expect(engine.pace(of: .change) == .usual, "nobody is disturbed")
        try await engine.load(EngineModel(batch: SquareModel()))
        #expect(engine.pace(of: .change) == .givingWay)
        #expect(engine.pace(of: .request) == .steppingBack && engine.pace(of: .call(by: nil)) == .hurrying)
        for (pace, policy, step) in [
            (ThreadPace.usual, SCHED_OTHER, 0), (.hurrying, SCHED_OTHER, 5), (.steppingBack, SCHED_OTHER, 5),
            (.givingWay, 5, 0),
        ] {
            let before = getpriority(__priority_which_t(0), 0)
            let found = await onThread(name: "apus-test", pace: pace, while: ServiceNote()) {
                (policy: sched_getscheduler(0), niceness: getpriority(__priority_which_t(0), 0))
            }
            #expect(found.policy == policy && found.niceness == min(19, max(before, Int32(step))), "\(pace) \(found)")
        }
        await engine.shutdown()
    }

    @Test(
        "who prepares a model pauses while somebody is served, and only then",
        arguments: [ThreadPace.usual, .hurrying, .givingWay], [true, false])
    func pauses(pace: ThreadPace, isServing: Bool) async {
        let service = ServiceNote()
        let count = await onThread(name: "apus-test", pace: pace, while: service) {
            // Until pauses have come, or as much work is done as would have been interrupted hundreds of times.
            var before = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before)
            var now = before
            while apus_pause_count() < 5,
                (now.tv_sec - before.tv_sec) * 1_000 + (now.tv_nsec - before.tv_nsec) / 1_000_000 < 200
            {
                if isServing { service.note() }
                apus_pause_if_due()
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
            }
            return apus_pause_count()
        }
        #expect((count > 0) == (isServing && pace != .usual))
    }

    @Test("without anybody to bring it back, and when that fails, the answer says so")
    func failures() async throws {
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel()))
        try await engine.rest(square, one)
        let error = await #expect(throws: ServingError.self) {
            try await engine.infer(selector("square"), numbers([2]))
        }
        #expect(error?.code == .unavailable && error?.label == "model_unloaded")
        let full = ServingError(.resourceExhausted, "full", label: "memory_exhausted")
        let loader = Loader(engine, failure: full) { EngineModel(batch: SquareModel()) }
        let refusal = await #expect(throws: ServingError.self) {
            try await engine.infer(selector("square"), numbers([2]))
        }
        #expect(refusal?.label == "memory_exhausted" && loader.wakings.count == 1)
        #expect(try engine.counters(of: selector("square")).queuedRequestCount == 0)
        await engine.shutdown()
    }
}
