import InferenceService
import Messages
import Testing
import Vocabulary

@Suite struct HealthServiceTests {
    private let health = HealthService(services: ["a"])

    @Test("S170: check and list say whether the server takes calls, for it as a whole and each service")
    func checkAndList() throws {
        #expect(try health.check(HealthCheckRequest()).status == .notServing)
        health.setServing(true)
        #expect(try health.check(HealthCheckRequest(service: "a")).status == .serving)
        #expect(
            try health.list(HealthListRequest()).statuses == [
                "": HealthCheckResponse(status: .serving), "a": HealthCheckResponse(status: .serving),
            ])
    }

    @Test("S170: checking a service that is not known is NOT_FOUND and names it")
    func unknownService() throws {
        let error = try #require(throws: ServingError.self) {
            try health.check(HealthCheckRequest(service: "apus.Nothing"))
        }
        #expect(error.code == .notFound)
        #expect(error.message.contains("'apus.Nothing'"))
    }

    @Test("S170: more than a hundred services are not listed")
    func tooManyServices() throws {
        let health = HealthService(services: (0..<100).map { "service\($0)" })
        let error = try #require(throws: ServingError.self) { try health.list(HealthListRequest()) }
        #expect(error.code == .resourceExhausted)
        #expect(try HealthService(services: (0..<99).map { "s\($0)" }).list(HealthListRequest()).statuses.count == 100)
    }

    @Test("S170: a watch tells each change as it comes, and ends UNAVAILABLE when the server drains")
    func watch() async throws {
        let (statuses, continuation) = AsyncStream.makeStream(of: HealthTable.Status.self)
        let watch = Task { [health] in
            defer { continuation.finish() }
            try await health.watch(HealthCheckRequest(service: "a")) { continuation.yield($0.status) }
        }
        var told = statuses.makeAsyncIterator()
        #expect(await told.next() == .notServing)
        health.setServing(true)
        #expect(await told.next() == .serving)
        health.setServing(false)
        #expect(await told.next() == .notServing)
        health.endWatches()
        #expect(await told.next() == nil)
        let error = await #expect(throws: ServingError.self) { try await watch.value }
        #expect(error?.code == .unavailable)
    }

    @Test("cancelling ends a watch, whether it waits or has yet to begin", arguments: [true, false])
    func cancellation(waitsFirst: Bool) async throws {
        let (statuses, continuation) = AsyncStream.makeStream(of: HealthTable.Status.self)
        let watch = Task { [health] in
            try await health.watch(HealthCheckRequest()) { continuation.yield($0.status) }
        }
        if waitsFirst {
            var told = statuses.makeAsyncIterator()
            #expect(await told.next() == .notServing)
        }
        watch.cancel()
        await #expect(throws: CancellationError.self) { try await watch.value }
    }

    /// Changes race with watchers that are about to wait: a lost wake-up would leave one waiting for ever.
    @Test("no watcher sleeps through the last change")
    func race() async throws {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { [health] in
                    try? await health.watch(HealthCheckRequest()) { _ in await Task.yield() }
                }
            }
            group.addTask { [health] in
                for index in 0..<1000 {
                    health.setServing(index.isMultiple(of: 2))
                    if index.isMultiple(of: 16) { await Task.yield() }
                }
                health.endWatches()
            }
        }
        #expect(try health.check(HealthCheckRequest()).status == .notServing)
    }
}
