/// Which of many log lines of one kind are written, when a peer can cause as many as it likes.
///
/// A bucket of tokens for each kind: so many lines at once, then one an interval. The next line that is written says
/// how many were not.
///
/// - Precondition for callers: kinds are few and constant, such as `PeerRejection`; each costs memory for good.
package struct LogRateLimit: Sendable {
    /// Lines of one kind that may be written at once.
    package let burstCountMax: Int
    /// After a burst, one line this often.
    package let intervalNanoseconds: UInt64

    private struct Bucket {
        var tokenCount: Int
        var time: UInt64
        var suppressedCount = 0
    }

    private var buckets: [String: Bucket] = [:]

    package init(burstCountMax: Int = 10, intervalNanoseconds: UInt64 = 1_000_000_000) {
        precondition(burstCountMax >= 1 && intervalNanoseconds >= 1, "\(burstCountMax) a \(intervalNanoseconds) ns")
        self.burstCountMax = burstCountMax
        self.intervalNanoseconds = intervalNanoseconds
    }

    /// Whether a line of `kind` is written at `nanoseconds` of any clock that does not go back: nil when it is not,
    /// else how many were left out since the last one.
    package mutating func admit(_ kind: String, at nanoseconds: UInt64) -> Int? {
        var bucket = buckets[kind] ?? Bucket(tokenCount: burstCountMax, time: nanoseconds)
        let earned = (max(nanoseconds, bucket.time) - bucket.time) / intervalNanoseconds
        if earned > 0 {
            bucket.tokenCount = min(burstCountMax, bucket.tokenCount + Int(min(earned, UInt64(burstCountMax))))
            bucket.time += earned * intervalNanoseconds
        }
        defer { buckets[kind] = bucket }
        guard bucket.tokenCount > 0 else {
            bucket.suppressedCount += 1
            return nil
        }
        bucket.tokenCount -= 1
        defer { bucket.suppressedCount = 0 }
        return bucket.suppressedCount
    }
}
