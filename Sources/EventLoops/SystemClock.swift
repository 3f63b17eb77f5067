import CLinux
package import Vocabulary

/// CLOCK_MONOTONIC: nanoseconds since the machine started.
package struct SystemClock: MonotonicClock {
    package init() {}

    package func now() -> MonotonicTime { MonotonicTime(nanoseconds: apus_monotonic_nanoseconds()) }
}
