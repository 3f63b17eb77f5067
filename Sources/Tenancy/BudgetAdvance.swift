import Vocabulary

/// What the database that several servers count in has set aside for this one, of a budget in one period.
///
/// A server promises and spends out of its *advance* alone, and the database keeps, for each unit of each budget,
///
/// ```
/// spent, by all servers │ advance of this server │ advances of the others │ free
/// └──────────────────────────────── limit ───────────────────────────────────────┘
/// ```
///
/// in transactions; what is spent leaves the advance in the one that adds it to what was spent. So servers that do not
/// hear of each other never spend more than the limit together.
package struct BudgetAdvance: Hashable, Sendable {
    /// In seconds since 1970.
    package let period: Range<Int64>
    /// Up to where this server may spend, as `SpentAmounts.here` counts: what it had moved to the database when this
    /// was set aside, and the advance on top of it.
    package fileprivate(set) var ceiling: MeteredAmounts
    /// Where the ceiling would be, had everything been set aside that could be.
    fileprivate var reach: MeteredAmounts
    fileprivate var renewedAt: MonotonicTime

    /// How long an advance is spent from without the database: much less than `lifeSeconds`, so that what was promised
    /// in that time has ended when others get the advance.
    package static let validNanoseconds: UInt64 = 3_600_000_000_000
    /// After how long without a renewal the database takes a server for gone, and its advances for free.
    package static let lifeSeconds = 86_400
    /// How long before a period its advances are there.
    static let leadSeconds: Int64 = 3_600
    /// After how long one is renewed that is as it should be.
    private static let renewalNanoseconds: UInt64 = 60_000_000_000

    fileprivate func isValid(at now: MonotonicTime) -> Bool {
        now.nanoseconds(since: renewedAt) < Self.validNanoseconds
    }

    fileprivate func isOld(at now: MonotonicTime) -> Bool {
        now.nanoseconds(since: renewedAt) >= Self.renewalNanoseconds
    }

    /// What a server holds beyond what it has promised, of what is `left`: what it spends in a minute, its `pace`, but
    /// within a small part of what is left, because nobody else has it meanwhile.
    static func cushion(left: UInt64, pace: UInt64) -> UInt64 { min(max(pace, left / 1024), left / 16) }
}

/// What calls could not have, since the last time that more was asked for.
package struct AdvanceDemand: Hashable, Sendable {
    private(set) var sum = MeteredAmounts()
    /// The least that any call could not have of a unit; 0 for none.
    private(set) var least = MeteredAmounts()

    fileprivate mutating func add(_ amount: MeteredAmounts) {
        for unit in MeteredUnit.allCases where amount[unit] > 0 {
            least[unit] = least[unit] == 0 ? amount[unit] : min(least[unit], amount[unit])
        }
        sum.add(amount)
    }
}

/// What a server has recorded for a budget in a period, as `SpentAmounts.here` counts.
package struct RecordedAmounts: Hashable, Sendable {
    /// In the database.
    let moved: MeteredAmounts
    /// Not yet.
    let unmoved: MeteredAmounts

    package init(moved: MeteredAmounts = MeteredAmounts(), unmoved: MeteredAmounts = MeteredAmounts()) {
        self.moved = moved
        self.unmoved = unmoved
    }
}

/// What a server asks of the database for one budget in one period.
package struct AdvanceRequest: Sendable {
    package let budget: TenantPeriod
    package let limits: [MeteredUnit: UInt64]
    /// Promised, or spent and not in the database yet.
    let need: MeteredAmounts
    /// What the server goes on spending from while it asks.
    let keep: MeteredAmounts
    let demand: AdvanceDemand
    /// What it spends in a minute.
    let pace: MeteredAmounts
    /// Whether the server ends, and gives back all that it can.
    let isLast: Bool
    /// What it had moved to the database.
    let moved: MeteredAmounts
    let askedAt: MonotonicTime

    /// How the database answers: what the advance is from now on.
    ///
    /// Not less than what the server goes on spending from: it does not know yet. A part with which no waiting call
    /// could begin is left to others, whom it may be enough for.
    package func answer(_ standing: BudgetStanding) -> AdvanceGrant {
        var (advance, pool) = (MeteredAmounts(), MeteredAmounts())
        for (unit, limit) in limits {
            pool[unit] = min(limit, UInt64(Int64.max))
            pool[unit] -= min(pool[unit], standing.spent[unit])
            pool[unit] -= min(pool[unit], standing.advancedElsewhere[unit])
            let left = pool[unit] - min(pool[unit], need[unit])
            let cushion = isLast ? 0 : BudgetAdvance.cushion(left: left, pace: pace[unit])
            var extra = min(left, MeteredAmounts.sum(demand.sum[unit], cushion))
            if extra < demand.least[unit] { extra = 0 }
            let kept = min(keep[unit], standing.advanced?[unit] ?? 0)
            advance[unit] = max(kept, min(pool[unit], MeteredAmounts.sum(need[unit], extra)))
        }
        return AdvanceGrant(budget: budget, advance: advance, pool: pool, moved: moved, askedAt: askedAt)
    }
}

/// How a budget stands in the database.
package struct BudgetStanding: Hashable, Sendable {
    /// By everybody.
    let spent: MeteredAmounts
    /// Set aside for other servers.
    let advancedElsewhere: MeteredAmounts
    /// Set aside for the server that asks; nil for nothing, or for what it has not renewed for too long.
    let advanced: MeteredAmounts?

    package init(spent: MeteredAmounts, advancedElsewhere: MeteredAmounts, advanced: MeteredAmounts?) {
        self.spent = spent
        self.advancedElsewhere = advancedElsewhere
        self.advanced = advanced
    }
}

/// What a server was given.
package struct AdvanceGrant: Hashable, Sendable {
    package let budget: TenantPeriod
    package let advance: MeteredAmounts
    let pool: MeteredAmounts
    let moved: MeteredAmounts
    let askedAt: MonotonicTime
}

/// The advances of one budget: of the present period and the next, for what is used when a period is over is the
/// next's, and an earlier one for a clock that is set back.
struct BudgetAdvances: Hashable {
    private var advances: [BudgetAdvance] = []
    private var demand = AdvanceDemand()

    /// Why an amount cannot be had of a budget of which there may be more.
    enum Shortage: Hashable {
        case usedUp(MeteredUnit)
        /// Nothing was ever set aside, or so long ago that it may be others' by now.
        case unknown
    }

    /// What has to be known of a budget to ask for an advance, or to spend of it.
    struct Use {
        let period: Range<Int64>
        /// By this server.
        let spentHere: MeteredAmounts
        /// By anybody, as far as is known.
        let spent: MeteredAmounts
        let reserved: MeteredAmounts
    }

    /// Whether an amount can be promised in a period.
    func shortage(
        of amount: MeteredAmounts, _ limits: [MeteredUnit: UInt64], _ use: Use?, at now: MonotonicTime
    ) -> Shortage? {
        guard MeteredUnit.allCases.contains(where: { amount[$0] > 0 && limits[$0] != nil }) else { return nil }
        guard let use, let advance = advances.first(where: { $0.period == use.period }), advance.isValid(at: now)
        else { return .unknown }
        for unit in MeteredUnit.allCases where amount[unit] > 0 && limits[unit] != nil {
            let room = advance.ceiling[unit] - min(advance.ceiling[unit], use.spentHere[unit])
            if amount[unit] > room - min(room, use.reserved[unit]) { return .usedUp(unit) }
        }
        return nil
    }

    /// The period behind another one, of which an advance is there.
    func period(after period: Range<Int64>) -> Range<Int64>? {
        advances.first { $0.period.lowerBound == period.upperBound }?.period
    }

    /// A call could not have so much.
    mutating func want(_ amount: MeteredAmounts, of limits: [MeteredUnit: UInt64]) {
        var limited = MeteredAmounts()
        for unit in limits.keys { limited[unit] = amount[unit] }
        demand.add(limited)
    }

    // MARK: Asking

    /// Whether the database is to be asked about a period now.
    func isDue(
        _ use: Use, _ limits: [MeteredUnit: UInt64], pace: MeteredAmounts, at now: MonotonicTime
    ) -> Bool {
        guard let advance = advances.first(where: { $0.period == use.period }), !advance.isOld(at: now),
            demand.sum == MeteredAmounts()
        else { return true }
        return limits.contains { unit, limit in
            let (free, cushion) = Self.free(advance, use, unit, limit, pace)
            return free < cushion / 2 || free > 2 * cushion
        }
    }

    /// Asks for a period; what is to be given back is not spent from any more.
    mutating func request(
        _ budget: TenantPeriod, _ use: Use, _ limits: [MeteredUnit: UInt64], _ recorded: RecordedAmounts,
        pace: MeteredAmounts, isLast: Bool, at now: MonotonicTime
    ) -> AdvanceRequest {
        var (need, keep) = (use.spentHere, MeteredAmounts())
        need.add(use.reserved)
        if let index = advances.firstIndex(where: { $0.period == use.period }) {
            for (unit, limit) in limits { giveBack(unit, limit, index, use, pace, isLast: isLast) }
            if advances[index].isValid(at: now) { keep = advances[index].ceiling }
        }
        need.remove(recorded.moved)
        keep.remove(recorded.moved)
        // What an earlier process has left in the journal, and nobody here has heard of yet.
        need.raise(to: recorded.unmoved)
        return AdvanceRequest(
            budget: budget, limits: limits, need: need, keep: keep, demand: isLast ? AdvanceDemand() : demand,
            pace: pace, isLast: isLast, moved: recorded.moved, askedAt: now)
    }

    private mutating func giveBack(
        _ unit: MeteredUnit, _ limit: UInt64, _ index: Int, _ use: Use, _ pace: MeteredAmounts, isLast: Bool
    ) {
        let (free, cushion) = Self.free(advances[index], use, unit, limit, pace)
        // Nobody here can begin with what could be had: others may.
        let isOfNoUse = demand.least[unit] > Self.left(advances[index], use, unit, limit)
        let wanted = isLast || isOfNoUse ? 0 : MeteredAmounts.sum(demand.sum[unit], cushion)
        guard isLast || isOfNoUse || free > MeteredAmounts.sum(wanted, cushion) else { return }
        advances[index].ceiling[unit] -= free - min(free, wanted)
    }

    /// Ends a round of asking: calls that are refused from now on have asked for more.
    mutating func didAsk() { demand = AdvanceDemand() }

    mutating func set(_ grant: AdvanceGrant, present: Range<Int64>) {
        var (ceiling, reach) = (grant.moved, grant.moved)
        ceiling.add(grant.advance)
        reach.add(grant.pool)
        // The one that was earlier stays, for a clock that is set back.
        advances.removeAll { $0.period == grant.budget.period || $0.period.upperBound < present.lowerBound }
        advances.append(
            BudgetAdvance(period: grant.budget.period, ceiling: ceiling, reach: reach, renewedAt: grant.askedAt))
    }

    /// What of an advance is not promised, and how much that should be.
    private static func free(
        _ advance: BudgetAdvance, _ use: Use, _ unit: MeteredUnit, _ limit: UInt64, _ pace: MeteredAmounts
    ) -> (UInt64, cushion: UInt64) {
        let taken = MeteredAmounts.sum(use.spentHere[unit], use.reserved[unit])
        let cushion = BudgetAdvance.cushion(left: left(advance, use, unit, limit), pace: pace[unit])
        return (advance.ceiling[unit] - min(advance.ceiling[unit], taken), cushion)
    }

    /// What this server could promise if it had all that others have not, as far as is known.
    private static func left(
        _ advance: BudgetAdvance, _ use: Use, _ unit: MeteredUnit, _ limit: UInt64
    ) -> UInt64 {
        let here = MeteredAmounts.sum(use.spentHere[unit], use.reserved[unit])
        let all = MeteredAmounts.sum(use.spent[unit], use.reserved[unit])
        return min(advance.reach[unit] - min(advance.reach[unit], here), limit - min(limit, all))
    }
}

/// What a server spends in a minute, by its last second or two.
struct SpendingPace: Hashable {
    private var begin = MonotonicTime(nanoseconds: 0)
    private var spent = MeteredAmounts()
    private var lastMinute = MeteredAmounts()

    private static let windowNanoseconds: UInt64 = 1_000_000_000

    mutating func add(_ amount: MeteredAmounts, at now: MonotonicTime) {
        turn(at: now)
        spent.add(amount)
    }

    mutating func perMinute(at now: MonotonicTime) -> MeteredAmounts {
        turn(at: now)
        var pace = Self.perMinute(spent, seconds: 1)
        pace.raise(to: lastMinute)
        return pace
    }

    private mutating func turn(at now: MonotonicTime) {
        let elapsed = now.nanoseconds(since: begin)
        guard elapsed >= Self.windowNanoseconds else { return }
        lastMinute = Self.perMinute(spent, seconds: elapsed / Self.windowNanoseconds)
        (begin, spent) = (now, MeteredAmounts())
    }

    private static func perMinute(_ amounts: MeteredAmounts, seconds: UInt64) -> MeteredAmounts {
        var minute = MeteredAmounts()
        for unit in MeteredUnit.allCases {
            let (product, overflow) = amounts[unit].multipliedReportingOverflow(by: 60)
            minute[unit] = (overflow ? .max : product) / seconds
        }
        return minute
    }
}
