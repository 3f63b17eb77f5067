import CLinux

/// Turns signals into calls on a loop, where anything may be done; a signal handler proper may do next to nothing.
///
/// One watcher at a time.
///
/// - Isolation: its loop.
/// - Source: signal-safety(7).
package final class SignalWatcher: ReadinessHandler {
    private let loop: EventLoop
    private let signals: [Int32]
    private let descriptor: Int32
    private let handler: (Int32) -> Void
    private var watch: WatchID?

    /// Calls `handler` on `loop` with the number of each signal that arrives, until `close`; the signals do not end the
    /// process meanwhile.
    ///
    /// - Throws: `EventLoopError.systemCall`, also when there is another watcher.
    package init(
        _ signals: [Int32], loop: EventLoop, handler: @escaping (Int32) -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        self.signals = signals
        self.handler = handler
        descriptor = apus_signal_pipe_open(signals, signals.count)
        guard descriptor >= 0 else { throw .systemCall("sigaction", code: -descriptor) }
        watch = try loop.watch(descriptor, for: .readable, handler: self)
    }

    deinit { apus_signal_pipe_close(descriptor, signals, signals.count) }

    /// Stops watching; the signals have their default action again once the watcher is gone.
    package func close() {
        loop.preconditionOnLoop()
        guard let watch else { return }
        self.watch = nil
        loop.unwatch(watch)
    }

    package func descriptorIsReady(_ readiness: Readiness) {
        while watch != nil {
            let signal = apus_signal_pipe_read(descriptor)
            guard signal != 0 else { return }
            handler(signal)
        }
    }
}
