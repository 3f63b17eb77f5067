package import ApusClient
import EventLoops
import RPCTransport

extension LoadRun {
    /// Runs a load against a server, on a thread and connections of its own.
    ///
    /// `progress` is told once a second, on that thread.
    ///
    /// - Throws: `ApusError` FAILED_PRECONDITION for certificates that cannot be used, RESOURCE_EXHAUSTED when the
    ///   process is out of threads or descriptors. A server that cannot be reached is a result, not an error.
    package static func measure(
        _ plan: LoadPlan, _ workload: Workload, _ client: ApusClientConfiguration,
        progress: @escaping @Sendable (LoadProgress) -> Void
    ) async throws(ApusError) -> Result {
        do {
            let loops = try EventLoopGroup(name: "apus-bench", loopCount: 1)
            defer { loops.stop() }
            let channel = try client.channel(loops: loops, connectionCount: plan.connectionCount)
            let run = LoadRun(plan, workload, channel: channel, loop: loops.loops[0], progress: progress)
            let result = try await run.run()
            await channel.close()
            return result
        } catch let error as ApusError {
            throw error
        } catch {
            throw ApusError(.resourceExhausted, "\(error)")
        }
    }
}
