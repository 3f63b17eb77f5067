import Vocabulary

/// What one tenant has taken of its rates and its budget: a value, without clock or lock.
struct TenantMeters {
    private(set) var requests = RateMeter()
    private(set) var tokens = RateMeter()
    private(set) var budget: BudgetState?

    /// By which `budget` is counted.
    private var budgetPeriod: BudgetPeriod?
    /// Whether it was found out what was spent in the budget's period without us knowing, and when to ask if not.
    private var isHistoryKnown = false
    private var historyDueAt = MonotonicTime(nanoseconds: 0)

    /// How long a ledger that could not be read is left alone, by each tenant.
    static let historyRetryNanoseconds: UInt64 = 1_000_000_000

    /// The period of which it has to be asked now what was spent in it; nil when that is known, or was asked in vain
    /// just now.
    mutating func periodToAsk(_ policy: BudgetPolicy, _ now: MonotonicTime, _ seconds: Int64) -> Range<Int64>? {
        let period = turned(policy, seconds).period
        return isHistoryKnown || now < historyDueAt ? nil : period
    }

    /// Takes in what was spent in a period; nil when it could not be read, and has to be asked again.
    mutating func learn(_ spent: SpentAmounts?, of period: Range<Int64>, at now: MonotonicTime) {
        guard budget?.period == period else { return }
        guard let spent else {
            historyDueAt = now.advanced(byNanoseconds: Self.historyRetryNanoseconds)
            return
        }
        budget?.learn(spent)
        isHistoryKnown = true
    }

    /// Others have spent so much by now.
    mutating func setSpentElsewhere(_ amounts: MeteredAmounts, in period: Range<Int64>) {
        if budget?.setSpentElsewhere(amounts, in: period) ?? false { forgetHistory() }
    }

    private mutating func forgetHistory() {
        isHistoryKnown = false
        historyDueAt = MonotonicTime(nanoseconds: 0)
    }

    /// The budget as it is at a moment.
    @discardableResult
    private mutating func turned(_ policy: BudgetPolicy, _ seconds: Int64) -> BudgetState {
        var state: BudgetState
        if let budget, budgetPeriod == policy.period {
            state = budget
            if state.turn(policy, at: seconds) { forgetHistory() }
        } else {
            let period = policy.period.interval(around: seconds)
            state = budget ?? BudgetState(period: period)
            state.restart(period: period)
            budgetPeriod = policy.period
            forgetHistory()
        }
        budget = state
        return state
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
            var state = after.turned(budget, seconds)
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
        reserved: MeteredAmounts, used: MeteredAmounts, _ policy: TenantPolicy, _ now: MonotonicTime, _ seconds: Int64
    ) {
        if let limit = policy.tokenRate {
            if reserved.tokens > used.tokens {
                tokens.giveBack(reserved.tokens - used.tokens, of: limit)
            } else if used.tokens > reserved.tokens {
                tokens.charge(used.tokens - reserved.tokens, of: limit, at: now)
            }
        }
        // What is used when a period is over belongs to the next; what else was, the next call asks.
        if let policy = policy.budget { turned(policy, seconds) }
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
