package import Vocabulary

/// Divides the engine's time between tenants, all models together: the one that has had least of it goes first.
///
/// A tenant's *level* is the time that was computed for it, divided by its weight. So two tenants that always want more
/// get time as their weights are, whatever their requests cost, and one that floods a model has less of the others.
///
/// A tenant is *busy* while it has requests in the engine. One that comes back from idleness starts at the *floor*:
/// what the least served of the busy ones had when the last turn began. It can neither claim the time that it did not
/// want, nor is it behind those who ran while it came: they are charged for that turn when it ends.
///
/// ```
/// level   flood ──────┐ turn ├──────▲ charged        newcomer's turn is the next
///                     │      │
///         floor ══════╧═ newcomer ══
/// ```
///
/// A value without clock, lock or I/O; one for all schedulers of an engine.
///
/// - Source: Sheng et al. 2023, "Fairness in Serving Large Language Models" (virtual token counter), with nanoseconds;
///   Goyal et al. 1996, "Start-time Fair Queueing", for where a newcomer starts.
package struct TenantShares: Sendable {
    private struct Account {
        /// Nanoseconds divided by the weight; a double is exact to 16 of them after three years.
        var level: Double
        var requestCount = 0
    }

    private var accounts: [TenantID?: Account] = [:]
    private var busyCount = 0
    private var floor = 0.0
    /// With so many accounts, those that nobody needs are forgotten.
    private var accountCountToPrune = Self.accountCountKept

    /// How old a request gets before it goes ahead of others: 2 s.
    ///
    /// Long beside a step or a batch, which take 50 ms or so, so that shares decide nearly always; short beside the ten
    /// seconds and more that clients wait, so that a tenant of little weight hears something meanwhile.
    package static let ageNanosecondsMax: UInt64 = 2_000_000_000

    /// Fewer accounts than that are not worth looking through.
    private static let accountCountKept = 64
    /// Most accounts of tenants that are not busy.
    static let idleAccountCountMax = 4_096

    package init() {}

    /// What a tenant has had, divided by its weight.
    package func level(of tenant: TenantID?) -> Double { accounts[tenant]?.level ?? floor }

    /// One more request of a tenant is in the engine.
    ///
    /// - Returns: whether it is the tenant's only one.
    @discardableResult
    package mutating func enter(_ tenant: TenantID?) -> Bool {
        var account = accounts[tenant] ?? Account(level: floor)
        let isFirst = account.requestCount == 0
        if isFirst {
            account.level = max(account.level, floor)
            busyCount += 1
        }
        account.requestCount += 1
        accounts[tenant] = account
        return isFirst
    }

    /// A request of a tenant has left the engine, after its last charge.
    ///
    /// - Returns: whether it was the tenant's last one.
    /// - Precondition: it has entered.
    @discardableResult
    package mutating func leave(_ tenant: TenantID?) -> Bool {
        guard var account = accounts[tenant], account.requestCount > 0 else {
            preconditionFailure("a request of \(tenant?.name ?? "nobody") left that never entered")
        }
        account.requestCount -= 1
        accounts[tenant] = account
        guard account.requestCount == 0 else { return false }
        busyCount -= 1
        return true
    }

    /// Something is about to run: who comes from now on starts beside the one that is least served now.
    ///
    /// - Complexity: O(tenants).
    package mutating func beginTurn() {
        var least = Double.infinity
        for account in accounts.values where account.requestCount > 0 { least = min(least, account.level) }
        if least.isFinite { floor = max(floor, least) }
        if accounts.count >= accountCountToPrune { prune() }
    }

    /// Nothing is left to run: if nobody is busy, all are equal again.
    ///
    /// Why not as soon as nobody is busy: the next requests of those who were just answered may be on their way.
    package mutating func rest() {
        guard busyCount == 0, !accounts.isEmpty else { return }
        accounts.removeAll(keepingCapacity: true)
        floor = 0
    }

    /// Adds the time that was computed for a tenant's request.
    package mutating func charge(_ share: TenantShare, nanoseconds: Double) {
        accounts[share.tenant, default: Account(level: floor)].level += nanoseconds / Double(share.weight)
    }

    /// Tenants that are remembered.
    var accountCount: Int { accounts.count }

    /// Forgets those who would start at the floor anyway; and all that are not busy when they are too many even so.
    private mutating func prune() {
        accounts = accounts.filter { $0.value.requestCount > 0 || $0.value.level > floor }
        if accounts.count - busyCount > Self.idleAccountCountMax {
            accounts = accounts.filter { $0.value.requestCount > 0 }
        }
        accountCountToPrune = max(Self.accountCountKept, 2 * accounts.count)
    }
}
