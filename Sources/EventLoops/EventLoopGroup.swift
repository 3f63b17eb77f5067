package import Vocabulary

/// The loops of a server or a client, each with a thread of its own.
package final class EventLoopGroup: Sendable {
    package let loops: [EventLoop]

    /// Starts `loopCount` loops named `NAME-0`, `NAME-1`, ….
    ///
    /// - Throws: `EventLoopError`; the loops that had started are stopped.
    /// - Precondition: `loopCount` is at least 1.
    package init(
        name: String, loopCount: Int, clock: any MonotonicClock = SystemClock()
    ) throws(EventLoopError) {
        precondition(loopCount >= 1, "loopCount \(loopCount)")
        var loops: [EventLoop] = []
        do throws(EventLoopError) {
            for index in 0..<loopCount {
                let loop = try EventLoop(name: "\(name)-\(index)", clock: clock)
                try loop.start()
                loops.append(loop)
            }
        } catch {
            for loop in loops { loop.stop() }
            throw error
        }
        self.loops = loops
    }

    /// Stops all loops and waits for their threads; what lives on them has been closed.
    ///
    /// - Precondition: not called on one of the loops.
    package func stop() {
        for loop in loops { loop.stop() }
        for loop in loops { loop.join() }
    }
}
