extension EventLoop {
    /// Runs `body` on the loop and comes back with its result; on the loop already, it runs at once.
    package func run<Result: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        if isCurrent { return try await body() }
        return try await hop(body)
    }

    /// Concurrent, so that the caller's actor, if it has one, does not keep `body` on its own executor.
    @concurrent
    private func hop<Result: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        try await withTaskExecutorPreference(self) { () async throws(Failure) -> Result in
            try await body()
        }
    }
}
