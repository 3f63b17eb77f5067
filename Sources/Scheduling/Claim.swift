package import Vocabulary

/// What speaks for a tenant when somebody has to go first; the smaller claim goes.
///
/// 1. A tenant that is *hungry*: it has had nothing from this model for `ageNanosecondsMax`, although it waits; of two,
///    the one that is so longer. So nobody waits for ever, however little its weight.
/// 2. The tenant whose next request is more urgent, see `TenantShare.priority`.
/// 3. The tenant with the lower level, see `TenantShares`.
/// 4. Among equals, and among the requests of one tenant, the one that is due first (`dueBy`), then the one that came
///    first.
///
/// Why the age counts by tenant and not by request: all that a flood consists of grows old. If old requests went
/// first, everybody would be served in the order of arrival just when it matters.
package struct Claim: Comparable, Sendable {
    /// Since when the tenant is without; nil while it is not hungry.
    package let hungrySince: MonotonicTime?
    /// Of its next request; 1 is the most urgent.
    package let priority: Int
    /// The tenant's, with what has been chosen for it already.
    package let level: Double
    /// When its next request has to have gone.
    package let dueBy: MonotonicTime
    /// Counts up in one scheduler; no two claims of a scheduler have the same.
    package let arrivalIndex: UInt64

    /// - Parameters:
    ///   - waitingSince: when the tenant has last had something, or when it began to wait.
    ///   - priority: of its next request.
    ///   - level: of the tenant.
    ///   - dueBy: of its next request.
    ///   - arrivalIndex: of its next request.
    ///   - now: the time.
    ///   - ageNanosecondsMax: after which it is hungry.
    init(
        waitingSince: MonotonicTime, priority: Int, level: Double, dueBy: MonotonicTime, arrivalIndex: UInt64,
        at now: MonotonicTime,
        ageNanosecondsMax: UInt64
    ) {
        hungrySince = waitingSince.advanced(byNanoseconds: ageNanosecondsMax) <= now ? waitingSince : nil
        self.priority = priority
        self.level = level
        self.dueBy = dueBy
        self.arrivalIndex = arrivalIndex
    }

    package static func < (left: Claim, right: Claim) -> Bool {
        if left.rank != right.rank { return left.rank < right.rank }
        return (left.dueBy, left.arrivalIndex) < (right.dueBy, right.arrivalIndex)
    }

    /// What tells tenants apart, in different schedulers too: those of equal rank have the same right.
    package var rank: Rank { Rank(hungrySince: hungrySince, priority: priority, level: level) }

    /// The part of a claim that is the tenant's.
    package struct Rank: Comparable, Sendable {
        let hungrySince: MonotonicTime?
        var priority = TenantShare.priorityDefault
        let level: Double

        package static func < (left: Rank, right: Rank) -> Bool {
            switch (left.hungrySince, right.hungrySince) {
            case (nil, nil): (left.priority, left.level) < (right.priority, right.level)
            case (let left?, let right?) where left != right: left < right
            case (_?, _?): (left.priority, left.level) < (right.priority, right.level)
            case (let left, _): left != nil
            }
        }
    }
}

extension TenantShares {
    /// When a request has to have gone: at its deadline, and no later than when it is as old as any should get.
    ///
    /// Why one number for both: requests with deadlines overtake others of their tenant, but none that came long before
    /// them, so those without a deadline do not starve. What is urgent gets old sooner, which is the same with the
    /// tenant's own requests: it overtakes those that did not come long before it.
    static func dueBy(
        arrival: MonotonicTime, deadline: Deadline, priority: Int, ageNanosecondsMax: UInt64
    ) -> MonotonicTime {
        let age = ageNanosecondsMax / UInt64(TenantShare.priorityDefault) * UInt64(priority)
        return min(deadline.time, arrival.advanced(byNanoseconds: age))
    }
}
