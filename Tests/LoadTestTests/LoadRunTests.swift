import ApusClient
import EventLoops
import Messages
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@testable import LoadTest

/// Whole loads, over loopback sockets: what is counted must be what the server saw.
@Suite("LoadRun", .timeLimit(.minutes(10)))
struct LoadRunTests {
    /// Long enough that even a busy machine answers a few calls in it.
    private static let nanoseconds: UInt64 = 1_000_000_000
    private static let plans: [LoadPlan.Load] = [.closed(callerCount: 4), .open(callsPerSecond: 2000, seed: 1)]

    @Test("every call is counted once, as answered or by its code", arguments: plans)
    func counts(load: LoadPlan.Load) async throws {
        let seen = Mutex(0)
        var methods = MethodTable()
        methods.register(unary: GraphMethods.predict.path) { _, _ in
            let number = seen.withLock { seen in
                seen += 1
                return seen
            }
            if number.isMultiple(of: 5) { throw ServingError(.resourceExhausted, "full") }
            return PredictResponse().encoded()
        }
        try await withServer(methods) { configuration in
            let result = try await LoadRun.measure(
                plan(load), .graph(model: "g", version: nil, nodes: [1]), configuration
            ) { _ in }
            let statistics = result.statistics
            let seen = seen.withLock { $0 }
            // Enough for one failure; how many more there are is a matter of the machine's speed.
            #expect(seen >= 5)
            #expect(statistics.endedCount == UInt64(seen))
            #expect(statistics.failures.keys.sorted { $0.rawValue < $1.rawValue } == [.resourceExhausted])
            #expect(statistics.failures[.resourceExhausted]?.count == UInt64(seen / 5))
            #expect(statistics.failures[.resourceExhausted]?.firstMessage == "full")
            #expect(statistics.answeredCount == UInt64(seen - seen / 5))
            #expect(statistics.latency.count == statistics.answeredCount)
            #expect(result.measuredNanoseconds == Self.nanoseconds)
        }
    }

    @Test("tokens of a text are counted, the first apart from the rest")
    func tokens() async throws {
        let seen = Mutex<UInt64>(0)
        var methods = MethodTable()
        methods.register(serverStream: TextMethods.generate.path) { _, _, writer in
            seen.withLock { $0 += 1 }
            for token in 1...5 as ClosedRange<UInt32> {
                try await writer.write(GenerateResponse(text: "a", tokens: [token, token]).encoded())
            }
            try await writer.write(GenerateResponse(finishReason: .maxTokens, usage: Usage()).encoded())
        }
        try await withServer(methods) { configuration in
            let workload = try Workload.text(
                model: "t", version: nil, prompts: ["a", "b"], settings: GenerationSettings())
            let statistics = try await LoadRun.measure(plan(.closed(callerCount: 2)), workload, configuration) { _ in }
                .statistics
            let seen = seen.withLock { $0 }
            #expect(statistics.answeredCount == seen)
            #expect(statistics.firstToken.count == seen)
            #expect(statistics.betweenTokens.count == 8 * seen)
        }
    }

    @Test("a server that is not there is a result, not the end of the load", arguments: plans)
    func noServer(load: LoadPlan.Load) async throws {
        // Port 1 is reserved and nobody listens there.
        let configuration = ApusClientConfiguration(host: "127.0.0.1", port: 1, security: .plaintext)
        let result = try await LoadRun.measure(
            plan(load), .graph(model: "g", version: nil, nodes: []), configuration
        ) { _ in }
        #expect(result.statistics.answeredCount == 0)
        #expect(result.statistics.failedCount > 1)
        #expect(result.statistics.failures.keys.allSatisfy { $0 == .unavailable })
        #expect((result.standstillNanoseconds > Self.nanoseconds / 2) == !load.isOpen)
    }

    @Test("a cancelled load ends with what it has, though calls hang")
    func cancel() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        var methods = MethodTable()
        methods.register(unary: GraphMethods.predict.path) { _, _ in
            arrived.yield()
            // Until the client cancels the call.
            try await Task.sleep(for: .seconds(3600))
            return Bytes()
        }
        try await withServer(methods) { configuration in
            let plan = try LoadPlan(
                .closed(callerCount: 3), warmupNanoseconds: 0, durationNanoseconds: 3_600_000_000_000,
                timeoutNanoseconds: 3_600_000_000_000, connectionCount: 2)
            let task = Task {
                try await LoadRun.measure(plan, .graph(model: "g", version: nil, nodes: []), configuration) { _ in }
            }
            var count = 0
            for await _ in arrivals {
                count += 1
                if count == 3 { break }
            }
            task.cancel()
            let statistics = try await task.value.statistics
            #expect(statistics.endedCount == 0)
        }
    }

    private func plan(_ load: LoadPlan.Load) throws -> LoadPlan {
        try LoadPlan(
            load, warmupNanoseconds: 0, durationNanoseconds: Self.nanoseconds, timeoutNanoseconds: 30_000_000_000,
            connectionCount: 2)
    }

    private func withServer(
        _ methods: MethodTable, _ body: (ApusClientConfiguration) async throws -> Void
    ) async throws {
        let loops = try EventLoopGroup(name: "server", loopCount: 1)
        let server = try await RPCServer(
            configuration: RPCServerConfiguration(), methods: methods, loops: loops)
        let configuration = ApusClientConfiguration(
            host: "127.0.0.1", port: server.address.port, security: .plaintext)
        let result: Result<Void, any Error>
        do { result = .success(try await body(configuration)) } catch { result = .failure(error) }
        await server.drain(deadline: Deadline(SystemClock().now()))
        loops.stop()
        try result.get()
    }
}
