import Synchronization
package import Vocabulary

/// What one tenant has in progress, has taken of its rates, and has spent of its budget.
///
/// - Isolation: any thread; without a lock where only calls in progress are limited.
package final class TenantAccount: Sendable {
    package let tenant: TenantID
    private let count = Atomic<Int>(0)
    private let meters = Mutex(TenantMeters())

    private let spentBefore: TenantGate.SpentBefore
    /// Where more of the budget is asked for; nil for a server that spends its budgets alone.
    private let desk: AdvanceDesk?

    init(tenant: TenantID, desk: AdvanceDesk? = nil, spentBefore: @escaping TenantGate.SpentBefore) {
        self.tenant = tenant
        self.desk = desk
        self.spentBefore = spentBefore
    }

    /// Calls in progress.
    package var inProgressCount: Int { count.load(ordering: .relaxed) }

    /// Whether a new account would be the same.
    func isForgettable(at now: MonotonicTime) -> Bool {
        inProgressCount == 0 && meters.withLock { $0.isUntouched(at: now) }
    }

    /// What is left and what is promised of the budget; nil for a tenant without one.
    package var budget: BudgetState? { meters.withLock { $0.budget } }

    /// Others have spent so much of the budget by now.
    func setSpentElsewhere(_ amounts: MeteredAmounts, in period: Range<Int64>) {
        meters.withLock { $0.setSpentElsewhere(amounts, in: period) }
    }

    /// Counts one more call, which costs `amounts` by itself.
    ///
    /// - Throws: RESOURCE_EXHAUSTED when the tenant has `concurrencyMax` calls in progress, or has made too many a
    ///   second, or has none left in its budget; nothing is counted then.
    func admit(
        _ policy: TenantPolicy, _ amounts: MeteredAmounts, _ clocks: TenantGate.Clocks
    ) throws(ServingError) {
        let before = count.add(1, ordering: .relaxed).oldValue
        if let limit = policy.concurrencyMax, before >= limit {
            count.subtract(1, ordering: .relaxed)
            throw .concurrency(tenant, before)
        }
        guard policy.isMetered else { return }
        do throws(ServingError) {
            try take(amounts, policy, clocks, isCall: true)
        } catch {
            count.subtract(1, ordering: .relaxed)
            throw error
        }
    }

    /// Reserves what a call will use at most, or counts the call itself.
    ///
    /// - Throws: RESOURCE_EXHAUSTED; nothing is reserved then.
    func take(
        _ amounts: MeteredAmounts, _ policy: TenantPolicy, _ clocks: TenantGate.Clocks, isCall: Bool = false
    ) throws(ServingError) {
        let (now, seconds) = (clocks.monotonic.now(), clocks.unixSeconds())
        if let budget = policy.budget { learnHistory(budget, now, seconds) }
        let refusal = meters.withLock {
            $0.take(amounts, policy, now, seconds, advanceNanoseconds: desk?.retryNanoseconds, isCall: isCall)
        }
        guard let refusal else { return }
        if refusal.mayBeAdvanced { desk?.ask() }
        throw refusal.error(of: tenant, at: seconds)
    }

    /// Finds out what was spent in the present period without us knowing: before this process, before the tenant had a
    /// budget, or by others.
    ///
    /// As long as that cannot be read, nothing of the budget is promised.
    private func learnHistory(_ budget: BudgetPolicy, _ now: MonotonicTime, _ seconds: Int64) {
        guard let period = meters.withLock({ $0.periodToAsk(budget, now, seconds) }) else { return }
        // Not under the lock: it is read from a disk, once for each tenant and period.
        let spent = spentBefore(tenant, period)
        meters.withLock { $0.learn(spent, of: period, at: now) }
    }

    // MARK: Advances

    /// Does something with what decides about advances, at a moment.
    private func withMeters<Value>(
        _ clocks: TenantGate.Clocks, _ body: (inout TenantMeters, MonotonicTime, _ seconds: Int64) -> Value
    ) -> Value {
        let (now, seconds) = (clocks.monotonic.now(), clocks.unixSeconds())
        return meters.withLock { body(&$0, now, seconds) }
    }

    /// Whether this server has too little for an amount of a budget that has it; then more is asked for.
    func lacksAdvance(_ amounts: MeteredAmounts, _ policy: BudgetPolicy, _ clocks: TenantGate.Clocks) -> Bool {
        guard let desk else { return false }
        learnHistory(policy, clocks.monotonic.now(), clocks.unixSeconds())
        let isLacking = withMeters(clocks) { $0.lacksAdvance(amounts, policy, $1, $2) }
        if isLacking { desk.ask() }
        return isLacking
    }

    func isAdvanceDue(_ period: Range<Int64>, _ policy: BudgetPolicy, _ clocks: TenantGate.Clocks) -> Bool {
        withMeters(clocks) { $0.isAdvanceDue(policy, period, $1, $2) }
    }

    func advanceRequest(
        _ budget: TenantPeriod, _ policy: BudgetPolicy, _ recorded: RecordedAmounts, isLast: Bool,
        _ clocks: TenantGate.Clocks
    ) -> AdvanceRequest {
        withMeters(clocks) { $0.advanceRequest(budget, policy, recorded, isLast: isLast, $1, $2) }
    }

    func didAskForAdvances() { meters.withLock { $0.didAskForAdvances() } }

    func setAdvance(_ grant: AdvanceGrant) { meters.withLock { $0.setAdvance(grant) } }

    /// Takes an admission back: the call goes on elsewhere, where it is admitted anew.
    func withdraw(_ policy: TenantPolicy, _ amounts: MeteredAmounts) {
        if policy.isMetered { meters.withLock { $0.withdraw(policy, amounts) } }
        count.subtract(1, ordering: .relaxed)
    }

    /// Ends promises: what was used is spent, the rest is given back.
    func settle(
        reserved: MeteredAmounts, used: MeteredAmounts, _ policy: TenantPolicy, _ clocks: TenantGate.Clocks
    ) {
        let (now, seconds) = (clocks.monotonic.now(), policy.budget == nil ? 0 : clocks.unixSeconds())
        meters.withLock { $0.settle(reserved: reserved, used: used, policy, now, seconds) }
    }

    /// Counts one call less, and settles what it had reserved.
    ///
    /// - Precondition: the call was admitted, and is released once.
    func release(
        reserved: MeteredAmounts, used: MeteredAmounts, _ policy: TenantPolicy, _ clocks: TenantGate.Clocks
    ) {
        if policy.isMetered { settle(reserved: reserved, used: used, policy, clocks) }
        let after = count.subtract(1, ordering: .relaxed).newValue
        precondition(after >= 0, "\(tenant) has no call to release")
    }
}

extension ServingError {
    /// After how long it is worth asking again for what a call in progress may give back when it ends.
    static let callEndNanoseconds: UInt64 = 100_000_000

    fileprivate static let advanceLabels = ["budget_advance", "budget_unknown"]

    /// Whether more may be set aside for this server of a budget that it could not spend of.
    package var isWantOfAdvance: Bool { Self.advanceLabels.contains(label) }

    fileprivate static func concurrency(_ tenant: TenantID, _ count: Int) -> ServingError {
        ServingError(
            .resourceExhausted, "tenant \(tenant) has \(count) calls in progress, the most it may have",
            label: "tenant_concurrency", retryAdvice: .after(nanoseconds: callEndNanoseconds))
    }
}
