import Testing
import Vocabulary

@testable import Engine

@Suite("Who waits for which model")
struct AwakeningsTests {
    private let key = Awakenings.Key(name: ModelName("m")!, version: ModelVersion(1)!)
    private let acme = TenantID("acme")!
    private let other = TenantID("other")!
    private let start = MonotonicTime(nanoseconds: 1)
    private let full = ServingError(.resourceExhausted, "full", label: "memory_exhausted")
    private let broken = ServingError(.failedPrecondition, "broken", label: "load_failed")

    private func word(_ decision: Awakenings.Decision) -> String {
        switch decision {
        case .begin: "begin"
        case .wait: "wait"
        case .refuse(let error): error.message
        }
    }

    private func word(_ answer: Awakenings.Answer) -> String {
        switch answer {
        case .ended(.success): "there"
        case .ended(.failure(let error)): error.message
        case .askAgain: "again"
        }
    }

    private func join(_ table: inout Awakenings, _ tenant: TenantID?, at time: MonotonicTime) -> String {
        word(table.join(key, Awakenings.Waiter(for: tenant), at: time))
    }

    @Test("the first who asks has it brought back, all others wait for that, and the next one begins anew")
    func shares() {
        var table = Awakenings()
        #expect(join(&table, acme, at: start) == "begin")
        #expect(join(&table, other, at: start) == "wait")
        let told = table.end(key, for: acme, .success(()), at: start)
        #expect(told.map { word($0.answer) } == ["there", "there"])
        #expect(join(&table, acme, at: start) == "begin")
    }

    @Test("who leaves is not told, and the attempt goes on without anybody")
    func leaving() {
        var table = Awakenings()
        let waiter = Awakenings.Waiter(for: acme)
        #expect(word(table.join(key, waiter, at: start)) == "begin")
        table.leave(key, waiter)
        #expect(join(&table, acme, at: start) == "wait")
        #expect(table.end(key, for: acme, .success(()), at: start).count == 1)
    }

    @Test("a failure is everybody's for a while, and past when the model has been loaded")
    func failure() {
        var table = Awakenings()
        for tenant in [acme, other] { _ = join(&table, tenant, at: start) }
        #expect(table.end(key, for: acme, .failure(broken), at: start).map { word($0.answer) } == ["broken", "broken"])
        #expect(join(&table, other, at: start) == "broken")
        let end = start.advanced(byNanoseconds: Awakenings.failureNanoseconds)
        #expect(join(&table, other, at: end) == "begin")
        _ = table.end(key, for: other, .failure(broken), at: end)
        table.forget(key)
        #expect(join(&table, other, at: end) == "begin")
    }

    @Test("without memory only the tenant is refused for whom there is none: the others ask for themselves")
    func shortage() {
        var table = Awakenings()
        for tenant in [acme, other, acme] { _ = join(&table, tenant, at: start) }
        let told = table.end(key, for: acme, .failure(full), at: start)
        #expect(told.map { word($0.answer) } == ["full", "again", "full"])
        #expect(join(&table, acme, at: start) == "full")
        #expect(join(&table, other, at: start) == "begin")
        #expect(join(&table, acme, at: start.advanced(byNanoseconds: Awakenings.shortageNanoseconds)) == "wait")
    }
}
