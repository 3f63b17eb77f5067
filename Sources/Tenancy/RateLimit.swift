package import Vocabulary

/// How much of something a tenant may take in a second, and at once.
package struct RateLimit: Hashable, Sendable {
    /// Above 0.
    package let perSecond: Double
    /// What may be taken at once after a pause, at least 1.
    package let burst: UInt64

    /// - Precondition: `perSecond` is in `perSecondRange`, and `burst` at least 1.
    package init(perSecond: Double, burst: UInt64) {
        precondition(RateLimit.perSecondRange.contains(perSecond) && burst >= 1, "\(perSecond) a second, \(burst)")
        self.perSecond = perSecond
        self.burst = burst
    }

    /// From one in about a day to more than anybody can count.
    package static let perSecondRange = 0.000_01...1e9

    /// How long it takes to earn `amount`.
    fileprivate func nanoseconds(for amount: UInt64) -> UInt64 {
        UInt64(clampedNanoseconds: Double(amount) / perSecond * 1e9)
    }
}

extension UInt64 {
    /// Rounded up, and at most some three hundred years.
    fileprivate init(clampedNanoseconds nanoseconds: Double) {
        self = nanoseconds < 9e18 ? UInt64(nanoseconds.rounded(.up)) : 9_000_000_000_000_000_000
    }
}

/// A token bucket: full after a pause, emptied by what is taken, filled at a steady rate.
///
/// It is kept as the one moment at which it will be full again, so it needs no timer and no fraction: taking moves the
/// moment away, time brings it nearer.
///
/// ```
///    now            full again
///     ├───────────────┤             what is missing in the bucket, in time
///     ├───────────────────────────┤ all that fits, in time
///                     ├──────────┤  what may be taken now
/// ```
///
/// An amount larger than the bucket is given when the bucket is full, and leaves it in debt: it would never be given
/// otherwise, and over time no more than the rate is taken.
///
/// - Source: ATM Forum TM 4.1, generic cell rate algorithm (virtual scheduling).
package struct RateMeter: Hashable, Sendable {
    private var fullAt = MonotonicTime(nanoseconds: 0)
    /// By which what is missing is told in time; nil before anything was taken.
    private var rate: RateLimit?

    package init() {}

    /// Whether nothing is missing.
    package func isFull(at now: MonotonicTime) -> Bool { fullAt <= now }

    /// Takes `amount`, or says how long to wait until it could be.
    ///
    /// - Returns: nil when it was taken; otherwise nanoseconds, and nothing was.
    package mutating func take(_ amount: UInt64, of limit: RateLimit, at now: MonotonicTime) -> UInt64? {
        follow(limit, at: now)
        let missing = fullAt.nanoseconds(since: now)
        let room = limit.nanoseconds(for: limit.burst)
        let needed = limit.nanoseconds(for: min(amount, limit.burst))
        if missing > room - needed { return missing - (room - needed) }
        fullAt = max(fullAt, now).advanced(byNanoseconds: limit.nanoseconds(for: amount))
        return nil
    }

    /// Puts back what was taken and not used.
    package mutating func giveBack(_ amount: UInt64, of limit: RateLimit) {
        // What is missing is told by the rate at which it was taken, whatever holds since.
        let nanoseconds = (rate ?? limit).nanoseconds(for: amount)
        fullAt = MonotonicTime(nanoseconds: fullAt.nanoseconds - min(fullAt.nanoseconds, nanoseconds))
    }

    /// Takes what was used beyond what had been taken before, whether it is there or not.
    package mutating func charge(_ amount: UInt64, of limit: RateLimit, at now: MonotonicTime) {
        follow(limit, at: now)
        fullAt = max(fullAt, now).advanced(byNanoseconds: limit.nanoseconds(for: amount))
    }

    /// Counts by another rate from now on: what is missing stays the same amount, and is earned in another time.
    private mutating func follow(_ limit: RateLimit, at now: MonotonicTime) {
        defer { rate = limit }
        guard let rate, rate.perSecond != limit.perSecond, fullAt > now else { return }
        let missing = Double(fullAt.nanoseconds(since: now)) * (rate.perSecond / limit.perSecond)
        fullAt = now.advanced(byNanoseconds: UInt64(clampedNanoseconds: missing))
    }
}
