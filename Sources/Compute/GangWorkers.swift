import CKernels
import Glibc
import Synchronization

/// The parked threads of a gang and the job they share.
///
/// The job is published by `ticket`, which holds its generation and how many of its slots nobody has taken. Taking a
/// slot is one compare-and-swap; it can only succeed while the job is the current one, and the job stays current until
/// its last slot is finished. So a thread that wakes late finds no slot and touches nothing.
final class GangWorkers: @unchecked Sendable {
    // @unchecked: `job` is written by the owner while no slot is to be had and read only by who holds a slot; the
    // ticket orders the two. The condition variables are used under `mutex`.
    private var job = GangJob(itemCount: 0, slotCount: 0, body: { _, _ in })
    /// Generation in the high bits, slots not taken in the low `slotBits`.
    private let ticket = Atomic<UInt64>(0)
    private let unfinishedSlotCount = Atomic<Int>(0)
    private let parkedThreadCount = Atomic<Int>(0)
    private let ownerIsParked = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let workAvailable = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let jobFinished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var threads: [pthread_t] = []

    private static let slotBits: UInt64 = 16
    private static let slotMask: UInt64 = (1 << slotBits) - 1
    /// How long a thread looks for work before it sleeps: about what sleeping and waking cost.
    private static let spinNanoseconds: UInt64 = 30_000

    init(count: Int) {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(workAvailable, nil)
        pthread_cond_init(jobFinished, nil)
        threads = (1...count).map { start(threadIndex: $0) }
    }

    deinit {
        pthread_cond_destroy(jobFinished)
        pthread_cond_destroy(workAvailable)
        pthread_mutex_destroy(mutex)
        jobFinished.deallocate()
        workAvailable.deallocate()
        mutex.deallocate()
    }

    /// Ends the threads and waits for them.
    ///
    /// The threads keep this object alive, so the owner has to call it.
    func stop() {
        pthread_mutex_lock(mutex)
        isStopping.store(true, ordering: .sequentiallyConsistent)
        pthread_cond_broadcast(workAvailable)
        pthread_mutex_unlock(mutex)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    /// Runs a job on the calling thread and on as many others as come in time.
    ///
    /// - Isolation: the owner's thread only.
    func run(_ newJob: GangJob) {
        job = newJob
        unfinishedSlotCount.store(newJob.slotCount, ordering: .relaxed)
        let generation = (ticket.load(ordering: .relaxed) >> Self.slotBits) &+ 1
        let published = generation << Self.slotBits | UInt64(newJob.slotCount)
        // Sequentially consistent, as is the load in `park`: either the thread sees the ticket or we see it parked.
        ticket.store(published, ordering: .sequentiallyConsistent)
        wake(threadCount: newJob.slotCount - 1)
        while let untaken = takeSlot() { finishSlot(untaken: untaken, threadIndex: 0) }
        waitUntilFinished()
        // Lets go of what the body holds.
        job = GangJob(itemCount: 0, slotCount: 0, body: { _, _ in })
    }

    /// Takes a slot of the current job.
    ///
    /// - Returns: how many slots had not been taken, or nil when there is none.
    private func takeSlot() -> Int? {
        var current = ticket.load(ordering: .acquiring)
        while current & Self.slotMask != 0 {
            let (exchanged, original) = ticket.weakCompareExchange(
                expected: current, desired: current - 1, ordering: .acquiringAndReleasing)
            if exchanged { return Int(current & Self.slotMask) }
            current = original
        }
        return nil
    }

    /// Runs a slot that was taken; true when it was the last of its job to finish.
    @discardableResult
    private func finishSlot(untaken: Int, threadIndex: Int) -> Bool {
        callBody(slot: job.slotCount - untaken, threadIndex: threadIndex)
        return unfinishedSlotCount.subtract(1, ordering: .sequentiallyConsistent).newValue == 0
    }

    /// Not inlined, so that the reference to the body is given up before the slot counts as finished: the owner checks
    /// then that nobody holds its closure any more.
    @inline(never)
    private func callBody(slot: Int, threadIndex: Int) {
        job.body(job.range(ofSlot: slot), threadIndex)
    }

    private func wake(threadCount: Int) {
        guard parkedThreadCount.load(ordering: .sequentiallyConsistent) > 0 else { return }
        pthread_mutex_lock(mutex)
        for _ in 0..<min(threadCount, parkedThreadCount.load(ordering: .relaxed)) {
            pthread_cond_signal(workAvailable)
        }
        pthread_mutex_unlock(mutex)
    }

    private func waitUntilFinished() {
        let isFinished = { self.unfinishedSlotCount.load(ordering: .sequentiallyConsistent) == 0 }
        if spin(until: isFinished) { return }
        pthread_mutex_lock(mutex)
        ownerIsParked.store(true, ordering: .sequentiallyConsistent)
        while !isFinished() { pthread_cond_wait(jobFinished, mutex) }
        ownerIsParked.store(false, ordering: .relaxed)
        pthread_mutex_unlock(mutex)
    }

    // MARK: The other threads

    private func start(threadIndex: Int) -> pthread_t {
        let context = Unmanaged.passRetained(ThreadStart(workers: self, threadIndex: threadIndex))
        // Signals are for the threads that wait for them: a new thread inherits the mask that it starts with.
        var allSignals = sigset_t()
        var previous = sigset_t()
        sigfillset(&allSignals)
        pthread_sigmask(SIG_SETMASK, &allSignals, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var thread = pthread_t()
        let result = pthread_create(&thread, nil, runGangThread, context.toOpaque())
        precondition(result == 0, "pthread_create: error \(result)")
        return thread
    }

    /// The life of one thread.
    fileprivate func work(threadIndex: Int) {
        while !isStopping.load(ordering: .acquiring) {
            if let untaken = takeSlot() {
                if finishSlot(untaken: untaken, threadIndex: threadIndex) { tellOwner() }
            } else if !spin(until: { hasWork }) {
                park()
            }
        }
    }

    private var hasWork: Bool {
        ticket.load(ordering: .sequentiallyConsistent) & Self.slotMask != 0 || isStopping.load(ordering: .acquiring)
    }

    private func tellOwner() {
        guard ownerIsParked.load(ordering: .sequentiallyConsistent) else { return }
        pthread_mutex_lock(mutex)
        pthread_cond_signal(jobFinished)
        pthread_mutex_unlock(mutex)
    }

    private func park() {
        pthread_mutex_lock(mutex)
        parkedThreadCount.add(1, ordering: .sequentiallyConsistent)
        while !hasWork { pthread_cond_wait(workAvailable, mutex) }
        parkedThreadCount.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
    }

    /// Looks for a condition for at most `spinNanoseconds`; returns whether it came true.
    private func spin(until condition: () -> Bool) -> Bool {
        let start = monotonicNanoseconds()
        repeat {
            for _ in 0..<16 {
                if condition() { return true }
                apus_spin_pause()
            }
        } while monotonicNanoseconds() - start < Self.spinNanoseconds
        return false
    }
}

/// What a new thread is told.
private final class ThreadStart {
    let workers: GangWorkers
    let threadIndex: Int

    init(workers: GangWorkers, threadIndex: Int) {
        self.workers = workers
        self.threadIndex = threadIndex
    }
}

private func runGangThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let start = Unmanaged<ThreadStart>.fromOpaque(context!).takeRetainedValue()
    start.workers.work(threadIndex: start.threadIndex)
    return nil
}

private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
