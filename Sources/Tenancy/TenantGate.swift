import Synchronization
package import Vocabulary

/// The tenants of one server, shared by its event loops: admits calls, counts them, and takes a new table while it
/// runs.
///
/// - Isolation: any thread; one short lock a call.
package final class TenantGate: Sendable {
    private struct State {
        var table: TenantTable
        var ledger = ConcurrencyLedger()
    }

    private let state: Mutex<State>

    package init(_ table: TenantTable) {
        state = Mutex(State(table: table))
    }

    /// Decides by the present table, as `TenantTable.authorize` says; counts nothing.
    package func authorize(
        _ identity: PeerIdentity?, method: String, model: ModelName? = nil, actingFor: String? = nil
    ) throws(ServingError) -> TenantTable.Caller {
        // Copied out: the decision formats messages, which is not for under a lock.
        let table = state.withLock { $0.table }
        return try table.authorize(identity, method: method, model: model, actingFor: actingFor)
    }

    /// Counts a call of an authorized caller as in progress; `release` ends it.
    ///
    /// - Throws: RESOURCE_EXHAUSTED at the tenant's limit.
    package func admit(_ caller: TenantTable.Caller) throws(ServingError) {
        guard let tenant = caller.tenant else { return }
        try state.withLock { state throws(ServingError) in
            try state.ledger.admit(tenant, limit: caller.policy.concurrencyMax)
        }
    }

    /// Ends an admitted call.
    ///
    /// - Precondition: it was admitted, and is released once.
    package func release(_ caller: TenantTable.Caller) {
        guard let tenant = caller.tenant else { return }
        state.withLock { $0.ledger.release(tenant) }
    }

    /// Replaces the table for the calls to come; those in progress stay counted.
    package func replace(_ table: TenantTable) {
        state.withLock { $0.table = table }
    }

    /// Calls of `tenant` in progress.
    package func inProgressCount(of tenant: TenantID) -> Int {
        state.withLock { $0.ledger.count(of: tenant) }
    }
}
