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
    private let tenants = Mutex<[TenantID?]>([])

    init(_ engine: Engine, failure: ServingError? = nil, _ make: @escaping @Sendable () -> EngineModel) {
        self.engine = engine
        self.make = make
        self.failure = failure
        engine.setWaker(self)
    }

    /// For whom models were loaded.
    var wakings: [TenantID?] { tenants.withLock { $0 } }

    func wake(_ name: ModelName, _ version: ModelVersion, for tenant: TenantID?) async throws(ServingError) {
        guard engine.isResting(name, version) else { return }
        tenants.withLock { $0.append(tenant) }
        if let failure { throw failure }
        try await engine.load(make())
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
