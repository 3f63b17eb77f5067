package import EventLoops
import Messages
import RPC
package import RPCTransport
package import Vocabulary

/// Carries out a load: sends what `LoadState` decides, over a channel, and measures.
///
/// Every call is a task on one event loop, the channel's own, so a call that is answered costs no thread hop and the
/// load takes little from a server on the same machine.
///
/// - Isolation: `run` from any task, once; everything else is the loop's.
package final class LoadRun: @unchecked Sendable {
    // @unchecked: touched on `loop` only, after `init`.

    /// What a load gave.
    package struct Result: Sendable {
        package let statistics: LoadStatistics
        /// Of the measured part, shorter than planned when the run was cancelled.
        package let measuredNanoseconds: UInt64
        /// What the plan's detail asks for.
        package let account: LoadAccount?
        /// How long of the measured part callers paused because there was no server.
        package let standstillNanoseconds: UInt64
        /// How long of the measured part nothing was sent because the server asked for it.
        package let pushbackNanoseconds: UInt64
    }

    private let plan: LoadPlan
    private let workload: Workload
    private let channel: RPCChannel
    private let loop: EventLoop
    private let clock: any MonotonicClock
    private let progress: @Sendable (LoadProgress) -> Void

    private var state: LoadState
    private var statistics = LoadStatistics()
    private var account: LoadAccount?
    private var counters = ProgressCounters()
    private let plannedStart: MonotonicTime?
    private var start = MonotonicTime(nanoseconds: 0)
    private var lastProgress = MonotonicTime(nanoseconds: 0)
    private var progressTimer: TimerID?
    private var timer: PreciseTimer?
    private var requestNumber = 0
    private var calls = CallTable()
    private var isPumping = false
    private var isStopped = false
    private var continuation: UnsafeContinuation<Void, Never>?

    /// Calls sent before the loop gets to read what came for others.
    private static let sendsPerTurnMax = 256

    /// What a server that is not to be called again soon (pushback -1) is spared.
    private static let pushbackForeverNanoseconds: UInt64 = 1_000_000_000

    /// Makes a run over a channel whose connections are all on `loop`; `progress` is told once a second, on the loop.
    ///
    /// It begins at `start`, which lies ahead for loads that begin together, or when it is run.
    package init(
        _ plan: LoadPlan, _ workload: Workload, channel: RPCChannel, loop: EventLoop,
        clock: any MonotonicClock = SystemClock(), start: MonotonicTime? = nil,
        progress: @escaping @Sendable (LoadProgress) -> Void
    ) {
        self.plan = plan
        self.workload = workload
        self.channel = channel
        self.loop = loop
        self.clock = clock
        self.progress = progress
        plannedStart = start
        state = LoadState(plan, start: clock.now())
    }

    /// Runs the load to its end; when the task is cancelled, until now.
    ///
    /// - Throws: `EventLoopError` when the process is out of descriptors.
    package func run() async throws(EventLoopError) -> Result {
        try await loop.run { () async throws(EventLoopError) in
            self.timer = try PreciseTimer(loop: self.loop) { self.pump() }
        }
        await withTaskCancellationHandler {
            await loop.run {
                await withUnsafeContinuation { continuation in
                    self.continuation = continuation
                    self.begin()
                }
            }
        } onCancel: {
            loop.submit { self.stop() }
        }
        return await loop.run {
            Result(
                statistics: self.statistics,
                // An open loop is through with its last call, which need not be at the end of the time.
                measuredNanoseconds: self.isStopped
                    ? self.state.measuredNanoseconds(at: self.clock.now()) : self.plan.durationNanoseconds,
                account: self.account,
                standstillNanoseconds: self.state.standstillNanoseconds,
                pushbackNanoseconds: self.state.pushbackNanoseconds)
        }
    }

    private func begin() {
        start = plannedStart ?? clock.now()
        lastProgress = start
        state = LoadState(plan, start: start)
        account = plan.detail.map { LoadAccount(plan, $0, start: start) }
        if isStopped { state.stop(at: clock.now()) }
        scheduleProgress()
        pump()
    }

    /// Ends the load now: calls under way are cancelled and do not count.
    private func stop() {
        guard !isStopped else { return }
        isStopped = true
        state.stop(at: clock.now())
        for task in calls.tasks { task.cancel() }
        pump()
    }

    /// Sends what is due.
    private func pump() {
        guard !isPumping, continuation != nil else { return }
        isPumping = true
        defer { isPumping = false }
        for _ in 0..<Self.sendsPerTurnMax {
            switch state.next(at: clock.now()) {
            case .send(let call): send(call)
            case .giveUp(let call):
                statistics.callGivenUp(call)
                account?.callGivenUp(call)
                counters.callEnded(nanoseconds: 0, isAnswered: false)
            case .wait(let time): return timer?.set(to: time) ?? ()
            case .waitForCall: return
            case .finish: return finish()
            }
        }
        timer?.set(to: start)
    }

    private func send(_ call: LoadCall) {
        let slot = calls.reserve()
        let task = Task.immediate(executorPreference: loop) { await self.perform(call, slot: slot) }
        calls.begin(task, slot: slot)
    }

    private func perform(_ call: LoadCall, slot: Int) async {
        var options = CallOptions()
        options.deadline = Deadline(call.intendedTime.advanced(byNanoseconds: plan.timeoutNanoseconds))
        options.responseByteCountMax = .max >> 1
        let message = workload.messages[requestNumber]
        requestNumber = (requestNumber + 1) % workload.messages.count
        var record = LoadCallRecord(call, sent: clock.now())
        account?.callSent(call, at: record.sent, isOpen: plan.load.isOpen)
        let outcome: LoadOutcome
        var reason: String?
        do throws(RPCFailure) {
            switch workload.answers {
            case .single: try await performUnary(message, options, &record)
            case .tokens: try await performGeneration(message, options, &record)
            }
            outcome = .answered
            state.callEnded()
        } catch {
            outcome = .failed(error.error.code, message: error.error.message)
            record.trailers = error.trailingMetadata
            if account != nil { reason = error.statusDetails.flatMap(ErrorReason.read) }
            callDidFail(error)
        }
        callDidEnd(record, outcome, reason: reason, slot: slot)
    }

    /// Lets the state know what a failure says of the server.
    private func callDidFail(_ failure: RPCFailure) {
        let now = clock.now()
        if failure.error.code != .unavailable {
            state.callEnded()
        } else if failure.error.label.hasPrefix("remote_") {
            state.callWasTurnedAway(at: now)
        } else {
            state.callFoundNoServer(at: now)
        }
        guard plan.detail?.heedsPushback == true else { return }
        switch RetryPushback(failure.trailingMetadata.firstText(of: "grpc-retry-pushback-ms")) {
        case .none: break
        case .after(let nanoseconds): state.serverPushedBack(nanoseconds: nanoseconds, at: now)
        case .never: state.serverPushedBack(nanoseconds: Self.pushbackForeverNanoseconds, at: now)
        }
    }

    private func performUnary(
        _ message: Bytes, _ options: CallOptions, _ record: inout LoadCallRecord
    ) async throws(RPCFailure) {
        let response = try await channel.unary(workload.path, message, options: options)
        if account != nil { record.trailers = response.trailingMetadata }
        statistics.messageArrived(byteCount: response.message.count, isInWindow: state.isInWindow(clock.now()))
    }

    private func performGeneration(
        _ message: Bytes, _ options: CallOptions, _ record: inout LoadCallRecord
    ) async throws(RPCFailure) {
        let stream = await channel.stream(workload.path, options: options)
        try await stream.write(message)
        try await stream.finishWriting()
        while let message = try await stream.next() {
            let now = clock.now()
            let isInWindow = state.isInWindow(now)
            statistics.messageArrived(byteCount: message.count, isInWindow: isInWindow)
            let count: Int
            do {
                count = try GenerateResponse(decoding: message).tokens.count
            } catch {
                stream.cancel()
                throw RPCFailure(.internal, "the answer cannot be read: \(error)")
            }
            guard count > 0 else { continue }
            statistics.tokensArrived(
                record.call, count: count, previous: record.lastToken, at: now, isInWindow: isInWindow)
            account?.tokensArrived(count, at: now, isInWindow: isInWindow)
            counters.tokensArrived(count)
            record.tokensArrived(count, at: now)
        }
        if account != nil { record.trailers = try await stream.responseTrailers() }
    }

    private func callDidEnd(_ record: LoadCallRecord, _ outcome: LoadOutcome, reason: String?, slot: Int) {
        calls.end(slot: slot)
        if !isStopped {
            let now = clock.now()
            let isInWindow = state.isInWindow(now)
            statistics.callEnded(record.call, outcome, at: now, isInWindow: isInWindow)
            account?.callEnded(record, outcome, reason: reason, at: now, isInWindow: isInWindow)
            counters.callEnded(
                nanoseconds: now.nanoseconds(since: record.call.intendedTime), isAnswered: outcome == .answered)
        }
        pump()
    }

    private func scheduleProgress() {
        progressTimer = loop.schedule(afterNanoseconds: 1_000_000_000) {
            let now = self.clock.now()
            let elapsed = now.nanoseconds(since: self.start)
            self.progress(
                self.counters.take(
                    isWarmingUp: elapsed < self.plan.warmupNanoseconds, elapsedNanoseconds: elapsed,
                    intervalNanoseconds: now.nanoseconds(since: self.lastProgress), callCount: self.state.callCount))
            self.lastProgress = now
            self.scheduleProgress()
        }
    }

    private func finish() {
        if let progressTimer { loop.cancel(progressTimer) }
        timer?.close()
        timer = nil
        continuation?.resume()
        continuation = nil
    }
}

/// The tasks of the calls under way, so that they can be cancelled.
private struct CallTable {
    private enum Slot {
        case free
        /// The task runs, but whoever starts it does not have it yet.
        case starting
        case running(Task<Void, Never>)
    }

    private var slots: [Slot] = []
    private var freeSlots: [Int] = []

    var tasks: [Task<Void, Never>] {
        slots.compactMap { slot in
            if case .running(let task) = slot { task } else { nil }
        }
    }

    mutating func reserve() -> Int {
        if let slot = freeSlots.popLast() {
            slots[slot] = .starting
            return slot
        }
        slots.append(.starting)
        return slots.count - 1
    }

    /// A task that ended before it was handed over is not kept.
    mutating func begin(_ task: Task<Void, Never>, slot: Int) {
        if case .starting = slots[slot] { slots[slot] = .running(task) }
    }

    mutating func end(slot: Int) {
        slots[slot] = .free
        freeSlots.append(slot)
    }
}
