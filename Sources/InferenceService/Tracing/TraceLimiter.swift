import Synchronization
import Tenancy
import Vocabulary

/// How many calls each tenant has recorded because it says so: a bucket for each.
///
/// - Isolation: any thread; one short lock, for calls whose caller asks for it only.
final class TraceLimiter: Sendable {
    /// More tenants than these share what is left of the rate, until buckets are full again.
    private static let tenantCountMax = 4096

    private let limit: RateLimit
    private let meters = Mutex<[TenantID?: RateMeter]>([:])

    init(_ limit: RateLimit) { self.limit = limit }

    /// Takes one call of a tenant, nil standing for whoever is none; false when there were too many.
    func allows(_ tenant: TenantID?, at now: MonotonicTime) -> Bool {
        meters.withLock { meters in
            if meters[tenant] == nil, meters.count >= Self.tenantCountMax {
                meters = meters.filter { !$0.value.isFull(at: now) }
            }
            let key = meters[tenant] == nil && meters.count >= Self.tenantCountMax ? nil : tenant
            return meters[key, default: RateMeter()].take(1, of: limit, at: now) == nil
        }
    }
}
