import Models
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("Engine: models come and go")
struct LoadingTests {
    @Test("a model that cannot be warmed up is refused and disturbs nobody")
    func brokenWarmUp() async throws {
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel()))
        let error = await #expect(throws: ServingError.self) {
            try await engine.load(EngineModel(batch: SquareModel("broken", warmUpError: "no weights")))
        }
        #expect(error?.message == "model 'broken' failed to warm up: INTERNAL: no weights")
        #expect(engine.models.map(\.name.name) == ["square"])
        #expect(!engine.isReady(selector("broken")))
        #expect(try await engine.infer(selector("square"), numbers([3])).squares == [9])
        await engine.shutdown()
    }

    @Test("the latest version answers, older ones when they are named")
    func versions() async throws {
        let engine = makeEngine()
        for version in [2, 1] { try await engine.load(EngineModel(batch: SquareModel(version: version))) }
        #expect(try await engine.infer(selector("square"), numbers([3])).version.number == 2)
        #expect(try await engine.infer(selector("square", version: 1), numbers([3])).version.number == 1)
        #expect(engine.versions(of: ModelName("square")!).map(\.number) == [1, 2])
        try await engine.unload(name: ModelName("square")!, version: ModelVersion(2)!)
        #expect(try await engine.infer(selector("square"), numbers([3])).version.number == 1)
        let error = await #expect(throws: ServingError.self) {
            try await engine.unload(name: ModelName("square")!, version: ModelVersion(2)!)
        }
        #expect(error?.code == .notFound)
        await engine.shutdown()
    }

    @Test("requests that wait for a model that is unloaded are answered")
    func unloadAnswers() async throws {
        let engine = makeEngine()
        let gate = Gate()
        try await engine.load(EngineModel(batch: SquareModel(gate: gate)))
        let running = Task { try await engine.infer(selector("square"), numbers([2])) }
        #expect(await eventually { gate.arrivalCount == 1 })
        let waiting = Task { try await engine.infer(selector("square"), numbers([3])) }
        #expect(await eventually { (try? engine.counters(of: selector("square")).queuedRequestCount) == 1 })
        let unloading = Task { try await engine.unload(name: ModelName("square")!, version: ModelVersion(1)!) }
        #expect(await eventually { !engine.isReady(selector("square")) })
        gate.open(2)
        try await unloading.value
        #expect(try await running.value.squares == [4])
        // Whether its turn came before the unloading is a race; that it is answered is not.
        switch await waiting.result {
        case .success(let answer): #expect(answer.squares == [9])
        case .failure(let error): #expect((error as? ServingError)?.code == .unavailable)
        }
        await engine.shutdown()
    }

    @Test("two busy models share the engine, whatever their steps cost")
    func sharing() async throws {
        let clock = ManualClock()
        let engine = makeEngine(clock: clock)
        let gate = Gate()
        try await engine.load(EngineModel(batch: SquareModel("a", batchSizeMax: 1, gate: gate)))
        try await engine.load(EngineModel(batch: SquareModel("b", batchSizeMax: 1, gate: gate)))
        let blocker = Task { try await engine.infer(selector("a"), numbers([0])) }
        #expect(await eventually { gate.arrivalCount == 1 })
        let tasks = ["a", "a", "a", "a", "b", "b"].map { name in
            Task { try await engine.infer(selector(name), numbers([1])) }
        }
        #expect(
            await eventually {
                (try? engine.counters(of: selector("a")).queuedRequestCount) == 4
                    && (try? engine.counters(of: selector("b")).queuedRequestCount) == 2
            })
        // Every step takes 10. The first was for one model alone; from then on they take turns, though one has more to
        // do.
        for step in 1...5 {
            clock.advance(byNanoseconds: 10)
            gate.open()
            #expect(await eventually { gate.arrivalCount == step + 1 })
        }
        #expect(try engine.counters(of: selector("a")).executionCount == 3)
        #expect(try engine.counters(of: selector("b")).executionCount == 2)
        gate.open(2)
        _ = try await blocker.value
        for task in tasks { _ = try await task.value }
        await engine.shutdown()
    }
}
