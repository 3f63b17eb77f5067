import CLinux
package import Vocabulary

/// One timer of a loop that goes off within microseconds of its time, on the system's clock.
///
/// Why beside the loop's own timers: those wait in whole milliseconds and cost no system call, which suits deadlines. A
/// load generator that sends calls a millisecond late would measure itself.
///
/// - Isolation: its loop.
/// - Source: timerfd_create(2).
package final class PreciseTimer: ReadinessHandler {
    private let loop: EventLoop
    private let descriptor: Int32
    private let handler: () -> Void
    private var watch: WatchID?

    /// Calls `handler` on `loop` each time the timer goes off, until `close`.
    ///
    /// - Throws: `EventLoopError` when the process is out of descriptors.
    package init(loop: EventLoop, handler: @escaping () -> Void) throws(EventLoopError) {
        self.loop = loop
        self.handler = handler
        descriptor = apus_timerfd_create()
        guard descriptor >= 0 else { throw .systemCall("timerfd_create", code: -descriptor) }
        watch = try loop.watch(descriptor, for: .readable, handler: self)
    }

    deinit { closeDescriptor(descriptor) }

    /// Goes off once at `time`, at once if that has passed, instead of at the time set before.
    package func set(to time: MonotonicTime) {
        loop.preconditionOnLoop()
        guard watch != nil else { return }
        // 0 would disarm the timer.
        let result = apus_timerfd_set(descriptor, max(1, time.nanoseconds))
        precondition(result == 0, "timerfd_settime: errno \(-result)")
    }

    /// Goes off no more.
    package func close() {
        loop.preconditionOnLoop()
        guard let watch else { return }
        self.watch = nil
        loop.unwatch(watch)
    }

    package func descriptorIsReady(_ readiness: Readiness) {
        guard watch != nil else { return }
        apus_timerfd_clear(descriptor)
        handler()
    }
}
