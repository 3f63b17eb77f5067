import ApusClient
import EventLoops
import RPCTransport
import Synchronization
import Vocabulary

/// Carries out a scenario: the loads of all tenants for the same time, each tenant over connections of its own.
package enum ScenarioRun {
    /// How far ahead the loads are told to begin, so that the last of them is ready.
    private static let leadNanoseconds: UInt64 = 50_000_000

    /// Runs a scenario to its end; when the task is cancelled, until now.
    ///
    /// `progress` is told once a second, on one of the threads.
    ///
    /// - Parameters:
    ///   - scenario: what to do.
    ///   - workloads: by tenant and load.
    ///   - progress: what to say on the way, of all loads together.
    /// - Returns: what was measured.
    /// - Throws: `ApusError` FAILED_PRECONDITION for certificates that cannot be used, RESOURCE_EXHAUSTED when the
    ///   process is out of threads or descriptors. A server that cannot be reached is a result, not an error.
    package static func measure(
        _ scenario: Scenario, _ workloads: [[Workload]], progress: @escaping @Sendable (LoadProgress) -> Void
    ) async throws -> ScenarioMeasurement {
        var groups: [EventLoopGroup] = []
        defer { for group in groups { group.stop() } }
        do {
            for index in 0..<scenario.threadCount {
                groups.append(try EventLoopGroup(name: "apus-bench-\(index)", loopCount: 1))
            }
        } catch {
            throw ApusError(.resourceExhausted, "\(error)")
        }
        let clock = SystemClock()
        let start = clock.now().advanced(byNanoseconds: leadNanoseconds)
        let processorStart = GeneratorFacts.processorSeconds()
        let board = ProgressBoard(loadCount: scenario.tenants.reduce(0) { $0 + $1.loads.count }, progress)
        var channels: [RPCChannel] = []
        var runs: [[LoadRun]] = []
        for (index, tenant) in scenario.tenants.enumerated() {
            let group = groups[index % groups.count]
            let channel = try tenant.client.channel(loops: group, connectionCount: tenant.connectionCount)
            channels.append(channel)
            runs.append(
                zip(tenant.loads, workloads[index]).map { load, workload in
                    let place = board.place()
                    return LoadRun(
                        load.plan, workload, channel: channel, loop: group.loops[0], clock: clock, start: start
                    ) { board.report($0, at: place) }
                })
        }
        let results = await results(of: runs)
        let seconds = Double(clock.now().nanoseconds(since: start)) / 1e9
        let processorSeconds = GeneratorFacts.processorSeconds() - processorStart
        for channel in channels { await channel.close() }
        return ScenarioMeasurement(
            scenario: scenario, workloads: workloads, results: try results.get(),
            coresBusy: seconds > 0 ? processorSeconds / seconds : 0)
    }

    /// How one load went, and whose it was.
    ///
    /// A structure: of nested tuples that come out of a task group, Swift 6.3 in release mode reads the wrong places.
    private struct Outcome: Sendable {
        let tenant: Int
        let load: Int
        let result: Swift.Result<LoadRun.Result, EventLoopError>

        init(of run: LoadRun, tenant: Int, load: Int) async {
            self.tenant = tenant
            self.load = load
            do throws(EventLoopError) {
                result = .success(try await run.run())
            } catch {
                result = .failure(error)
            }
        }
    }

    /// Runs all at once.
    private static func results(of runs: [[LoadRun]]) async -> Swift.Result<[[LoadRun.Result]], ApusError> {
        await withTaskGroup(of: Outcome.self) { group in
            for (tenant, loads) in runs.enumerated() {
                for (load, run) in loads.enumerated() {
                    group.addTask { await Outcome(of: run, tenant: tenant, load: load) }
                }
            }
            var results: [[LoadRun.Result?]] = runs.map { Array(repeating: nil, count: $0.count) }
            var failure: ApusError?
            for await outcome in group {
                switch outcome.result {
                case .success(let result): results[outcome.tenant][outcome.load] = result
                case .failure(let error):
                    failure = ApusError(.resourceExhausted, "\(error)")
                    group.cancelAll()
                }
            }
            if let failure { return .failure(failure) }
            return .success(results.map { $0.compactMap(\.self) })
        }
    }
}

/// Adds up what several loads say of their progress, which come at about the same time.
private final class ProgressBoard: Sendable {
    private struct State {
        var latest: [LoadProgress?]
        var placeCount = 0
    }

    private let state: Mutex<State>
    private let progress: @Sendable (LoadProgress) -> Void

    init(loadCount: Int, _ progress: @escaping @Sendable (LoadProgress) -> Void) {
        state = Mutex(State(latest: Array(repeating: nil, count: loadCount)))
        self.progress = progress
    }

    /// A place for one more load.
    func place() -> Int {
        state.withLock { state in
            state.placeCount += 1
            return state.placeCount - 1
        }
    }

    /// The load in the last place speaks for all.
    func report(_ latest: LoadProgress, at place: Int) {
        let sum: LoadProgress? = state.withLock { state in
            state.latest[place] = latest
            guard place == state.latest.count - 1 else { return nil }
            var sum = latest
            for other in state.latest.dropLast().compactMap(\.self) {
                sum.callsPerSecond += other.callsPerSecond
                sum.tokensPerSecond += other.tokensPerSecond
                sum.callCount += other.callCount
                sum.failedCount += other.failedCount
            }
            // Percentiles of loads that differ cannot be added up.
            if state.latest.count > 1 { sum.latency = nil }
            return sum
        }
        if let sum { progress(sum) }
    }
}
