import Synchronization
package import Vocabulary

/// The tenants of one server, shared by its event loops: admits calls, counts them, and takes a new table while it
/// runs.
///
/// - Isolation: any thread; no lock for a call whose peer has a pass, one short lock for others.
package final class TenantGate: Sendable {
    struct State {
        var table: TenantTable
        var accounts: [TenantID: TenantAccount] = [:]
        /// When there are so many accounts, those without calls are forgotten.
        var accountCountToPrune = 1024
    }

    /// Where the time comes from.
    package struct Clocks: Sendable {
        let monotonic: any MonotonicClock
        /// Seconds since 1970, by which budgets begin anew.
        let unixSeconds: @Sendable () -> Int64

        package init(monotonic: any MonotonicClock, unixSeconds: @escaping @Sendable () -> Int64) {
            self.monotonic = monotonic
            self.unixSeconds = unixSeconds
        }
    }

    /// What a tenant has used in a period, by this process or before it; nil when that cannot be found out now.
    package typealias SpentBefore = @Sendable (TenantID, _ period: Range<Int64>) -> SpentAmounts?

    let state: Mutex<State>
    let clocks: Clocks
    private let spentBefore: SpentBefore
    /// Where more of a budget is asked for; nil for a server that spends its budgets alone.
    package let desk: AdvanceDesk?
    /// Counts what makes passes invalid: new tables, and accounts that were forgotten.
    private let generation = Atomic<UInt64>(1)

    /// - Parameters:
    ///   - table: who may call what, and how much.
    ///   - clocks: where the time comes from.
    ///   - desk: where more of a budget is asked for that other servers spend too; nil for none of them.
    ///   - spentBefore: what was spent of a budget without this gate.
    package init(
        _ table: TenantTable, clocks: Clocks, desk: AdvanceDesk? = nil,
        spentBefore: @escaping SpentBefore = { _, _ in SpentAmounts() }
    ) {
        state = Mutex(State(table: table))
        self.desk = desk
        self.spentBefore = spentBefore
        self.clocks = clocks
    }

    /// Calls with the metadata key `apus-tenant` from others than routers, whose value was ignored.
    package var ignoredHeaderCount: UInt64 { ignoredHeaders.load(ordering: .relaxed) }
    private let ignoredHeaders = Atomic<UInt64>(0)

    /// Counts a call with that key, once for each call, whatever became of it.
    package func countTenantHeader(of identity: PeerIdentity?) {
        if identity?.principal != .router { ignoredHeaders.add(1, ordering: .relaxed) }
    }

    /// Decides by the present table, as `TenantTable.authorize` says, and counts the call as in progress; `leave`
    /// ends it.
    ///
    /// - Parameters:
    ///   - identity: whom the connection's certificate names; nil for plaintext.
    ///   - method: the gRPC path.
    ///   - audience: whom the method is for.
    ///   - actingFor: the value of the metadata key `apus-tenant`.
    ///   - pass: what this returned for an earlier call of the same connection.
    /// - Returns: the pass of this call.
    /// - Throws: UNAUTHENTICATED, PERMISSION_DENIED; RESOURCE_EXHAUSTED at the tenant's limit.
    package func enter(
        _ identity: PeerIdentity?, method: String, audience: MethodAudience, actingFor: String? = nil,
        pass: TenantPass? = nil
    ) throws(ServingError) -> TenantPass {
        if let pass, actingFor == nil, pass.generation == generation.load(ordering: .acquiring),
            pass.audiences.contains(audience)
        {
            try admit(pass, method, audience)
            return pass
        }
        let pass = try decide(identity, method: method, audience: audience, actingFor: actingFor)
        try admit(pass, method, audience)
        return pass
    }

    private func admit(_ pass: TenantPass, _ method: String, _ audience: MethodAudience) throws(ServingError) {
        try pass.require(method: method, audience)
        try pass.account?.admit(pass.caller.policy, MeteredAmounts(callFor: audience), clocks)
    }

    /// Reserves what a call will use at most, before its work begins; `leave` settles it.
    ///
    /// - Throws: RESOURCE_EXHAUSTED when the tenant's rate or budget has no room for it; nothing is reserved then.
    package func reserve(_ amounts: MeteredAmounts, for pass: TenantPass) throws(ServingError) {
        guard let account = pass.account, pass.caller.policy.isMetered else { return }
        try account.take(amounts, pass.caller.policy, clocks)
    }

    /// Settles a part of what a call has reserved while it goes on.
    package func settle(_ pass: TenantPass, reserved: MeteredAmounts, used: MeteredAmounts) {
        guard pass.caller.policy.isMetered else { return }
        pass.account?.settle(reserved: reserved, used: used, pass.caller.policy, clocks)
    }

    /// Ends a call that `enter` let in, once.
    ///
    /// - Parameters:
    ///   - pass: of the call.
    ///   - audience: whom its method is for.
    ///   - reserved: the sum of what it reserved, besides the one request.
    ///   - used: what it has used, besides the one request.
    package func leave(
        _ pass: TenantPass, _ audience: MethodAudience, reserved: MeteredAmounts = MeteredAmounts(),
        used: MeteredAmounts = MeteredAmounts()
    ) {
        guard let account = pass.account else { return }
        var (reserved, used) = (reserved, used)
        let request = MeteredAmounts(callFor: audience)
        (reserved.requests, used.requests) = (request.requests, request.requests)
        account.release(reserved: reserved, used: used, pass.caller.policy, clocks)
    }

    /// Undoes `enter` for a call that is about to enter again.
    package func withdraw(_ pass: TenantPass, _ audience: MethodAudience) {
        pass.account?.withdraw(pass.caller.policy, MeteredAmounts(callFor: audience))
    }

    private func decide(
        _ identity: PeerIdentity?, method: String, audience: MethodAudience, actingFor: String?
    ) throws(ServingError) -> TenantPass {
        // Copied out: the decision formats messages, which is not for under a lock.
        let (table, generation) = state.withLock { ($0.table, self.generation.load(ordering: .acquiring)) }
        let caller = try table.authorize(identity, method: method, audience: audience, actingFor: actingFor)
        // A tenant's methods are open to it as health and reflection are; what a router may do depends on its metadata.
        let isTenant = identity?.principal != .router && caller.tenant != nil
        return TenantPass(
            caller: caller, account: caller.tenant.map(account), generation: generation,
            audiences: isTenant ? [.everybody, .tenants, .readers] : [])
    }

    /// The account of a tenant.
    ///
    /// Only those that have nothing to be remembered are forgotten, and with them every pass: one that kept its account
    /// would count beside the account that its tenant gets next, and the tenant could have twice its limit.
    func account(of tenant: TenantID) -> TenantAccount {
        let now = clocks.monotonic.now()
        return state.withLock { state in
            if let account = state.accounts[tenant] { return account }
            if state.accounts.count >= state.accountCountToPrune {
                state.accounts = state.accounts.filter { !$0.value.isForgettable(at: now) }
                state.accountCountToPrune = max(1024, state.accounts.count * 2)
                generation.add(1, ordering: .acquiringAndReleasing)
            }
            let account = TenantAccount(tenant: tenant, desk: desk, spentBefore: spentBefore)
            state.accounts[tenant] = account
            return account
        }
    }

    /// Replaces the table for the calls to come; those in progress stay counted.
    package func replace(_ table: TenantTable) {
        state.withLock {
            $0.table = table
            generation.add(1, ordering: .acquiringAndReleasing)
        }
    }

    /// Every tenant that has a budget and is listed or remembered, and the present period of that budget.
    package var budgetPeriods: [TenantPeriod] {
        let seconds = clocks.unixSeconds()
        return budgets.map { TenantPeriod(tenant: $0, period: $1.period.interval(around: seconds)) }
    }

    /// Every tenant that has a budget and is listed or remembered.
    var budgets: [(TenantID, BudgetPolicy)] {
        let (table, remembered) = state.withLock { ($0.table, Array($0.accounts.keys)) }
        return Set(table.policies.keys).union(remembered).compactMap { tenant in
            let policy = table.policies[tenant] ?? table.unlistedPolicy
            return (policy?.budget).map { (tenant, $0) }
        }
    }

    /// Others, who count in the same ledger, have spent so much of a tenant's budget by now.
    package func setSpentElsewhere(_ amounts: MeteredAmounts, of budget: TenantPeriod) {
        state.withLock { $0.accounts[budget.tenant] }?.setSpentElsewhere(amounts, in: budget.period)
    }

    /// The tenants that have a floor of resident memory, in bytes.
    package var residentByteCounts: [TenantID: Int] {
        state.withLock { $0.table.policies }.compactMapValues(\.residentByteCount)
    }

    /// Calls of `tenant` in progress.
    package func inProgressCount(of tenant: TenantID) -> Int {
        state.withLock { $0.accounts[tenant]?.inProgressCount ?? 0 }
    }

    /// Every tenant that is remembered, and its calls in progress.
    package var callsInProgress: [(TenantID, Int)] {
        state.withLock { Array($0.accounts.values) }.map { ($0.tenant, $0.inProgressCount) }
    }

    /// What there is to know about a tenant now.
    package struct Status: Sendable {
        package let tenant: TenantID
        package let isListed: Bool
        package let policy: TenantPolicy
        package let inProgressCount: Int
        /// Nil without a budget, and until its first call.
        package let budget: BudgetState?
    }

    /// The tenants that are listed and those that are remembered, by name.
    package var statuses: [Status] {
        let (table, accounts) = state.withLock { ($0.table, $0.accounts) }
        return Set(table.policies.keys).union(accounts.keys).sorted { $0.name < $1.name }.compactMap { tenant in
            guard let policy = table.policies[tenant] ?? table.unlistedPolicy else { return nil }
            return Status(
                tenant: tenant, isListed: table.policies[tenant] != nil, policy: policy,
                inProgressCount: accounts[tenant]?.inProgressCount ?? 0, budget: accounts[tenant]?.budget)
        }
    }

    /// Tenants that are remembered.
    var accountCount: Int { state.withLock { $0.accounts.count } }
}

extension MeteredAmounts {
    /// What a call costs by itself, whatever it does.
    fileprivate init(callFor audience: MethodAudience) { self.init(requests: audience.isWork ? 1 : 0) }
}
