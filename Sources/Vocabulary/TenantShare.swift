/// Whose a request is, and how much of the engine's time that tenant is due where tenants compete for it.
package struct TenantShare: Hashable, Sendable {
    /// Nil for a request without a tenant; all of those together count as one.
    package let tenant: TenantID?
    /// Twice the weight, twice the time; at least 1.
    package let weight: Int
    /// How urgent it is, 1 being the most urgent; in `priorityRange`.
    package let priority: Int

    package static let priorityRange = 1...9
    /// Of a request that does not say.
    package static let priorityDefault = 5

    package init(tenant: TenantID? = nil, weight: Int = 1, priority: Int = TenantShare.priorityDefault) {
        precondition(weight >= 1 && Self.priorityRange.contains(priority), "weight \(weight), priority \(priority)")
        self.priority = priority
        self.tenant = tenant
        self.weight = weight
    }
}
