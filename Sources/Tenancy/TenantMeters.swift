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

    /// How fast the budget is spent.
    private var pace = SpendingPace()

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
        /// The budget has it, as far as is known, but this server has not.
        case advance(MeteredUnit, BudgetPeriod, retryNanoseconds: UInt64)
        /// Nobody knows what is left.
        case unknownBudget(BudgetPeriod, retryNanoseconds: UInt64)
    }

    /// Whether nothing is spent and nothing has to be earned back.
    func isUntouched(at now: MonotonicTime) -> Bool {
        budget == nil && requests.isFull(at: now) && tokens.isFull(at: now)
    }

    /// Takes all of it or nothing; a call counts in the rate of requests whatever it costs of the budget.
    ///
    /// `advanceNanoseconds` says when it is worth asking again for what an advance has not; it is nil for a server that
    /// spends its budgets alone.
    mutating func take(
        _ amounts: MeteredAmounts, _ policy: TenantPolicy, _ now: MonotonicTime, _ seconds: Int64,
        advanceNanoseconds: UInt64? = nil, isCall: Bool
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
        if let budget = policy.budget, let refusal = after.promise(amounts, budget, now, seconds, advanceNanoseconds) {
            // What could not be had is remembered, so that more is asked for.
            if advanceNanoseconds != nil, refusal.mayBeAdvanced {
                self.budget?.advances.want(amounts, of: budget.limits)
            }
            return refusal
        }
        self = after
        return nil
    }

    private mutating func promise(
        _ amounts: MeteredAmounts, _ policy: BudgetPolicy, _ now: MonotonicTime, _ seconds: Int64,
        _ advanceNanoseconds: UInt64?
    ) -> Refusal? {
        var state = turned(policy, seconds)
        if !isHistoryKnown, policy.limits.contains(where: { amounts[$0.key] > 0 }) {
            return .unknownBudget(policy.period, retryNanoseconds: Self.historyRetryNanoseconds)
        }
        let before = state
        do throws(BudgetState.Refusal) {
            try state.reserve(amounts, of: policy)
        } catch {
            return .budget(error, policy.period)
        }
        if let advanceNanoseconds {
            switch before.shortage(of: amounts, policy, at: now) {
            case .usedUp(let unit)?: return .advance(unit, policy.period, retryNanoseconds: advanceNanoseconds)
            case .unknown?: return .unknownBudget(policy.period, retryNanoseconds: advanceNanoseconds)
            case nil: break
            }
        }
        budget = state
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
        pace.add(used, at: now)
    }

    // MARK: Advances

    /// Whether the budget has an amount, as far as is known, but not what is set aside of it for this server: then that
    /// is asked for.
    mutating func lacksAdvance(
        _ amounts: MeteredAmounts, _ policy: BudgetPolicy, _ now: MonotonicTime, _ seconds: Int64
    ) -> Bool {
        var after = self
        let refusal = after.promise(amounts, policy, now, seconds, 0)
        guard let refusal, refusal.mayBeAdvanced else { return false }
        budget?.advances.want(amounts, of: policy.limits)
        return true
    }

    /// Whether the database is to be asked for an advance of a period.
    mutating func isAdvanceDue(
        _ policy: BudgetPolicy, _ period: Range<Int64>, _ now: MonotonicTime, _ seconds: Int64
    ) -> Bool {
        let state = turned(policy, seconds)
        return state.advances.isDue(state.use(in: period), policy.limits, pace: pace.perMinute(at: now), at: now)
    }

    /// Asks for an advance.
    mutating func advanceRequest(
        _ budget: TenantPeriod, _ policy: BudgetPolicy, _ recorded: RecordedAmounts, isLast: Bool,
        _ now: MonotonicTime, _ seconds: Int64
    ) -> AdvanceRequest {
        var state = turned(policy, seconds)
        let request = state.advances.request(
            budget, state.use(in: budget.period), policy.limits, recorded, pace: pace.perMinute(at: now),
            isLast: isLast, at: now)
        self.budget = state
        return request
    }

    /// What calls could not have from now on is asked for the next time.
    mutating func didAskForAdvances() { budget?.advances.didAsk() }

    mutating func setAdvance(_ grant: AdvanceGrant) {
        guard let present = budget?.period else { return }
        budget?.advances.set(grant, present: present)
    }
}

extension TenantMeters.Refusal {
    /// Whether the database may have what this server has not.
    var mayBeAdvanced: Bool {
        switch self {
        case .advance, .unknownBudget: true
        case .requestRate, .tokenRate, .budget: false
        }
    }

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
        case .advance(let unit, let period, let wait):
            ServingError(
                .resourceExhausted,
                "tenant \(tenant) has used up what is set aside for this server of the \(unit.rawValue) of its "
                    + "\(period.rawValue); more is asked for, and the others may have it",
                label: "budget_advance", retryAdvice: .after(nanoseconds: wait))
        case .unknownBudget(let period, let wait):
            ServingError(
                .resourceExhausted,
                "what is left of the budget of tenant \(tenant) for its \(period.rawValue) is not known: the ledger "
                    + "cannot be read",
                label: "budget_unknown", retryAdvice: .after(nanoseconds: wait))
        }
    }
}
