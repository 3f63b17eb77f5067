import Vocabulary

/// Counts events and forgets them at a steady rate.
struct LeakyBucket {
    private let capacity: Double
    private let leakPerNanosecond: Double
    private var level = 0.0
    private var updated = MonotonicTime(nanoseconds: 0)

    /// A bucket that holds `burst` and empties by `perSecond`.
    init(burst: UInt32, perSecond: UInt32) {
        capacity = Double(burst)
        leakPerNanosecond = Double(perSecond) / 1e9
    }

    /// Lets out what the time since the last call allows.
    mutating func leak(until now: MonotonicTime) {
        level = max(0, level - Double(now.nanoseconds(since: updated)) * leakPerNanosecond)
        updated = max(updated, now)
    }

    /// Pours in `amount` and says whether the bucket still holds it.
    mutating func pour(_ amount: Double) -> Bool {
        level += amount
        return level <= capacity
    }

    /// Takes out `amount`.
    mutating func scoop(_ amount: Double) { level = max(0, level - amount) }
}
