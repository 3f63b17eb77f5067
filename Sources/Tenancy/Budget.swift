import FoundationEssentials
package import Vocabulary

/// How much a tenant may use in each period of the calendar.
package struct BudgetPolicy: Hashable, Sendable {
    package var period: BudgetPeriod
    /// The most of each unit; units that are not here are not limited.
    package var limits: [MeteredUnit: UInt64]

    package init(period: BudgetPeriod, limits: [MeteredUnit: UInt64]) {
        self.period = period
        self.limits = limits
    }
}

/// The stretch of time after which a budget begins anew, in UTC.
package enum BudgetPeriod: String, CaseIterable, Hashable, Sendable {
    case hour
    case day
    /// From Monday on.
    case week
    case month

    /// The period around a moment; both ends in seconds since 1970.
    package func interval(around seconds: Int64) -> Range<Int64> {
        switch self {
        case .hour: return Self.stretch(3_600, from: 0, around: seconds)
        case .day: return Self.stretch(86_400, from: 0, around: seconds)
        // 1970 began on a Thursday.
        case .week: return Self.stretch(7 * 86_400, from: 4 * 86_400, around: seconds)
        case .month:
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = .gmt
            let date = Date(timeIntervalSince1970: Double(seconds))
            guard let month = calendar.dateInterval(of: .month, for: date) else {
                preconditionFailure("no month around \(seconds)")
            }
            return Int64(month.start.timeIntervalSince1970)..<Int64(month.end.timeIntervalSince1970)
        }
    }

    private static func stretch(_ length: Int64, from origin: Int64, around seconds: Int64) -> Range<Int64> {
        let rest = (seconds - origin) % length
        let start = seconds - (rest < 0 ? rest + length : rest)
        return start..<start + length
    }
}

/// What a tenant has spent and promised of its budget in the present period.
///
/// Whatever may be used is reserved before the work begins and settled at its end, so calls in progress at the same
/// time never spend more than there is, however many they are.
package struct BudgetState: Hashable, Sendable {
    /// Seconds since 1970.
    package private(set) var period: Range<Int64>
    private var amounts = SpentAmounts()
    /// The period that was counted in before this one, for a clock that is set back.
    private var neighbour: Neighbour?
    /// Of calls in progress.
    package private(set) var reserved = MeteredAmounts()
    /// What is set aside for this server where several spend the budget; of no meaning elsewhere.
    var advances = BudgetAdvances()

    private struct Neighbour: Hashable {
        let period: Range<Int64>
        let amounts: SpentAmounts
    }

    package init(period: Range<Int64>) { self.period = period }

    package var spent: MeteredAmounts {
        var sum = amounts.here
        sum.add(amounts.elsewhere)
        return sum
    }

    /// Why an amount cannot be had.
    package struct Refusal: Error, Hashable {
        package let unit: MeteredUnit
        package let limit: UInt64
        package let spent: UInt64
        package let reserved: UInt64
        /// Whether calls in progress may give back enough.
        package let mayBecomeFree: Bool
        /// When the next period begins, in seconds since 1970.
        package let resetsAt: Int64
    }

    /// Counts in the period around a moment; what is reserved stays reserved.
    ///
    /// A clock that was set back does not give spent amounts back: its period goes on where it was left. One that is
    /// back just before the period, of which nothing is known, waits for it; one that had jumped far ahead does not.
    ///
    /// - Returns: whether it is another period now.
    package mutating func turn(_ policy: BudgetPolicy, at seconds: Int64) -> Bool {
        // Asked for every call; the calendar is not.
        if period.contains(seconds) { return false }
        let now = policy.period.interval(around: seconds)
        if now.upperBound == period.lowerBound, neighbour?.period != now { return false }
        turn(to: now)
        return true
    }

    private mutating func turn(to period: Range<Int64>) {
        let known = neighbour.flatMap { $0.period == period ? $0.amounts : nil }
        neighbour = Neighbour(period: self.period, amounts: amounts)
        self.period = period
        amounts = known ?? SpentAmounts()
    }

    /// Counts in a period of another length from now on, of which nothing is known.
    package mutating func restart(period: Range<Int64>) {
        self.period = period
        (amounts, neighbour) = (SpentAmounts(), nil)
    }

    /// So much at least was spent in the present period: a part of it may have been counted here already.
    package mutating func learn(_ spent: SpentAmounts) {
        amounts.here.raise(to: spent.here)
        amounts.elsewhere.raise(to: spent.elsewhere)
    }

    /// Others have spent so much by now; a later period begins with that, an earlier one is of no interest any more.
    ///
    /// - Returns: whether it is another period now.
    package mutating func setSpentElsewhere(_ amounts: MeteredAmounts, in period: Range<Int64>) -> Bool {
        let isLater = period.lowerBound >= self.period.upperBound
        if isLater { turn(to: period) }
        if period == self.period { self.amounts.elsewhere = amounts }
        return isLater
    }

    /// Promises an amount to a call.
    ///
    /// - Throws: the first unit of which there is not enough; nothing has changed then.
    package mutating func reserve(_ amount: MeteredAmounts, of policy: BudgetPolicy) throws(Refusal) {
        let spent = spent
        for unit in MeteredUnit.allCases where amount[unit] > 0 {
            guard let limit = policy.limits[unit] else { continue }
            let room = limit - min(limit, spent[unit])
            guard amount[unit] > room - min(room, reserved[unit]) else { continue }
            throw Refusal(
                unit: unit, limit: limit, spent: spent[unit], reserved: reserved[unit],
                mayBecomeFree: amount[unit] <= room, resetsAt: period.upperBound)
        }
        reserved.add(amount)
    }

    /// Whether an amount that the budget has can be promised by this server, which spends only its advances: of the
    /// present period, and of the next, in which the call may end.
    func shortage(of amount: MeteredAmounts, _ policy: BudgetPolicy, at now: MonotonicTime)
        -> BudgetAdvances.Shortage?
    {
        advances.shortage(of: amount, policy.limits, use(in: period), at: now)
            ?? advances.shortage(
                of: amount, policy.limits, advances.period(after: period).map(use), at: now)
    }

    /// What is spent and promised in a period.
    ///
    /// Promises count in each: nobody knows in which they end.
    func use(in period: Range<Int64>) -> BudgetAdvances.Use {
        let known = period == self.period ? amounts : neighbour.flatMap { $0.period == period ? $0.amounts : nil }
        var spent = known?.here ?? MeteredAmounts()
        spent.add(known?.elsewhere ?? MeteredAmounts())
        return BudgetAdvances.Use(
            period: period, spentHere: known?.here ?? MeteredAmounts(), spent: spent, reserved: reserved)
    }

    /// Ends a promise: `used` of it, or more, is spent, the rest is free.
    package mutating func settle(reserved amount: MeteredAmounts, used: MeteredAmounts) {
        reserved.remove(amount)
        amounts.here.add(used)
    }
}

/// What was spent of a budget, by whom.
package struct SpentAmounts: Hashable, Sendable {
    /// By calls of this server, earlier processes included where nobody can tell them apart.
    package var here: MeteredAmounts
    /// By others.
    package var elsewhere: MeteredAmounts

    package init(here: MeteredAmounts = MeteredAmounts(), elsewhere: MeteredAmounts = MeteredAmounts()) {
        self.here = here
        self.elsewhere = elsewhere
    }
}

/// A tenant and the period that its budget is in.
package struct TenantPeriod: Hashable, Sendable {
    package let tenant: TenantID
    /// In seconds since 1970.
    package let period: Range<Int64>

    package init(tenant: TenantID, period: Range<Int64>) {
        self.tenant = tenant
        self.period = period
    }
}
