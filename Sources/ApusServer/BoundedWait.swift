/// Waiting for tasks that should end, and may not.
enum BoundedWait {
    /// Waits until all of the tasks have ended, but no longer than so many nanoseconds.
    ///
    /// Why: a server that is told to end has to, also when something it runs beside does not.
    /// - Returns: whether all have ended.
    static func end(of tasks: [Task<Void, Never>], withinNanoseconds nanoseconds: UInt64) async -> Bool {
        let (ends, tell) = AsyncStream.makeStream(of: Bool.self)
        let waiting = Task {
            for task in tasks { await task.value }
            tell.yield(true)
        }
        let timer = Task {
            try? await Task.sleep(nanoseconds: nanoseconds)
            tell.yield(false)
        }
        defer {
            timer.cancel()
            waiting.cancel()
        }
        for await haveEnded in ends { return haveEnded }
        // Who waits was cancelled, and does not wait.
        return false
    }
}
