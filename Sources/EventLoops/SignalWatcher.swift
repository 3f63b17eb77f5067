import CLinux

/// Turns signals into calls on a loop, where anything may be done; a signal handler proper may do next to nothing.
///
/// - Isolation: its loop, except for `block`.
/// - Source: signalfd(2).
package final class SignalWatcher: ReadinessHandler {
    private let loop: EventLoop
    private let descriptor: Int32
    private let handler: (Int32) -> Void
    private var watch: WatchID?

    /// Keeps the signals from interrupting the process: they wait for a watcher.
    ///
    /// Called first thing in `main`: threads inherit the mask of the thread that makes them.
    package static func block(_ signals: [Int32]) throws(EventLoopError) {
        let result = apus_block_signals(signals, signals.count)
        guard result == 0 else { throw .systemCall("pthread_sigmask", code: -result) }
    }

    /// Calls `handler` on `loop` with the number of each signal that arrives, until `close`.
    ///
    /// - Precondition: `block` was called with these signals before any thread was made.
    package init(
        _ signals: [Int32], loop: EventLoop, handler: @escaping (Int32) -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        self.handler = handler
        descriptor = apus_signalfd_create(signals, signals.count)
        guard descriptor >= 0 else { throw .systemCall("signalfd", code: -descriptor) }
        watch = try loop.watch(descriptor, for: .readable, handler: self)
    }

    deinit { closeDescriptor(descriptor) }

    /// Stops watching; signals that come now wait.
    package func close() {
        loop.preconditionOnLoop()
        guard let watch else { return }
        self.watch = nil
        loop.unwatch(watch)
    }

    package func descriptorIsReady(_ readiness: Readiness) {
        while watch != nil {
            let signal = apus_signalfd_read(descriptor)
            guard signal != 0 else { return }
            handler(signal)
        }
    }
}
