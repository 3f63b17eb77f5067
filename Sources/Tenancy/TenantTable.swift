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

        /// Checks that a call that names `model` may go ahead.
        ///
        /// - Throws: PERMISSION_DENIED.
        package func require(
            _ model: ModelName, method: String, _ audience: MethodAudience
        ) throws(ServingError) {
            guard let tenant, !policy.allows(path: method, audience, model: model) else { return }
            throw denied("tenant \(tenant) may not call model \(model)", label: "model_not_allowed")
        }
    }

    /// Decides whether a call may go ahead.
    ///
    /// - Parameters:
    ///   - identity: whom the connection's certificate names; nil for plaintext.
    ///   - method: the gRPC path, for messages.
    ///   - audience: whom the method is for.
    ///   - actingFor: the value of the metadata key `apus-tenant`; ignored from anybody but a router.
    /// - Returns: whom the call is for.
    /// - Throws: UNAUTHENTICATED when nobody knows who calls, PERMISSION_DENIED when who calls may not.
    package func authorize(
        _ identity: PeerIdentity?, method: String, audience: MethodAudience, actingFor: String? = nil
    ) throws(ServingError) -> Caller {
        let principal = try principal(of: identity)
        switch (audience, principal) {
        case (.routers, .router): return Caller(tenant: nil, policy: TenantPolicy())
        case (.routers, _): throw denied("\(method) needs a certificate with the role router", label: "not_a_router")
        case (_, .router) where actingFor != nil:
            let tenant = try named(actingFor)
            guard audience != .admins else { throw notAnAdmin(method) }
            return try caller(tenant, method, audience)
        case (.everybody, .tenant(let tenant)), (.tenants, .tenant(let tenant)), (.readers, .tenant(let tenant)),
            (.managers, .tenant(let tenant)):
            return try caller(tenant, method, audience)
        // Who reads about a model through a front end may be an admin, for whom that names no tenant.
        case (.everybody, _), (.admins, .admin), (.managers, .admin), (.readers, .admin), (.readers, .router):
            return Caller(tenant: nil, policy: TenantPolicy())
        case (.tenants, .router), (.managers, .router):
            throw denied("a router names its tenant in apus-tenant", label: "no_tenant")
        case (.tenants, .admin): throw denied("an admin's certificate calls Admin only", label: "admin_only")
        case (.admins, _): throw notAnAdmin(method)
        }
    }

    /// - Throws: PERMISSION_DENIED for a tenant that is not known, and one that may not manage models but wants to.
    private func caller(
        _ tenant: TenantID, _ method: String, _ audience: MethodAudience
    ) throws(ServingError) -> Caller {
        let caller = Caller(tenant: tenant, policy: try policy(of: tenant))
        guard audience != .managers || caller.policy.allows(path: method, audience) else { throw notAnAdmin(method) }
        return caller
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

    private func policy(of tenant: TenantID) throws(ServingError) -> TenantPolicy {
        guard let policy = policies[tenant] ?? unlistedPolicy else {
            throw denied("tenant \(tenant) is not known here", label: "unknown_tenant")
        }
        return policy
    }
}

private func notAnAdmin(_ method: String) -> ServingError {
    denied("\(method) needs a certificate with the role admin", label: "not_an_admin")
}

private func denied(_ message: String, label: String) -> ServingError {
    ServingError(.permissionDenied, message, label: label)
}
