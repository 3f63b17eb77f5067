import CLinux
import Glibc
import Synchronization
package import Vocabulary

/// One thread that waits for descriptors, timers and work, and owns whatever lives on it.
///
/// A turn of the loop: wait; then ready descriptors, due timers, work and jobs from elsewhere, each until there are no
/// more (or enough for one turn); last the end-of-turn handlers, which write what the turn produced in one piece.
///
/// As a `TaskExecutor` it takes part in Swift's concurrency: a task started on it with
/// `Task.immediate(executorPreference: loop)` runs at once on this thread and comes back to it after every `await`.
///
/// - Isolation: state of a loop, and of everything it owns, is touched on its thread only; entries check with
///   `preconditionOnLoop`. `enqueue`, `submit`, `stop`, `join` and `now` may be called from any thread.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    // @unchecked: `inbox` and `phase` are locked or atomic; every other variable belongs to the loop's own thread
    // (before `start`: to the thread that made the loop).

    /// Jobs, and pieces of submitted work, that one turn does before descriptors get their chance again.
    ///
    /// Why not thousands: a job that answers a call takes some ten microseconds, and whoever sends a call meanwhile
    /// waits for the whole turn.
    static let jobsPerTurnMax = 256
    /// Descriptors reported by one wait.
    static let eventsPerTurnMax = 256
    /// Submitted work that may wait at once; more is refused.
    ///
    /// Jobs of tasks are not counted: a task cannot be
    /// refused, and how many there are is limited where they are made (streams per connection).
    package static let submittedWorkMax = 65_536

    package let name: String
    private let clock: any MonotonicClock
    private let epoll: Int32
    private let wakeUp: Int32
    private let inbox = Mutex(Inbox())
    /// A wake-up has been signalled and not yet seen: further ones cost no system call.
    private let wakeUpIsSignalled = Atomic(false)
    private let thread = Mutex<LoopThread?>(nil)

    private var timers = TimerQueue<() -> Void>()
    private var watches = WatchTable()
    private var localJobs: [UnownedJob] = []
    private var endOfTurnHandlers: [any EndOfTurnHandler] = []
    /// The jobs before this index have run.
    private var nextJob = 0
    /// Work taken from the inbox; the pieces before `nextWork` are done.
    private var takenWork: [@Sendable () -> Void] = []
    private var nextWork = 0
    private var leavesWorkInInbox = false
    private var pace = TurnPace()
    private var spareHandlers: [any EndOfTurnHandler] = []
    private let events: UnsafeMutablePointer<apus_event>
    private var timeOfTurn: MonotonicTime
    private var turnCountTotal: UInt64 = 0

    /// Makes a loop that `start` gives a thread, or that a test turns by hand with `runTurn`.
    ///
    /// - Throws: `EventLoopError` when the process is out of descriptors.
    package init(name: String, clock: any MonotonicClock = SystemClock()) throws(EventLoopError) {
        self.name = name
        self.clock = clock
        epoll = apus_epoll_create()
        guard epoll >= 0 else { throw .systemCall("epoll_create1", code: -epoll) }
        wakeUp = apus_eventfd_create()
        guard wakeUp >= 0 else {
            closeDescriptor(epoll)
            throw .systemCall("eventfd", code: -wakeUp)
        }
        events = .allocate(capacity: Self.eventsPerTurnMax)
        timeOfTurn = clock.now()
        let added = apus_epoll_control(
            epoll, EPOLL_CTL_ADD, wakeUp, Readiness.readable.rawValue, WatchTable.wakeUpToken)
        precondition(added == 0, "epoll refused its own eventfd: errno \(-added)")
    }

    deinit {
        closeDescriptor(wakeUp)
        closeDescriptor(epoll)
        events.deallocate()
    }

    // MARK: Where am I

    /// Whether the calling thread is the loop's.
    package var isCurrent: Bool { apus_current_loop() == Unmanaged.passUnretained(self).toOpaque() }

    /// Traps when called from another thread: loop-confined state is about to be touched.
    package func preconditionOnLoop(_ function: StaticString = #function) {
        precondition(isCurrent, "\(function) was called outside the event loop that owns it")
    }

    /// The time now; on the loop itself the time at which the turn began, which costs nothing.
    package func now() -> MonotonicTime { isCurrent ? timeOfTurn : clock.now() }

    /// The time now, looked up: for measuring what a part of a turn takes.
    package func measuredNow() -> MonotonicTime { clock.now() }

    /// How many turns the loop has made; on the loop.
    package var turnCount: UInt64 { turnCountTotal }

    // MARK: Work

    /// Runs a task's job on the loop, in its turn.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard !isCurrent else { return localJobs.append(job) }
        inbox.withLock { $0.jobs.append(job) }
        wake()
    }

    /// Runs `work` on the loop, soon.
    ///
    /// - Returns: false, without taking it, when the loop has stopped or `submittedWorkMax` pieces wait already.
    @discardableResult
    package func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = inbox.withLock { inbox in
            guard !inbox.isStopped, inbox.work.count < Self.submittedWorkMax else { return false }
            inbox.work.append(work)
            return true
        }
        if isTaken { wake() }
        return isTaken
    }

    /// Makes the loop turn once more; on the loop too, where this turn may have emptied the inbox already.
    private func wake() {
        if wakeUpIsSignalled.exchange(true, ordering: .acquiringAndReleasing) == false { apus_eventfd_signal(wakeUp) }
    }

    /// A connection brought more than one call in this turn: the loop may rest between turns for a while.
    package func burstDidArrive() {
        preconditionOnLoop()
        pace.burstDidArrive()
    }

    /// Calls `handler.turnDidEnd()` once, when everything else of this turn is done.
    package func callAtEndOfTurn(_ handler: any EndOfTurnHandler) {
        preconditionOnLoop()
        endOfTurnHandlers.append(handler)
    }

    // MARK: Timers

    /// Calls `body` on the loop at `time` or soon after.
    @discardableResult
    package func schedule(at time: MonotonicTime, _ body: @escaping () -> Void) -> TimerID {
        preconditionOnLoop()
        return timers.insert(at: time, body)
    }

    /// Calls `body` on the loop after `nanoseconds`.
    @discardableResult
    package func schedule(afterNanoseconds nanoseconds: UInt64, _ body: @escaping () -> Void) -> TimerID {
        schedule(at: timeOfTurn.advanced(byNanoseconds: nanoseconds), body)
    }

    /// Forgets a timer; one that has fired or was cancelled is ignored.
    package func cancel(_ timer: TimerID) {
        preconditionOnLoop()
        timers.remove(timer)
    }

    /// How many timers are pending; on the loop.
    package var timerCount: Int { timers.count }

    // MARK: Descriptors

    /// Reports when `descriptor` becomes ready, until `unwatch`; the handler is kept alive.
    ///
    /// - Throws: `EventLoopError` when the kernel refuses (out of memory, watch limit).
    package func watch(
        _ descriptor: Int32, for interest: Readiness, handler: any ReadinessHandler
    ) throws(EventLoopError) -> WatchID {
        preconditionOnLoop()
        let id = watches.insert(descriptor: descriptor, handler: handler)
        let result = apus_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, interest.rawValue, id.token)
        guard result == 0 else {
            _ = watches.remove(id)
            throw .systemCall("epoll_ctl", code: -result)
        }
        return id
    }

    /// Changes what a watched descriptor is reported for.
    package func change(_ watch: WatchID, to interest: Readiness) {
        preconditionOnLoop()
        guard let descriptor = watches.descriptor(of: watch) else { return }
        let result = apus_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, interest.rawValue, watch.token)
        precondition(result == 0, "epoll lost descriptor \(descriptor): errno \(-result)")
    }

    /// Stops reporting a descriptor, which is still open; reports of this turn are dropped too.
    package func unwatch(_ watch: WatchID) {
        preconditionOnLoop()
        guard let descriptor = watches.remove(watch) else { return }
        let result = apus_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
        precondition(result == 0, "epoll lost descriptor \(descriptor): errno \(-result)")
    }

    // MARK: Life

    /// Gives the loop a thread of its own; it keeps the loop alive until `stop`.
    package func start() throws(EventLoopError) {
        let started = try LoopThread.start(self)
        thread.withLock { $0 = started }
    }

    /// Ends the loop after its current turn; the owner has closed what lives on it.
    ///
    /// May be called more than once. A job that comes later is dropped with the task it belongs to, so a loop is
    /// stopped last.
    package func stop() {
        inbox.withLock { $0.isStopped = true }
        apus_eventfd_signal(wakeUp)
    }

    /// Waits until a stopped loop's thread has ended.
    ///
    /// - Precondition: not called on the loop itself.
    package func join() {
        precondition(!isCurrent, "a loop cannot wait for itself")
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        thread?.join()
    }

    /// The body of the loop's thread.
    func run() {
        becomeCurrent {
            while runTurnOnLoop(waits: true) {}
            forgetTimers()
        }
    }

    /// Lets go of what timers hold that no turn will fire: a body often holds an object that holds the loop.
    private func forgetTimers() {
        while timers.popExpired(at: MonotonicTime(nanoseconds: .max)) != nil {}
    }

    /// Makes one turn on the calling thread, for tests that turn a loop by hand.
    ///
    /// - Parameter waits: whether to wait for something to happen.
    /// - Returns: whether anything was run or is ready to be run.
    /// - Precondition: the loop was never started.
    @discardableResult
    package func runTurn(waits: Bool = false) -> Bool {
        let before = activityCount
        becomeCurrent { _ = runTurnOnLoop(waits: waits) }
        return activityCount != before || !localJobs.isEmpty || !takenWork.isEmpty || leavesWorkInInbox
            || !endOfTurnHandlers.isEmpty
    }

    /// Calls `body` as if on the loop's thread, for tests that turn a loop by hand.
    package func becomeCurrent<Result>(_ body: () throws -> Result) rethrows -> Result {
        let outer = apus_current_loop()
        apus_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
        defer { apus_set_current_loop(outer) }
        return try body()
    }

    /// Counts everything the loop has called.
    private var activityCount: UInt64 = 0

    /// False when the loop is to end.
    private func runTurnOnLoop(waits: Bool) -> Bool {
        let waitMilliseconds = waits ? waitMilliseconds() : 0
        if waitMilliseconds != 0, pace.isResting { rest() }
        let eventCount = apus_epoll_wait(epoll, events, Int32(Self.eventsPerTurnMax), waitMilliseconds)
        precondition(eventCount >= 0, "epoll_wait: errno \(-eventCount)")
        timeOfTurn = clock.now()
        turnCountTotal += 1
        for index in 0..<Int(eventCount) { report(events[index]) }
        fireTimers()
        let goesOn = takeInbox()
        runJobs()
        endTurn()
        return goesOn
    }

    private func rest() {
        let nanoseconds = pace.rest(afterNanoseconds: clock.now().nanoseconds(since: timeOfTurn))
        guard nanoseconds > 0 else { return }
        var time = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
        nanosleep(&time, nil)
    }

    /// How long the next wait may last: not at all while there is work, else until the next timer, rounded up.
    private func waitMilliseconds() -> Int32 {
        guard localJobs.isEmpty, takenWork.isEmpty, !leavesWorkInInbox, endOfTurnHandlers.isEmpty else { return 0 }
        guard let next = timers.timeNext else { return -1 }
        let nanoseconds = next.nanoseconds(since: clock.now())
        let (roundedUp, overflow) = nanoseconds.addingReportingOverflow(999_999)
        return Int32(clamping: (overflow ? .max : roundedUp) / 1_000_000)
    }

    private func report(_ event: apus_event) {
        guard event.token != WatchTable.wakeUpToken else {
            // The flag goes down before the inbox is emptied: whoever adds after that signals again.
            apus_eventfd_clear(wakeUp)
            wakeUpIsSignalled.store(false, ordering: .sequentiallyConsistent)
            return
        }
        guard let handler = watches.handler(of: WatchID(token: event.token)) else { return }
        activityCount += 1
        handler.descriptorIsReady(Readiness(rawValue: event.events))
    }

    private func fireTimers() {
        while let body = timers.popExpired(at: timeOfTurn) {
            activityCount += 1
            body()
        }
    }

    private func takeInbox() -> Bool {
        let isStopped = inbox.withLock { inbox in
            if localJobs.isEmpty {
                swap(&localJobs, &inbox.jobs)
            } else {
                localJobs.append(contentsOf: inbox.jobs)
                inbox.jobs.removeAll(keepingCapacity: true)
            }
            if takenWork.isEmpty {
                swap(&takenWork, &inbox.work)
            } else if inbox.isStopped {
                takenWork.append(contentsOf: inbox.work)
                inbox.work.removeAll()
            }
            // Whoever put it there has signalled already, and that signal is spent.
            leavesWorkInInbox = !inbox.work.isEmpty
            return inbox.isStopped
        }
        doWork(all: isStopped)
        return !isStopped
    }

    /// Does submitted work, at the end of the loop all there is.
    private func doWork(all: Bool) {
        let end = all ? takenWork.count : min(takenWork.count, nextWork + Self.jobsPerTurnMax)
        while nextWork < end {
            let piece = takenWork[nextWork]
            nextWork += 1
            activityCount += 1
            piece()
        }
        guard nextWork == takenWork.count else { return }
        takenWork.removeAll(keepingCapacity: true)
        nextWork = 0
    }

    /// Runs jobs, those they make too, until none is left or enough of them have run; the rest waits for the next turn.
    private func runJobs() {
        let end = Self.jobsPerTurnMax
        var count = 0
        while count < end, nextJob < localJobs.count {
            let job = localJobs[nextJob]
            nextJob += 1
            count += 1
            activityCount += 1
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
        if nextJob == localJobs.count {
            localJobs.removeAll(keepingCapacity: true)
            nextJob = 0
        } else if nextJob >= localJobs.count / 2 {
            // Done when it is as much as what is left, so that the whole of it costs no more than a pass over the jobs.
            localJobs.removeFirst(nextJob)
            nextJob = 0
        }
    }

    private func endTurn() {
        guard !endOfTurnHandlers.isEmpty else { return }
        swap(&endOfTurnHandlers, &spareHandlers)
        for handler in spareHandlers {
            activityCount += 1
            handler.turnDidEnd()
        }
        spareHandlers.removeAll(keepingCapacity: true)
    }
}

/// What other threads have for the loop.
private struct Inbox {
    var jobs: [UnownedJob] = []
    var work: [@Sendable () -> Void] = []
    var isStopped = false
}

/// Why a loop could not be made or could not watch a descriptor.
package enum EventLoopError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A system call failed with this errno.
    case systemCall(String, code: Int32)

    /// The errno.
    package var code: Int32 {
        switch self {
        case .systemCall(_, let code): code
        }
    }

    package var description: String {
        switch self {
        case .systemCall(let name, let code): "\(name) failed with errno \(code)"
        }
    }
}
