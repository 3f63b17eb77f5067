extension EventLoop {
    /// Runs `body` on the loop and comes back with its result; on the loop already, it runs at once.
    ///
    /// Cancelling the caller cancels `body`.
    ///
    /// Why a task of its own and not `withTaskExecutorPreference`: that only prefers, and a body that never suspends
    /// would run where its caller is.
    package func run<Result: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        if isCurrent { return try await body() }
        let task = Task(executorPreference: self) { () async -> Outcome<Result, Failure> in
            do throws(Failure) {
                return .returned(try await body())
            } catch {
                return .threw(error)
            }
        }
        let outcome = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        switch outcome {
        case .returned(let result): return result
        case .threw(let error): throw error
        }
    }
}

/// What became of a body; carries its error's type through a task.
private enum Outcome<Success: Sendable, Failure: Error>: Sendable {
    case returned(Success)
    case threw(Failure)
}
