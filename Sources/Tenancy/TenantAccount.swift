import Synchronization
package import Vocabulary

/// How many calls one tenant has in progress.
///
/// - Isolation: any thread, without a lock.
package final class TenantAccount: Sendable {
    package let tenant: TenantID
    private let count = Atomic<Int>(0)

    init(tenant: TenantID) { self.tenant = tenant }

    /// Calls in progress.
    package var inProgressCount: Int { count.load(ordering: .relaxed) }

    /// Counts one more call.
    ///
    /// - Throws: RESOURCE_EXHAUSTED when the tenant has `limit` calls in progress; nothing is counted then.
    func admit(limit: Int?) throws(ServingError) {
        let before = count.add(1, ordering: .relaxed).oldValue
        guard let limit, before >= limit else { return }
        count.subtract(1, ordering: .relaxed)
        throw ServingError(
            .resourceExhausted, "tenant \(tenant) has \(before) calls in progress, the most it may have",
            label: "tenant_concurrency")
    }

    /// Counts one call less.
    ///
    /// - Precondition: the call was admitted, and is released once.
    func release() {
        let after = count.subtract(1, ordering: .relaxed).newValue
        precondition(after >= 0, "\(tenant) has no call to release")
    }
}
