/// The threads that compute for one engine.
///
/// - Isolation: owned by the engine thread, which takes part in every job itself.
package final class ComputeGang {
    /// Threads that share a job, the calling one included; at least 1.
    package let threadCount: Int

    package init(threadCount: Int) {
        precondition(threadCount >= 1, "threadCount \(threadCount)")
        self.threadCount = threadCount
    }

    /// Splits `0 ..< count` into one contiguous range a thread, runs `body` on each, and returns when all are done.
    ///
    /// The split depends on `count` and `threadCount` only; results must not depend on the split.
    package func parallelFor(count: Int, minimumPerThread: Int = 1, _ body: (Range<Int>) -> Void) {
        guard count > 0 else { return }
        body(0..<count)
    }
}
