package import Vocabulary

/// What the gate has found out about a peer: whom its calls are for, and where they are counted.
///
/// A connection keeps the pass of its last call; while the table is the same, its next calls are not decided anew.
package final class TenantPass: Sendable {
    package let caller: TenantTable.Caller
    /// Nil for an admin, and for a router that asks for itself.
    let account: TenantAccount?
    /// The gate's when this was decided; the pass holds while it is the same.
    let generation: UInt64
    /// For methods of which audience it holds; nil when it holds for the one call only.
    let audiences: Set<MethodAudience>

    private let isOpen: Bool

    init(caller: TenantTable.Caller, account: TenantAccount?, generation: UInt64, audiences: Set<MethodAudience>) {
        self.caller = caller
        isOpen = caller.policy.isOpen
        self.account = account
        self.generation = generation
        self.audiences = audiences
    }

    /// Checks that the caller may call a method for a model.
    ///
    /// - Throws: PERMISSION_DENIED.
    package func require(_ model: ModelName, method: String, _ audience: MethodAudience) throws(ServingError) {
        guard !isOpen || audience == .managers else { return }
        try caller.require(model, method: method, audience)
    }

    /// Checks that the caller may call a method.
    ///
    /// - Throws: PERMISSION_DENIED.
    func require(method: String, _ audience: MethodAudience) throws(ServingError) {
        guard caller.tenant != nil, !isOpen || audience == .managers, !caller.policy.allows(path: method, audience)
        else { return }
        throw ServingError(
            .permissionDenied, "tenant \(caller.tenant?.name ?? "") may not call \(method)",
            label: "method_not_allowed")
    }
}
