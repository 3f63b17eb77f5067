import Foundation
import Models
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("LiveRepository")
struct LiveRepositoryTests {
    private let name = ModelName("m")!

    private func repository(
        _ folder: Repository, _ engine: Engine, _ control: LiveRepository.Control, wanted: Set<ModelName>? = nil,
        _ events: EventLog = EventLog()
    ) -> LiveRepository {
        LiveRepository(paths: [folder.path], wanted: wanted, control: control, engine: engine) { events.append($0) }
    }

    private func states(_ repository: LiveRepository) async -> [String] {
        await repository.entries.map { "\($0.name) \($0.version.map(\.description) ?? "") \($0.state.rawValue)" }
    }

    @Test("what lies there is served from the start, by the policy of each model, and what is wrong is told")
    func start() async throws {
        let folder = try Repository()
        try folder.add("m", "platform: identity\nversions: {latest: 2}\n", versions: ["1", "2", "3"])
        try folder.add("all", "platform: identity\nversions: all\n", versions: ["1", "7"])
        try folder.add("listed", "platform: identity\nversions: [2]\n", versions: ["1"])
        try folder.add("typo", "platform: identity\nversion: all\n")
        try folder.add("noversion", "platform: identity\n", versions: [])
        let engine = makeEngine()
        let repository = repository(folder, engine, .none)
        let problems = await repository.start().sorted()
        #expect(problems.count == 3, "\(problems)")
        for (problem, words) in zip(problems, ["listed/2: no such folder", "noversion: has no version", "typo"]) {
            #expect(problem.contains(words), "\(problem)")
        }
        #expect(engine.versions(of: name).map(\.number) == [2, 3])
        #expect(engine.versions(of: ModelName("all")!).map(\.number) == [1, 7])
        #expect(!engine.isReady(selector("listed")))
        let error = await #expect(throws: ServingError.self) { try await repository.load(name) }
        #expect(error?.code == .failedPrecondition)
        #expect(error?.message.hasPrefix("explicit model load / unload is not allowed") == true)
        await engine.shutdown()
    }

    @Test("polled: new versions and models come, old ones go, and a broken one leaves what was there")
    func poll() async throws {
        let folder = try Repository()
        try folder.add("m", "platform: identity\n", versions: ["1"])
        let engine = makeEngine()
        let events = EventLog()
        let repository = repository(folder, engine, .poll, events)
        #expect(await repository.start() == [])
        try folder.add("m", "platform: identity\n", versions: ["2"])
        try folder.add("new", "platform: identity\n", versions: ["1"])
        await repository.poll()
        #expect(engine.versions(of: name).map(\.number) == [1])
        await repository.poll()
        #expect(engine.versions(of: name).map(\.number) == [2])
        #expect(engine.isReady(selector("new")))
        // A model of graphs needs files, which are not there.
        try folder.add("m", "platform: graph\n", versions: ["3"])
        await repository.poll()
        await repository.poll()
        #expect(engine.versions(of: name).map(\.number) == [2])
        #expect(try await engine.infer(selector("m"), numbers([1])).version.number == 2)
        #expect(await states(repository) == ["m 1 UNAVAILABLE", "m 2 READY", "m 3 UNAVAILABLE", "new 1 READY"])
        #expect(await repository.entries[2].detail.contains("graph.json"))
        #expect(await !repository.entries[2].reason.contains(folder.path), "paths of the server are not for callers")
        #expect(events.failures.count == 1, "told once, not at every look: \(events.failures)")
        await repository.poll()
        #expect(events.failures.count == 1)
        try folder.remove("new")
        try folder.add("m", "platform: identity\n", versions: [])
        await repository.poll()
        await repository.poll()
        #expect(engine.versions(of: name).map(\.number) == [3])
        #expect(!engine.isReady(selector("new")))
        await engine.shutdown()
    }

    /// A link that leads to itself stands for a disk that does not answer: something is there, and nobody can read it.
    @Test("a repository, or a model, that cannot be read stays as it was, and is told once", arguments: ["", "/m"])
    func unreadable(part: String) async throws {
        let folder = try Repository()
        try folder.add("m", "platform: identity\n", versions: ["1"])
        let engine = makeEngine()
        let events = EventLog()
        let repository = repository(folder, engine, .poll, events)
        #expect(await repository.start() == [])
        let (path, away) = (folder.path + part, folder.path + ".away")
        defer { try? FileManager.default.removeItem(atPath: away) }
        try FileManager.default.moveItem(atPath: path, toPath: away)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
        for _ in 0..<3 { await repository.poll() }
        #expect(engine.versions(of: name).map(\.number) == [1])
        #expect(events.problems.count == 1 && events.problems[0].contains("cannot be read"), "\(events.problems)")
        #expect(await states(repository) == ["m 1 READY"])
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: away, toPath: path)
        for _ in 0..<2 { await repository.poll() }
        #expect(events.loadCount == 1, "it was never gone")
        try FileManager.default.removeItem(atPath: path)
        for _ in 0..<2 { await repository.poll() }
        #expect(engine.versions(of: name).isEmpty, "one that is not there is gone")
        await engine.shutdown()
    }

    @Test("a model that cannot be read is not loaded for who asks for it, and what is served stays")
    func unreadableLoad() async throws {
        let folder = try Repository()
        try folder.add("m", "platform: identity\n", versions: ["1"])
        let engine = makeEngine()
        let repository = repository(folder, engine, .explicit)
        #expect(await repository.start() == [])
        try await repository.load(name)
        try folder.remove("m")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/m", withDestinationPath: "\(folder.path)/m")
        let error = await #expect(throws: ServingError.self) { try await repository.load(name) }
        #expect(error?.code == .unavailable && error?.message.contains(folder.path) == false)
        #expect(engine.isReady(selector("m")))
        await engine.shutdown()
    }

    @Test("explicit: callers load and unload; a model that cannot be loaded says why, and what was served still is")
    func explicit() async throws {
        let folder = try Repository()
        try folder.add("m", "platform: identity\n", versions: ["1"])
        try folder.add("other", "platform: identity\n", versions: ["1"])
        let engine = makeEngine()
        let repository = repository(folder, engine, .explicit, wanted: [ModelName("other")!, ModelName("none")!])
        #expect(await repository.start() == ["models: no repository has a model \"none\""])
        #expect(!engine.isReady(selector("m")) && engine.isReady(selector("other")))
        try await repository.load(name)
        #expect(engine.isReady(selector("m")))
        try folder.add("m", "platform: graph\n", versions: ["2"])
        let error = await #expect(throws: ServingError.self) { try await repository.load(name) }
        #expect(error?.message.hasPrefix("failed to load 'm', ") == true, "\(error?.message ?? "")")
        #expect(engine.versions(of: name).map(\.number) == [1])
        let unknown = await #expect(throws: ServingError.self) { try await repository.load(ModelName("none")!) }
        #expect(unknown?.message == "failed to load 'none', failed to poll from model repository")
        #expect(unknown?.code == .notFound)
        try await repository.unload(name)
        #expect(!engine.isReady(selector("m")))
        try await repository.unload(name)
        await #expect(throws: ServingError.self) { try await repository.unload(ModelName("none")!) }
        await engine.shutdown()
    }

    @Test("loads and unloads that come together are done one after the other")
    func turns() async throws {
        let folder = try Repository()
        let names = (0..<6).map { "m\($0)" }
        for name in names { try folder.add(name, "platform: identity\n", versions: ["1"]) }
        let engine = makeEngine()
        let repository = repository(folder, engine, .explicit)
        #expect(await repository.start() == [])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in names {
                group.addTask {
                    for _ in 0..<5 {
                        try await repository.load(ModelName(name)!)
                        try await repository.unload(ModelName(name)!)
                    }
                    try await repository.load(ModelName(name)!)
                }
            }
            try await group.waitForAll()
        }
        #expect(engine.models.map(\.name.name) == names)
        await engine.shutdown()
    }

    @Test("an alias leads to its model, to the version that it names, and only to one model")
    func aliases() async throws {
        let folder = try Repository()
        let settings = "platform: identity\nversions: all\naliases: {next: latest, stable: 1}\n"
        try folder.add("m", settings, versions: ["1", "2"])
        try folder.add("thief", "platform: identity\naliases: {stable: latest}\n", versions: ["1"])
        try folder.add("zoo", "platform: identity\naliases: {m: latest}\n", versions: ["1"])
        let engine = makeEngine()
        let repository = repository(folder, engine, .none)
        let problems = await repository.start()
        #expect(problems.count == 2, "\(problems)")
        #expect(problems.contains { $0.contains("alias 'stable' of model 'thief' leads to model 'm' already") })
        #expect(problems.contains { $0.contains("alias 'm' of model 'zoo' leads to model 'm' already") })
        let input = try numbers([1])
        #expect(try await engine.infer(selector("next"), input).version.number == 2)
        #expect(try await engine.infer(selector("stable"), input).version.number == 1)
        #expect(engine.immediateInference(selector("stable")) != nil)
        #expect(engine.versions(of: ModelName("stable")!).map(\.number) == [1])
        #expect(engine.models.map(\.name.name) == ["m", "m"])
        try await engine.unload(name: name, version: ModelVersion(1)!)
        #expect(!engine.isReady(selector("stable")) && engine.isReady(selector("next")))
        try await engine.unload(name: name, version: ModelVersion(2)!)
        #expect(engine.immediateInference(selector("next")) == nil && !engine.isReady(selector("next")))
        await engine.shutdown()
    }

    @Test("warm-up requests are answered before the model is there, and counted nowhere")
    func warmUp() async throws {
        let folder = try Repository()
        try FileManager.default.copyItem(atPath: ExampleModels.path + "/digits", toPath: folder.path + "/digits")
        try FileManager.default.copyItem(
            atPath: ExampleModels.path + "/storyteller", toPath: folder.path + "/storyteller")
        try folder.append("digits", "warm_up: [{batch_size: 4, count: 2}]\n")
        try folder.append("storyteller", "warm_up: [{text: Hello, max_tokens: 3}]\n")
        let engine = makeEngine()
        #expect(await repository(folder, engine, .none).start() == [])
        for name in ["digits", "storyteller"] {
            let counters = try engine.counters(of: selector(name))
            #expect(counters.requestCount == 0 && counters.executionCount == 0 && counters.isIdle)
        }
        #expect(try engine.counters(of: selector("storyteller")).cachePageCountTotal > 0)
        await engine.shutdown()
    }

    @Test("a model that cannot answer its warm-up is not served")
    func failedWarmUp() async throws {
        let folder = try Repository()
        try FileManager.default.copyItem(atPath: ExampleModels.path + "/digits", toPath: folder.path + "/digits")
        try folder.append("digits", "warm_up: [{batch_size: 4000}]\n")
        let engine = makeEngine()
        let problems = await repository(folder, engine, .none).start()
        #expect(problems.count == 1 && problems[0].contains("batch-size must be <="), "\(problems)")
        #expect(engine.models.isEmpty)
        await engine.shutdown()
    }

    @Test("requests that a model has when it is unloaded are answered by it")
    func unloadsGently() async throws {
        let engine = makeEngine()
        let gate = Gate()
        try await engine.load(EngineModel(batch: SquareModel(batchSizeMax: 1, gate: gate)))
        let requests = (1...3).map { number in
            Task { try await engine.infer(selector("square"), numbers([Float(number)])).squares }
        }
        #expect(await eventually { gate.arrivalCount == 1 })
        #expect(await eventually { (try? engine.counters(of: selector("square")).queuedRequestCount) == 2 })
        let unloading = Task { try await engine.unload(name: ModelName("square")!, version: ModelVersion(1)!) }
        #expect(await eventually { !engine.isReady(selector("square")) })
        gate.open(3)
        for (number, request) in zip(1...3, requests) { #expect(try await request.value == [Float(number * number)]) }
        try await unloading.value
        await engine.shutdown()
    }
}

/// What a repository told.
private final class EventLog: Sendable {
    private let events = Mutex<[RepositoryEvent]>([])

    func append(_ event: RepositoryEvent) { events.withLock { $0.append(event) } }

    var problems: [String] {
        events.withLock { $0 }.compactMap { event in
            if case .problem(let problem) = event { return problem }
            return nil
        }
    }

    var loadCount: Int {
        events.withLock { $0 }.count { event in
            if case .loaded = event { return true }
            return false
        }
    }

    /// Why versions could not be loaded.
    var failures: [String] {
        events.withLock { $0 }.compactMap { event in
            if case .failed(_, _, let reason, true) = event { return reason }
            return nil
        }
    }
}
