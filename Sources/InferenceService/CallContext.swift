package import Routing
package import Vocabulary

/// What a service knows about the call it answers: who asks, and until when the answer is of use.
package struct CallContext: Sendable {
    /// Nil on a plaintext listener, which only loopback has.
    package let peer: PeerIdentity?
    /// Whom the call is for; nil for an admin or a router that asks for itself.
    package let tenant: TenantID?
    /// The tenant's, where tenants compete.
    package let weight: Int
    /// How urgent it is, as far as the tenant may say so.
    package let priority: CallPriority
    package let deadline: Deadline
    package let requestID: RequestID
    /// The models that the tenant may call; nil for all of them.
    package let allowedModels: Set<ModelName>?
    /// The value of `apus-region-tenant` in the metadata of an admin, for whom that is whose affairs a call is about.
    package let namedTenant: String?
    /// The model of a call whose requests name none, see `ModellessRequest`.
    package let impliedModel: ModelSelector?
    /// Where the call says what it uses; nil where nobody counts.
    package let meter: (any CallMeter)?

    package init(
        peer: PeerIdentity?, tenant: TenantID?, weight: Int = 1, priority: CallPriority = CallPriority(),
        deadline: Deadline, requestID: RequestID, allowedModels: Set<ModelName>? = nil,
        namedTenant: String? = nil, impliedModel: ModelSelector? = nil, meter: (any CallMeter)? = nil
    ) {
        self.namedTenant = namedTenant
        self.peer = peer
        self.tenant = tenant
        self.weight = weight
        self.priority = priority
        self.deadline = deadline
        self.requestID = requestID
        self.allowedModels = allowedModels
        self.impliedModel = impliedModel
        self.meter = meter
    }

    /// Whether what there is to know about a model is for this caller.
    func mayCall(_ model: ModelName) -> Bool { allowedModels?.contains(model) ?? true }

    /// An error as this caller may read it.
    func readable(_ error: ServingError) -> ServingError { allowedModels == nil ? error : error.withoutAlternatives }

    /// Refuses everybody who may look but not change.
    ///
    /// - Throws: PERMISSION_DENIED.
    func requireAdmin(to what: String) throws(ServingError) {
        guard peer?.principal == .admin else {
            throw ServingError(
                .permissionDenied, "to \(what) needs a certificate with the role admin", label: "not_an_admin")
        }
    }

    /// Its claim on the engine.
    package var share: TenantShare { TenantShare(tenant: tenant, weight: weight, priority: priority.level) }
}
