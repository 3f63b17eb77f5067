import KVCache
import Models
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Engine

/// What one tenant's texts leave in the cache, and who finds it: by what was computed, not by how long it took.
@Suite("Engine: prefixes found again")
struct PrefixCacheTests {
    /// Of 33 bytes, one a token, and the model goes on for a while behind it.
    private let opening =
        "abcdefghijklmnopqrstuvwxyz".lazy.map { "once upon a time there was a kin\($0)" }
        .first { !RecurrenceModel.text(after: $0, tokenCountMax: 60).ended } ?? ""

    @Test("a tenant's second text begins behind the first one's pages, and is the same text")
    func hit() async throws {
        let (engine, model) = try await storyEngine()
        let first = try await write(engine, opening, tenant: "acme")
        let second = try await write(engine, opening, tenant: "acme")
        #expect(first.usage.cachedPromptTokenCount == 0)
        // 33 tokens, 4 a page: at least the last one is computed.
        #expect(second.usage.cachedPromptTokenCount == 32)
        #expect(second.text == first.text)
        #expect(second.text == RecurrenceModel.text(after: opening, tokenCountMax: 12).text)
        let counters = try engine.counters(of: selector("story"))
        #expect(counters.promptTokenCount == 66 && counters.cachedTokenCount == 32)
        #expect(counters.cachePageCountUsed == 0 && counters.cachePageCountCached > 8)
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        // The answer is part of the next prompt.
        let third = try await write(engine, opening + first.text.prefix(8), tenant: "acme")
        #expect(third.usage.cachedPromptTokenCount == 40)
        await engine.shutdown()
    }

    /// Goal: nobody can find out, by a hit or its absence, what another tenant has asked.
    @Test(
        "nobody else finds what only one tenant has computed",
        arguments: [
            (Asker("rival"), 0), (Asker("acme", salt: "user-7"), 0), (Asker(nil), 0), (Asker("acme"), 32),
        ])
    func isolation(asker: Asker, cached: Int) async throws {
        let (engine, _) = try await storyEngine()
        _ = try await write(engine, opening, tenant: "acme")
        let whole = try await write(engine, opening, tenant: asker.tenant, salt: asker.salt)
        #expect(whole.usage.cachedPromptTokenCount == cached)
        #expect(try engine.counters(of: selector("story")).cachedTokenCount == UInt64(cached))
        #expect(whole.text == RecurrenceModel.text(after: opening, tokenCountMax: 12).text)
        await engine.shutdown()
    }

    struct Asker: Sendable {
        let tenant: String?
        let salt: String

        init(_ tenant: String?, salt: String = "") {
            self.tenant = tenant
            self.salt = salt
        }
    }

    @Test("a salt narrows a tenant's own pages, and never opens another's, whatever it says")
    func salts() async throws {
        let (engine, _) = try await storyEngine()
        _ = try await write(engine, opening, tenant: "acme", salt: "one")
        #expect(try await write(engine, opening, tenant: "acme", salt: "one").usage.cachedPromptTokenCount == 32)
        for salt in ["", "acme", "acme/one", "one\u{0}", "tenant:acme one"] {
            #expect(try await write(engine, opening, tenant: "rival", salt: salt).usage.cachedPromptTokenCount == 0)
        }
        let long = String(repeating: "x", count: 257)
        let error = await #expect(throws: ServingError.self) {
            try await write(engine, opening, tenant: "acme", salt: long)
        }
        #expect(error?.message == "cache_salt: expected at most 256 bytes, got 257")
        await engine.shutdown()
    }

    @Test("a listed prefix is found by every tenant, up to its last full page, with a salt too")
    func sharedPrefixes() async throws {
        var limits = storyLimits()
        limits.sharedPrefixes = ["never there", "once upon a time"]
        let (engine, _) = try await storyEngine(limits: limits)
        _ = try await write(engine, opening, tenant: "acme")
        #expect(try await write(engine, opening, tenant: "rival").usage.cachedPromptTokenCount == 16)
        #expect(try await write(engine, "once upon the", tenant: "third", salt: "s").usage.cachedPromptTokenCount == 8)
        #expect(try await write(engine, opening, tenant: "acme").usage.cachedPromptTokenCount == 32)
        await engine.shutdown()
    }

    @Test("a listed prefix that the tokenizer cannot cut up stops the load and is named")
    func unwritablePrefix() async throws {
        var limits = storyLimits()
        limits.sharedPrefixes = ["fine", "a~"]
        let error = await #expect(throws: ServingError.self) { try await storyEngine(limits: limits) }
        #expect(error?.message.contains("shared_prefixes[1]: no token writes \"~\"") == true)
    }

    @Test("where the prefix cache is off, nothing is found")
    func off() async throws {
        var limits = storyLimits()
        limits.reusesPrefixes = false
        limits.sharedPrefixes = ["once upon a time"]
        let (engine, _) = try await storyEngine(limits: limits)
        for _ in 0..<2 { #expect(try await write(engine, opening, tenant: "acme").usage.cachedPromptTokenCount == 0) }
        await engine.shutdown()
    }

    @Test(
        "several answers compute their prompt once, whoever asks, with and without a prefix cache",
        arguments: [true, false])
    func answers(reusesPrefixes: Bool) async throws {
        var limits = storyLimits()
        limits.reusesPrefixes = reusesPrefixes
        let (engine, model) = try await storyEngine(limits: limits)
        for tenant in [nil, "acme"] {
            var request = self.request(opening, tenant: tenant, count: 12)
            request.answerCount = 4
            let stream = try await engine.generate(selector("story"), request)
            var texts: [Int: String] = [:]
            while let event = try await stream.next() {
                if case .piece(let piece) = event { texts[piece.answer, default: ""] += piece.text }
            }
            let expected = RecurrenceModel.text(after: opening, tokenCountMax: 12).text
            #expect(texts == Dictionary(uniqueKeysWithValues: (0..<4).map { ($0, expected) }))
            #expect(stream.usage.promptTokenCount == 33)
        }
        #expect(counters(engine)?.promptTokenCount == 8 * 33 && counters(engine)?.cachedTokenCount == 6 * 32)
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test("an embedding computes every token, and is the same beside a cached text")
    func embeddings() async throws {
        let (engine, model) = try await storyEngine()
        let before = try await engine.embed(selector("story"), texts: [opening])
        _ = try await write(engine, opening, tenant: "acme")
        let after = try await engine.embed(selector("story"), texts: [opening])
        #expect(before.vectors == after.vectors && after.usage.cachedPromptTokenCount == 0)
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test("texts that begin alike are right at once, one after the other, and when pages are scarce")
    func company() async throws {
        let (engine, model) = try await storyEngine(pageCount: 24, runningMax: 6, budget: 9)
        try await withThrowingTaskGroup(of: (String, WholeText).self) { group in
            for number in 0..<60 {
                let prompt = opening + ["", " and", " and a queen", " who"][number % 4]
                group.addTask { (prompt, try await write(engine, prompt, tenant: number % 3 == 0 ? "acme" : "rival")) }
            }
            for try await (prompt, whole) in group {
                #expect(whole.text == RecurrenceModel.text(after: prompt, tokenCountMax: 12).text)
            }
        }
        let counters = try engine.counters(of: selector("story"))
        #expect(counters.cachedTokenCount > 0 && counters.cacheEvictionCount > 0 && counters.preemptionCount > 0)
        #expect(counters.cachePageCountUsed == 0)
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        await engine.shutdown()
    }

    @Test("a cancelled text gives its pages back within one step, and what it had computed can be found")
    func cancel() async throws {
        let gate = Gate()
        let (engine, _) = try await storyEngine(gate: gate)
        let stream = try await engine.generate(selector("story"), request(opening, tenant: "acme", count: 150))
        gate.open(3)
        #expect(await eventually { gate.arrivalCount == 4 })
        stream.cancel()
        gate.open()
        // The step at the gate is the last one.
        #expect(await eventually { counters(engine)?.cachePageCountUsed == 0 })
        #expect(gate.arrivalCount == 4 && counters(engine)?.runningSequenceCount == 0)
        gate.open(100)
        #expect(try await write(engine, opening, tenant: "acme").usage.cachedPromptTokenCount == 32)
        await engine.shutdown()
    }

    private func counters(_ engine: Engine) -> ModelCounters? { try? engine.counters(of: selector("story")) }

    private func write(
        _ engine: Engine, _ prompt: String, tenant: String?, salt: String = ""
    ) async throws -> WholeText {
        try await WholeText.read(
            engine.generate(selector("story"), request(prompt, tenant: tenant, salt: salt, count: 12)))
    }

    private func request(
        _ prompt: String, tenant: String?, salt: String = "", count: Int
    ) -> GenerationRequest {
        GenerationRequest(
            prompt: .text(prompt), tokenCountMax: count, tenant: tenant.map { TenantID($0)! }, cacheSalt: salt)
    }
}
