package import Vocabulary

/// Who is known, and the decision whether a call may go ahead: a value, without I/O, clock or lock.
package struct TenantTable: Hashable, Sendable {
    /// Certificates of any other trust domain are refused, whoever signed them.
    package var trustDomain: String
    /// The tenants that are known by name.
    package var policies: [TenantID: TenantPolicy]
    /// What holds for a tenant that is not in `policies`; nil refuses it.
    package var unlistedPolicy: TenantPolicy?
    /// The tenant of calls without any identity, which come in only by plaintext on the loopback interface; nil refuses
    /// them.
    package var anonymousTenant: TenantID?

    package init(
        trustDomain: String = "apus.local", policies: [TenantID: TenantPolicy] = [:],
        unlistedPolicy: TenantPolicy? = TenantPolicy(), anonymousTenant: TenantID? = nil
    ) {
        self.trustDomain = trustDomain
        self.policies = policies
        self.unlistedPolicy = unlistedPolicy
        self.anonymousTenant = anonymousTenant
    }

    /// Whom an admitted call is for.
    package struct Caller: Hashable, Sendable {
        /// Nil for an admin, and for a router that asks for itself (health, reflection).
        package let tenant: TenantID?
        /// What the tenant may do; everything when there is no tenant.
        package let policy: TenantPolicy
    }

    /// Decides whether a call may go ahead.
    ///
    /// - Parameters:
    ///   - identity: whom the connection's certificate names; nil for plaintext.
    ///   - method: the gRPC path.
    ///   - model: the model the call names; nil when it names none, or is not decoded yet: ask again then.
    ///   - actingFor: the value of the metadata key `apus-tenant`, which only a router may send.
    /// - Returns: whom the call is for.
    /// - Throws: UNAUTHENTICATED when nobody knows who calls, PERMISSION_DENIED when who calls may not.
    package func authorize(
        _ identity: PeerIdentity?, method: String, model: ModelName? = nil, actingFor: String? = nil
    ) throws(ServingError) -> Caller {
        let principal = try principal(of: identity)
        guard actingFor == nil || principal == .router else {
            throw denied("only a router may send apus-tenant", label: "not_a_router")
        }
        switch (MethodAudience(path: method), principal) {
        case (_, .router) where actingFor != nil: return try tenantCaller(try named(actingFor), method, model)
        case (.everybody, .tenant(let tenant)): return Caller(tenant: tenant, policy: try policy(of: tenant))
        case (.everybody, _), (.admins, .admin): return Caller(tenant: nil, policy: TenantPolicy())
        case (.tenants, .tenant(let tenant)): return try tenantCaller(tenant, method, model)
        case (.tenants, .router): throw denied("a router names its tenant in apus-tenant", label: "no_tenant")
        case (.tenants, .admin): throw denied("an admin's certificate calls Admin only", label: "admin_only")
        case (.admins, _): throw denied("\(method) needs a certificate with the role admin", label: "not_an_admin")
        }
    }

    private func principal(of identity: PeerIdentity?) throws(ServingError) -> PeerIdentity.Principal {
        guard let identity else {
            guard let anonymousTenant else {
                throw ServingError(.unauthenticated, "a client certificate is required", label: "no_identity")
            }
            return .tenant(anonymousTenant)
        }
        guard identity.trustDomain == trustDomain else {
            throw ServingError(
                .unauthenticated, "the certificate is of the trust domain \(identity.trustDomain), not \(trustDomain)",
                label: "foreign_trust_domain")
        }
        return identity.principal
    }

    private func named(_ text: String?) throws(ServingError) -> TenantID {
        guard let text, let tenant = TenantID(text) else {
            throw ServingError(
                .invalidArgument, "apus-tenant: expected 1 to 63 characters of a-z 0-9 . _ -, a letter or digit first",
                label: "bad_tenant_name")
        }
        return tenant
    }

    private func tenantCaller(_ tenant: TenantID, _ method: String, _ model: ModelName?) throws(ServingError) -> Caller
    {
        guard MethodAudience(path: method) != .admins else {
            throw denied("\(method) needs a certificate with the role admin", label: "not_an_admin")
        }
        let policy = try policy(of: tenant)
        if let model, let allowed = policy.allowedModels, !allowed.contains(model) {
            throw denied("tenant \(tenant) may not call model \(model)", label: "model_not_allowed")
        }
        return Caller(tenant: tenant, policy: policy)
    }

    private func policy(of tenant: TenantID) throws(ServingError) -> TenantPolicy {
        guard let policy = policies[tenant] ?? unlistedPolicy else {
            throw denied("tenant \(tenant) is not known here", label: "unknown_tenant")
        }
        return policy
    }

    private func denied(_ message: String, label: String) -> ServingError {
        ServingError(.permissionDenied, message, label: label)
    }
}
