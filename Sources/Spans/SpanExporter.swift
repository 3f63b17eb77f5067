package import Logging
package import Messages
package import RPCTransport
import Synchronization
import Telemetry
package import Vocabulary

/// Sends recorded spans to one destination, in batches, away from every event loop.
///
/// A destination that is slow or away costs spans, never calls or memory: what does not fit the queue is dropped and
/// counted, and so is a batch that could not be sent for `Limits.giveUpNanoseconds`.
///
/// - Isolation: any thread.
package final class SpanExporter: Sendable {
    /// How much waits, and for how long.
    package struct Limits: Sendable {
        /// Spans that wait.
        package var queuedSpanCountMax = 8192
        /// Bytes of these, as `FinishedSpan.byteCount` has them.
        package var queuedByteCountMax = 16 << 20
        /// Spans of one request.
        package var batchSpanCountMax = 512
        /// Bytes of these, unless one span has more.
        ///
        /// Collectors take messages of 4 MiB.
        package var batchByteCountMax = 1 << 20
        /// The longest that a span waits for others.
        package var intervalNanoseconds: UInt64 = 1_000_000_000
        /// Between attempts to send a batch.
        package var backoff: BackoffPolicy = {
            var backoff = BackoffPolicy()
            backoff.initialNanoseconds = 500_000_000
            backoff.maxNanoseconds = 10_000_000_000
            return backoff
        }()
        /// A batch is given up when its first attempt was so long ago.
        package var giveUpNanoseconds: UInt64 = 60_000_000_000
        /// For what is left when the server has drained.
        package var closeNanoseconds: UInt64 = 5_000_000_000

        package init() {}
    }

    /// Who sends: the program, and the part of it that makes spans.
    package struct Sender: Sendable {
        let resource: OTLPResource
        let scope: OTLPInstrumentationScope

        package init(resource: OTLPResource, scope: OTLPInstrumentationScope) {
            self.resource = resource
            self.scope = scope
        }
    }

    private let destination: any SpanDestination
    private let sender: Sender
    private let limits: Limits
    private let metrics: SpanMetrics
    private let clock: any MonotonicClock
    private let random: @Sendable () -> Double
    private let logger: Logger
    private let queue: SpanQueue
    /// Whether the last batch could not be sent, which is logged once.
    private let isFailing = Atomic(false)
    /// Nanoseconds of the clock at which the end of the server waits no longer; the maximum before it ends.
    private let closeTime = Atomic(UInt64.max)
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - destination: where the spans go.
    ///   - sender: who sends them.
    ///   - limits: how much waits, and for how long.
    ///   - metrics: counts what becomes of them.
    ///   - clock: of pauses.
    ///   - random: numbers in `0 ..< 1`, for jitter.
    ///   - logger: hears when spans cannot be sent, and when they can be again.
    package init(
        _ destination: any SpanDestination, from sender: Sender, limits: Limits = Limits(), metrics: SpanMetrics,
        clock: any MonotonicClock, random: @escaping @Sendable () -> Double, logger: Logger
    ) {
        self.destination = destination
        self.sender = sender
        self.limits = limits
        self.metrics = metrics
        self.clock = clock
        self.random = random
        self.logger = logger
        // All of them are there from the beginning, so that their absence is no riddle.
        for reason in SpanMetrics.DropReason.allCases { _ = metrics.dropped(destination.name, reason) }
        queue = SpanQueue(
            spanCountMax: limits.queuedSpanCountMax, byteCountMax: limits.queuedByteCountMax,
            urgentCount: min(limits.batchSpanCountMax, limits.queuedSpanCountMax),
            dropped: metrics.dropped(destination.name, .queueFull))
    }

    /// Takes a span that has ended, or drops it.
    package func append(_ span: FinishedSpan) { queue.append(span) }

    /// Begins to send; `close` is to follow.
    package func start() {
        task.withLock { $0 = Task { await self.run() } }
    }

    /// Takes no more spans, and returns when those that wait are sent or given up.
    package func close() async {
        let end = clock.now().advanced(byNanoseconds: limits.closeNanoseconds)
        closeTime.store(end.nanoseconds, ordering: .releasing)
        queue.close()
        guard let task = task.withLock({ $0 }) else { return }
        // An attempt may take longer than anybody wants to wait for it now.
        let impatience = Task { [limits] in
            try await Task.sleep(nanoseconds: limits.closeNanoseconds)
            task.cancel()
        }
        await task.value
        impatience.cancel()
    }

    private func run() async {
        let ticker = Task { [queue, limits] in
            while !Task.isCancelled {
                try? await Task.sleep(nanoseconds: limits.intervalNanoseconds)
                queue.nudge()
            }
        }
        for await _ in queue.wakeUps { await sendAll() }
        ticker.cancel()
        await sendAll()
    }

    private func sendAll() async {
        while true {
            let batch = queue.take(countMax: limits.batchSpanCountMax, byteCountMax: limits.batchByteCountMax)
            guard !batch.isEmpty else { return }
            await send(batch)
        }
    }

    /// Sends a batch, again and again where that may help.
    private func send(_ batch: [FinishedSpan]) async {
        let request = OTLPExportTraceServiceRequest(batch, of: sender.resource, scope: sender.scope)
        let end = clock.now().advanced(byNanoseconds: limits.giveUpNanoseconds)
        var failureCount = 0
        while true {
            do throws(SpanSendingError) {
                return didSend(batch.count, rejectedCount: try await destination.send(request))
            } catch {
                failureCount += 1
                didFail(error)
                // A destination may ask for more time, not for less: one that says zero would be asked for ever.
                let pause = max(
                    error.pauseNanoseconds ?? 0,
                    limits.backoff.delayNanoseconds(failureCount: failureCount, random: random()))
                guard error.isTransient, await wait(pause, until: end) else {
                    return metrics.dropped(destination.name, .failed).increment(by: UInt64(batch.count))
                }
            }
        }
    }

    private func didSend(_ count: Int, rejectedCount: Int) {
        let rejectedCount = min(rejectedCount, count)
        metrics.exported(destination.name).increment(by: UInt64(count - rejectedCount))
        if rejectedCount > 0 {
            metrics.dropped(destination.name, .rejected).increment(by: UInt64(rejectedCount))
            logger.warning(
                "spans rejected", metadata: ["destination": "\(destination.name)", "spans": "\(rejectedCount)"])
        }
        guard isFailing.exchange(false, ordering: .relaxed) else { return }
        logger.notice("spans exported again", metadata: ["destination": "\(destination.name)"])
    }

    private func didFail(_ error: SpanSendingError) {
        guard !isFailing.exchange(true, ordering: .relaxed) else { return }
        logger.warning(
            "spans not exported", metadata: ["destination": "\(destination.name)", "detail": "\(error)"])
    }

    /// Waits between two attempts, less when the server ends; false when it is too late for another one.
    private func wait(_ pauseNanoseconds: UInt64, until end: MonotonicTime) async -> Bool {
        let wake = clock.now().advanced(byNanoseconds: pauseNanoseconds)
        while true {
            let now = clock.now()
            let closeTime = MonotonicTime(nanoseconds: closeTime.load(ordering: .acquiring))
            guard !Task.isCancelled, max(now, wake) < min(end, closeTime) else { return false }
            guard now < wake else { return true }
            // In short steps, since nobody wakes a task that sleeps without ending it.
            try? await Task.sleep(nanoseconds: min(100_000_000, wake.nanoseconds(since: now)))
        }
    }
}
