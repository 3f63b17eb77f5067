import Vocabulary

/// What one tenant has taken of its rates and its budget: a value, without clock or lock.
struct TenantMeters {
    private(set) var requests = RateMeter()
    private(set) var tokens = RateMeter()
    private(set) var budget: BudgetState?

    /// Whether it is not known what was spent before in the period that `policy` counts by.
    func lacksHistory(_ policy: BudgetPolicy) -> Bool {
        budget.map { !policy.period.isLength(of: $0.period) } ?? true
    }

    /// Counts in `period` from now on, of which `spent` was spent before.
    mutating func begin(_ period: Range<Int64>, spent: SpentAmounts) {
        var state = budget ?? BudgetState(period: period)
        state.restart(period: period, spent: spent)
        budget = state
    }

    /// Others have spent so much by now.
    mutating func setSpentElsewhere(_ amounts: MeteredAmounts, in period: Range<Int64>) {
        budget?.setSpentElsewhere(amounts, in: period)
    }

    /// What there was not enough of.
    enum Refusal {
        case requestRate(RateLimit, waitNanoseconds: UInt64)
        case tokenRate(RateLimit, waitNanoseconds: UInt64)
        case budget(BudgetState.Refusal, BudgetPeriod)
    }

    /// Whether nothing is spent and nothing has to be earned back.
    func isUntouched(at now: MonotonicTime) -> Bool {
        budget == nil && requests.isFull(at: now) && tokens.isFull(at: now)
    }

    /// Takes all of it or nothing; a call counts in the rate of requests whatever it costs of the budget.
    mutating func take(
        _ amounts: MeteredAmounts, _ policy: TenantPolicy, _ now: MonotonicTime, _ seconds: Int64, isCall: Bool
    ) -> Refusal? {
        var after = self
        if let limit = policy.requestRate, isCall, let wait = after.requests.take(1, of: limit, at: now) {
            return .requestRate(limit, waitNanoseconds: wait)
        }
        if let limit = policy.tokenRate, amounts.tokens > 0,
            let wait = after.tokens.take(amounts.tokens, of: limit, at: now)
        {
            return .tokenRate(limit, waitNanoseconds: wait)
        }
        if let budget = policy.budget {
            var state = after.budget ?? BudgetState(period: budget.period.interval(around: seconds))
            state.turn(budget, at: seconds)
            do throws(BudgetState.Refusal) {
                try state.reserve(amounts, of: budget)
            } catch {
                return .budget(error, budget.period)
            }
            after.budget = state
        }
        self = after
        return nil
    }

    /// Gives back what the admission of one call took, `amounts` of them of the budget.
    mutating func withdraw(_ policy: TenantPolicy, _ amounts: MeteredAmounts) {
        if let limit = policy.requestRate { requests.giveBack(1, of: limit) }
        budget?.settle(reserved: amounts, used: MeteredAmounts())
    }

    /// Ends a call: what it used of what it had reserved, or beyond, is spent, the rest is given back.
    mutating func settle(
        reserved: MeteredAmounts, used: MeteredAmounts, _ policy: TenantPolicy, _ now: MonotonicTime
    ) {
        if let limit = policy.tokenRate {
            if reserved.tokens > used.tokens {
                tokens.giveBack(reserved.tokens - used.tokens, of: limit)
            } else if used.tokens > reserved.tokens {
                tokens.charge(used.tokens - reserved.tokens, of: limit, at: now)
            }
        }
        budget?.settle(reserved: reserved, used: used)
    }
}

extension TenantMeters.Refusal {
    /// As the caller reads it.
    func error(of tenant: TenantID, at seconds: Int64) -> ServingError {
        switch self {
        case .requestRate(let limit, let wait):
            ServingError(
                .resourceExhausted, "tenant \(tenant) may make \(limit.perSecond) requests a second",
                label: "request_rate", retryAdvice: .after(nanoseconds: wait))
        case .tokenRate(let limit, let wait):
            ServingError(
                .resourceExhausted, "tenant \(tenant) may use \(limit.perSecond) tokens a second",
                label: "token_rate", retryAdvice: .after(nanoseconds: wait))
        case .budget(let refusal, let period):
            ServingError(
                .resourceExhausted,
                "tenant \(tenant) has used \(refusal.spent) of the \(refusal.limit) \(refusal.unit.rawValue) of its "
                    + "\(period.rawValue), and \(refusal.reserved) are promised to calls in progress; the next "
                    + "\(period.rawValue) begins in \(max(0, refusal.resetsAt - seconds)) s",
                label: "budget_exhausted",
                retryAdvice: refusal.mayBecomeFree ? .after(nanoseconds: ServingError.callEndNanoseconds) : .never)
        }
    }
}
