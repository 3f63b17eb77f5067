/// Whose a request is, and how much of the engine's time that tenant is due where tenants compete for it.
package struct TenantShare: Hashable, Sendable {
    /// Nil for a request without a tenant; all of those together count as one.
    package let tenant: TenantID?
    /// Twice the weight, twice the time; at least 1.
    package let weight: Int

    package init(tenant: TenantID? = nil, weight: Int = 1) {
        precondition(weight >= 1, "weight \(weight)")
        self.tenant = tenant
        self.weight = weight
    }
}
