import CKernels

/// The threads that compute for one engine.
///
/// A job is cut into slots, and every thread takes slots until none is left; so a thread that the system runs late
/// costs time only, and a short job is done before the others have woken. Idle threads spin for some microseconds, then
/// sleep.
///
/// - Isolation: owned by the engine thread, which takes part in every job itself.
package final class ComputeGang {
    /// Threads that share a job, the calling one included; at least 1.
    package let threadCount: Int
    /// The instruction set that models run by this gang compute with.
    package let kernels: Kernels

    /// Slots a thread, when the job is long enough: more even out threads that run at different speeds.
    static let slotsPerThread = 4
    /// The most threads of a gang, so that slots fit into a ticket.
    package static let threadCountMax = 1024

    /// Activations of the product that runs, in the format of its weights.
    let activations = Workspace()
    private let workers: GangWorkers?
    private var isRunning = false

    /// Starts `threadCount - 1` threads; they end with this object.
    ///
    /// - Parameters:
    ///   - threadCount: in `1 ... threadCountMax`, the calling thread included.
    ///   - kernels: the instruction set; a lower one than the processor's is for tests and measurements.
    package init(threadCount: Int, kernels: Kernels = .best) {
        precondition((1...Self.threadCountMax).contains(threadCount), "threadCount \(threadCount)")
        self.threadCount = threadCount
        self.kernels = kernels
        self.workers = threadCount > 1 ? GangWorkers(count: threadCount - 1) : nil
    }

    deinit { workers?.stop() }

    /// Splits `0 ..< count` into contiguous ranges, runs `body` on each, and returns when all are done.
    ///
    /// The split depends on `count`, `minimumPerThread` and `threadCount` only; results must not depend on the split.
    ///
    /// - Parameters:
    ///   - count: items, 0 or more.
    ///   - minimumPerThread: the fewest items that are worth a range of their own: some 10 to 20 µs of work.
    ///   - body: runs on several threads at once, each range once.
    /// - Precondition: not called from inside a `body`.
    package func parallelFor(count: Int, minimumPerThread: Int = 1, _ body: (Range<Int>) -> Void) {
        parallelFor(count: count, minimumPerThread: minimumPerThread, perThread: { range, _ in body(range) })
    }

    /// The same for work that needs scratch memory: `perThread` also gets the index of the thread that runs it, in
    /// `0 ..< threadCount`; no two ranges run at the same time with the same index.
    package func parallelFor(
        count: Int, minimumPerThread: Int = 1, perThread body: (_ range: Range<Int>, _ threadIndex: Int) -> Void
    ) {
        precondition(count >= 0 && minimumPerThread >= 1, "count \(count), minimumPerThread \(minimumPerThread)")
        precondition(!isRunning, "a job started inside a job of the same gang")
        guard count > 0 else { return }
        isRunning = true
        defer { isRunning = false }
        let slotCount = min(threadCount * Self.slotsPerThread, count / minimumPerThread)
        guard let workers, slotCount > 1 else { return body(0..<count, 0) }
        withoutActuallyEscaping(body) { body in
            workers.run(GangJob(itemCount: count, slotCount: slotCount, body: body))
        }
    }
}

/// A job and how it is cut.
struct GangJob {
    let itemCount: Int
    let slotCount: Int
    let body: (Range<Int>, Int) -> Void

    /// The items of one slot; the first ones are longer by one item when it does not divide.
    func range(ofSlot slot: Int) -> Range<Int> {
        let (size, longer) = itemCount.quotientAndRemainder(dividingBy: slotCount)
        let start = slot * size + min(slot, longer)
        return start..<start + size + (slot < longer ? 1 : 0)
    }
}
