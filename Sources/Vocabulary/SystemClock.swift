import Glibc

/// The clock of the machine: `CLOCK_MONOTONIC`, which never jumps when somebody sets the time.
///
/// - Source: clock_gettime(2).
package struct SystemClock: MonotonicClock {
    package init() {}

    package func now() -> MonotonicTime {
        var time = timespec()
        let result = clock_gettime(CLOCK_MONOTONIC, &time)
        precondition(result == 0, "clock_gettime: errno \(errno)")
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }
}
