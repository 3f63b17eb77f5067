import Synchronization
import Vocabulary

/// The budgets of a server that may spend only what a database has set aside for it.
extension TenantGate {
    /// Waits, though not long, until this server may spend so much more of a tenant's budget.
    ///
    /// Nothing is promised yet: `reserve` may refuse it afterwards, and does when there is no more.
    package func awaitAdvance(of amounts: MeteredAmounts, for pass: TenantPass) async {
        guard let desk, let policy = pass.caller.policy.budget, let account = pass.account else { return }
        for _ in 0..<AdvanceDesk.waitCountMax {
            let roundCount = desk.roundCount
            guard account.lacksAdvance(amounts, policy, clocks), await desk.wait(for: roundCount) else { return }
        }
    }

    /// The budgets that the database is to be asked about now, each for the present period and the next; near the end
    /// of a period for the one behind that too.
    ///
    /// - Parameter isLast: whether the server ends and gives back what it can; then all of them.
    /// - Returns: nothing for a server that spends its budgets alone.
    package func advancesDue(isLast: Bool = false) -> [TenantPeriod] {
        guard desk != nil else { return [] }
        let seconds = clocks.unixSeconds()
        // Once for all tenants: the calendar takes its time.
        let periods = Dictionary(
            uniqueKeysWithValues: BudgetPeriod.allCases.map { ($0, Self.periods($0, from: seconds)) })
        return budgets.flatMap { tenant, policy in
            let account = account(of: tenant)
            return (periods[policy.period] ?? []).filter { isLast || account.isAdvanceDue($0, policy, clocks) }
                .map { TenantPeriod(tenant: tenant, period: $0) }
        }
    }

    private static func periods(_ length: BudgetPeriod, from seconds: Int64) -> [Range<Int64>] {
        let present = length.interval(around: seconds)
        let next = length.interval(around: present.upperBound)
        guard present.upperBound <= seconds + BudgetAdvance.leadSeconds else { return [present, next] }
        return [present, next, length.interval(around: next.upperBound)]
    }

    /// Asks for advances; what is to be given back is not spent from any more.
    ///
    /// - Parameters:
    ///   - budgets: which of them.
    ///   - isLast: whether the server ends and gives back what it can.
    ///   - recorded: what this server has recorded; what of it is in the database must not change until `setAdvances`.
    /// - Returns: a request for each budget that there still is.
    package func advanceRequests(
        _ budgets: [TenantPeriod], isLast: Bool, recorded: (TenantPeriod) -> RecordedAmounts
    ) -> [AdvanceRequest] {
        let table = state.withLock { $0.table }
        let requests = budgets.compactMap { budget -> AdvanceRequest? in
            guard let policy = (table.policies[budget.tenant] ?? table.unlistedPolicy)?.budget else { return nil }
            return account(of: budget.tenant).advanceRequest(
                budget, policy, recorded(budget), isLast: isLast, clocks)
        }
        for tenant in Set(budgets.map(\.tenant)) { account(of: tenant).didAskForAdvances() }
        return requests
    }

    /// Takes in what the database has set aside.
    package func setAdvances(_ grants: [AdvanceGrant]) {
        for grant in grants { account(of: grant.budget.tenant).setAdvance(grant) }
    }
}
