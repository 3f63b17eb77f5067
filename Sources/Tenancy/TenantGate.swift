import Synchronization
package import Vocabulary

/// The tenants of one server, shared by its event loops: admits calls, counts them, and takes a new table while it
/// runs.
///
/// - Isolation: any thread; no lock for a call whose peer has a pass, one short lock for others.
package final class TenantGate: Sendable {
    private struct State {
        var table: TenantTable
        var accounts: [TenantID: TenantAccount] = [:]
        /// When there are so many accounts, those without calls are forgotten.
        var accountCountToPrune = 1024
    }

    private let state: Mutex<State>
    /// Counts what makes passes invalid: new tables, and accounts that were forgotten.
    private let generation = Atomic<UInt64>(1)

    package init(_ table: TenantTable) {
        state = Mutex(State(table: table))
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
            try pass.account?.admit(limit: pass.caller.policy.concurrencyMax)
            return pass
        }
        let pass = try decide(identity, method: method, audience: audience, actingFor: actingFor)
        try pass.account?.admit(limit: pass.caller.policy.concurrencyMax)
        return pass
    }

    /// Ends a call that `enter` let in, once.
    package func leave(_ pass: TenantPass) { pass.account?.release() }

    private func decide(
        _ identity: PeerIdentity?, method: String, audience: MethodAudience, actingFor: String?
    ) throws(ServingError) -> TenantPass {
        // Copied out: the decision formats messages, which is not for under a lock.
        let (table, generation) = state.withLock { ($0.table, self.generation.load(ordering: .acquiring)) }
        let caller = try table.authorize(identity, method: method, audience: audience, actingFor: actingFor)
        // A tenant's methods are open to it as health and reflection are; what a router may do depends on its metadata.
        let isTenant = actingFor == nil && caller.tenant != nil
        return TenantPass(
            caller: caller, account: caller.tenant.map(account), generation: generation,
            audiences: isTenant ? [.everybody, .tenants, .readers] : [])
    }

    /// The account of a tenant.
    ///
    /// Only those without calls are forgotten, and with them every pass: one that kept its account would count beside
    /// the account that its tenant gets next, and the tenant could have twice its limit.
    private func account(of tenant: TenantID) -> TenantAccount {
        state.withLock { state in
            if let account = state.accounts[tenant] { return account }
            if state.accounts.count >= state.accountCountToPrune {
                state.accounts = state.accounts.filter { $0.value.inProgressCount > 0 }
                state.accountCountToPrune = max(1024, state.accounts.count * 2)
                generation.add(1, ordering: .acquiringAndReleasing)
            }
            let account = TenantAccount(tenant: tenant)
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

    /// Calls of `tenant` in progress.
    package func inProgressCount(of tenant: TenantID) -> Int {
        state.withLock { $0.accounts[tenant]?.inProgressCount ?? 0 }
    }

    /// Tenants that are remembered.
    var accountCount: Int { state.withLock { $0.accounts.count } }
}
