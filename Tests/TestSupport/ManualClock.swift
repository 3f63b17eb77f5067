import Synchronization
package import Vocabulary

/// A clock whose hands the test turns.
package final class ManualClock: MonotonicClock {
    private let time: Mutex<MonotonicTime>

    package init(nanoseconds: UInt64 = 1_000_000_000) {
        time = Mutex(MonotonicTime(nanoseconds: nanoseconds))
    }

    package func now() -> MonotonicTime { time.withLock { $0 } }

    /// Lets time pass.
    package func advance(byNanoseconds nanoseconds: UInt64) {
        time.withLock { $0 = $0.advanced(byNanoseconds: nanoseconds) }
    }
}
