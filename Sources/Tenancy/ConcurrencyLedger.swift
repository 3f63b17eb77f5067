package import Vocabulary

/// How many calls each tenant has in progress: a value, without a lock.
///
/// Only tenants with calls in progress take room, so its size is bounded by the calls.
package struct ConcurrencyLedger: Hashable, Sendable {
    private var counts: [TenantID: Int] = [:]

    package init() {}

    /// Counts one more call.
    ///
    /// - Throws: RESOURCE_EXHAUSTED when the tenant has `limit` calls in progress; nothing is counted then.
    package mutating func admit(_ tenant: TenantID, limit: Int?) throws(ServingError) {
        let count = counts[tenant, default: 0]
        if let limit, count >= limit {
            throw ServingError(
                .resourceExhausted, "tenant \(tenant) has \(count) calls in progress, the most it may have",
                label: "tenant_concurrency")
        }
        counts[tenant] = count + 1
    }

    /// Counts one call less.
    ///
    /// - Precondition: the call was admitted, and is released once.
    package mutating func release(_ tenant: TenantID) {
        guard let count = counts[tenant] else { preconditionFailure("\(tenant) has no call to release") }
        counts[tenant] = count == 1 ? nil : count - 1
    }

    /// Calls in progress.
    package func count(of tenant: TenantID) -> Int { counts[tenant, default: 0] }

    /// Tenants with calls in progress.
    package var activeTenantCount: Int { counts.count }
}
