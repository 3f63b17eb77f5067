import Compute
import Foundation
import Models
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("A repository with more models than memory")
struct RepositoryMemoryTests {
    private let digits = ModelName("digits")!
    private let karate = ModelName("karate")!
    private let one = ModelVersion(1)!

    /// A repository with digits and karate, of which the memory holds one.
    private func repository(
        _ folder: Repository, _ engine: Engine, byteCountMax: Int? = nil, floors: [TenantID: Int] = [:]
    ) throws -> LiveRepository {
        for name in ["digits", "karate"] where !FileManager.default.fileExists(atPath: "\(folder.path)/\(name)") {
            try FileManager.default.copyItem(atPath: "\(ExampleModels.path)/\(name)", toPath: "\(folder.path)/\(name)")
        }
        return LiveRepository(
            paths: [folder.path], control: .poll, engine: engine,
            governor: { byteCountMax.map { MemoryGovernor(byteCountMax: $0, floors: floors) } })
    }

    private func sizes() async throws -> [Int] {
        let engine = makeEngine()
        let folder = try Repository()
        let repository = try repository(folder, engine)
        #expect(await repository.start() == [])
        let sizes = engine.residents.map(\.byteCount)
        await engine.shutdown()
        return sizes
    }

    private func ask(_ engine: Engine, _ name: String, tenant: TenantID? = nil) async throws {
        let input =
            name == "digits"
            ? try InferenceInput(tensors: [
                NamedTensor("image", Tensor([Float](repeating: 0, count: 784), shape: [1, 1, 28, 28]))
            ])
            : try InferenceInput(tensors: [NamedTensor("nodes", Tensor([Int64(0)], shape: [1]))])
        _ = try await engine.infer(selector(name), input, share: TenantShare(tenant: tenant))
    }

    @Test("all are served: each call brings its model back, and the one called longest ago goes")
    func takeTurns() async throws {
        let sizes = try await sizes()
        #expect(sizes.count == 2 && sizes.allSatisfy { $0 > 1000 }, "\(sizes)")
        let engine = makeEngine()
        let folder = try Repository()
        let repository = try repository(folder, engine, byteCountMax: sizes.max()!)
        #expect(await repository.start() == [])
        #expect(engine.models.map(\.name) == [digits, karate])
        #expect(engine.residents.map(\.name) == [karate], "the last one that was read")
        for name in ["digits", "karate", "digits"] {
            try await ask(engine, name)
            #expect(engine.residents.map(\.name.name) == [name])
        }
        #expect(await repository.entries.map(\.state) == [.ready, .ready])
        // A new version of one that rests is read, and counts as called by nobody.
        try FileManager.default.copyItem(atPath: "\(folder.path)/karate/1", toPath: "\(folder.path)/karate/2")
        await repository.poll()
        await repository.poll()
        #expect(engine.versions(of: karate).map(\.number) == [2])
        try await ask(engine, "digits")
        try await ask(engine, "karate")
        #expect(engine.residents.map(\.version.number) == [2])
        await engine.shutdown()
    }

    @Test("a tenant's floor keeps its model; the other tenant is told that there is no memory")
    func floors() async throws {
        let sizes = try await sizes()
        let engine = makeEngine()
        let acme = TenantID("acme")!
        let folder = try Repository()
        let repository = try repository(
            folder, engine, byteCountMax: sizes.max()!, floors: [acme: sizes.max()!])
        #expect(await repository.start() == [])
        try await ask(engine, "digits", tenant: acme)
        let error = await #expect(throws: ServingError.self) {
            try await ask(engine, "karate", tenant: TenantID("other")!)
        }
        #expect(error?.code == .resourceExhausted && error?.label == "memory_exhausted" && error?.retryAdvice != nil)
        #expect(engine.residents.map(\.name) == [digits])
        try await ask(engine, "karate", tenant: acme)
        #expect(engine.residents.map(\.name) == [karate])
        await engine.shutdown()
    }

    @Test("a version that takes more than was thought is refused before anything changes, and tried again")
    func underestimated() async throws {
        let engine = makeEngine()
        let folder = try Repository()
        try FileManager.default.copyItem(
            atPath: "\(ExampleModels.path)/storyteller", toPath: "\(folder.path)/storyteller")
        func configure(_ cache: String) throws {
            // So many sequences that the cache is not cut to what they could fill.
            try folder.add(
                "storyteller",
                """
                platform: text
                weights: f32
                text: {cache_memory: \(cache), max_running_sequences: 2048, step_token_budget: 2048}
                """, versions: [])
        }
        let limit = Mutex(64 << 20)
        let repository = LiveRepository(
            paths: [folder.path], control: .poll, engine: engine,
            governor: { MemoryGovernor(byteCountMax: limit.withLock { $0 }) })
        try configure("1MiB")
        #expect(await repository.start() == [])
        // Its cache is larger than all memory, which only reading it tells.
        try configure("100MiB")
        for _ in 0..<2 { await repository.poll() }
        let entry = try #require(await repository.entries.first)
        #expect(entry.state == .ready && entry.reason.contains("memory.limit"), "\(entry)")
        let storyteller = selector("storyteller")
        #expect(engine.isReady(storyteller) && !engine.isResting(storyteller.name, one), "the old one still answers")
        #expect(try engine.terms(of: storyteller).cacheByteCount ?? .max <= 1 << 20)
        await repository.poll()
        #expect(try engine.terms(of: storyteller).cacheByteCount ?? .max <= 1 << 20)
        limit.withLock { $0 = 256 << 20 }
        await repository.poll()
        #expect(try engine.terms(of: storyteller).cacheByteCount ?? 0 > 90 << 20)
        #expect(await repository.entries.map(\.reason) == [""])
        await engine.shutdown()
    }

    @Test("who asks for a model that there is no memory for is told so")
    func explicit() async throws {
        let engine = makeEngine()
        let folder = try Repository()
        try FileManager.default.copyItem(atPath: "\(ExampleModels.path)/digits", toPath: "\(folder.path)/digits")
        let repository = LiveRepository(
            paths: [folder.path], control: .explicit, engine: engine, governor: { MemoryGovernor(byteCountMax: 1000) })
        #expect(await repository.start() == [])
        let error = await #expect(throws: ServingError.self) { try await repository.load(digits) }
        #expect(error?.code == .resourceExhausted && error?.retryAdvice == .never, "it never fits")
        #expect(await repository.entries.map(\.state) == [.unavailable])
        await engine.shutdown()
    }

    @Test("a model that is larger than all memory is not served, and says why")
    func tooLarge() async throws {
        let sizes = try await sizes()
        let engine = makeEngine()
        let folder = try Repository()
        let repository = try repository(folder, engine, byteCountMax: sizes.min()!)
        let problems = await repository.start()
        #expect(problems.count == 1 && problems[0].contains("memory.limit"), "\(problems)")
        #expect(engine.models.count == 1)
        await engine.shutdown()
    }
}
