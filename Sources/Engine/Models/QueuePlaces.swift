import Vocabulary

/// Who holds how many places in a model's queue, and who gets one: a value, without a lock.
///
/// As long as the queue is no more than half full, whoever comes first gets a place. Beyond that a tenant that has its
/// share by weight is refused, so that who floods a queue does not keep the others out of it; and an eighth of the
/// places stays free for tenants who come when all others have their shares.
struct QueuePlaces {
    private struct Holder {
        var count: Int
        var weight: Int
    }

    /// At least 1.
    let capacity: Int
    private var holders: [TenantID?: Holder] = [:]
    private var weightSum = 0
    /// Places that are taken.
    private(set) var count = 0

    enum Refusal: Equatable {
        /// No place is free.
        case full
        /// The tenant has its share.
        case share(Int)
    }

    init(capacity: Int) { self.capacity = capacity }

    /// The most places that a call of many texts holds at a time; the texts that wait for them hold none.
    static func ofOneCall(capacity: Int) -> Int { max(1, capacity / 4) }

    /// Places held by a tenant.
    func count(of tenant: TenantID?) -> Int { holders[tenant]?.count ?? 0 }

    /// Why so many more places cannot be had now; nil when they can.
    func refusal(of placeCount: Int, for share: TenantShare) -> Refusal? {
        guard count + placeCount <= capacity else { return .full }
        guard count + placeCount > capacity / 2 else { return nil }
        let holder = holders[share.tenant]
        let weights = weightSum - (holder?.weight ?? 0) + share.weight
        // Who has no name is not kept from what nobody with a name asks for.
        let isAlone = share.tenant == nil && weights == share.weight
        let dealt = isAlone ? capacity : capacity - capacity / 8
        let most = max(1, dealt * share.weight / weights)
        return (holder?.count ?? 0) + placeCount <= most ? nil : .share(most)
    }

    /// Takes places.
    ///
    /// - Returns: why none was taken; nil when all were.
    mutating func take(_ placeCount: Int, for share: TenantShare) -> Refusal? {
        if let refusal = refusal(of: placeCount, for: share) { return refusal }
        let holder = holders[share.tenant] ?? Holder(count: 0, weight: 0)
        weightSum += share.weight - holder.weight
        holders[share.tenant] = Holder(count: holder.count + placeCount, weight: share.weight)
        count += placeCount
        return nil
    }

    /// Gives a place of a tenant back.
    ///
    /// - Precondition: it holds one.
    mutating func leave(_ tenant: TenantID?) {
        guard var holder = holders[tenant] else { preconditionFailure("\(tenant?.name ?? "nobody") holds no place") }
        holder.count -= 1
        count -= 1
        if holder.count > 0 {
            holders[tenant] = holder
        } else {
            holders[tenant] = nil
            weightSum -= holder.weight
        }
    }
}
