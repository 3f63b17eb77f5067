import DequeModule
import HeapModule
import Vocabulary

/// Requests that may share a batch, each tenant's in a lane of its own.
///
/// A lane goes in the order in which its requests are due, and nothing in it overtakes what is due before. Between
/// lanes their claims decide, one request at a time, so that tenants share a batch too.
struct BatchQueue {
    struct Entry {
        let ticket: Ticket
        let sampleCount: Int
        let share: TenantShare
        let deadline: Deadline
        let arrival: MonotonicTime
        let arrivalIndex: UInt64
        /// See `TenantShares.dueBy`.
        let dueBy: MonotonicTime
    }

    struct Lane {
        /// Ordered by `dueBy`, then by arrival.
        var entries: Deque<Entry> = []
        /// Those with a deadline.
        var deadlineCount = 0
        /// When something of it has last gone, or when its first request came.
        var waitingSince: MonotonicTime
    }

    /// None is empty.
    private(set) var lanes: [TenantID?: Lane] = [:]
    private(set) var requestCount = 0
    /// Of all requests together.
    private(set) var sampleCount = 0
    private let ageNanosecondsMax: UInt64

    init(ageNanosecondsMax: UInt64) { self.ageNanosecondsMax = ageNanosecondsMax }

    var isEmpty: Bool { requestCount == 0 }

    /// - Complexity: O(log n) comparisons; what comes in the order in which it is due is not moved.
    mutating func insert(_ entry: Entry) {
        lanes[entry.share.tenant, default: Lane(waitingSince: entry.arrival)].insert(entry)
        requestCount += 1
        sampleCount += entry.sampleCount
    }

    /// Takes a request out; false when it is not here.
    ///
    /// - Complexity: O(n).
    mutating func remove(_ ticket: Ticket) -> Bool {
        let place = lanes.firstIndex { $0.value.entries.contains { $0.ticket == ticket } }
        guard let tenant = place.map({ lanes[$0].key }) else { return false }
        let removed = lanes[tenant]!.remove { $0.ticket == ticket }
        forget(removed, of: tenant)
        return true
    }

    /// Whether `removeGone` would remove something.
    func hasGone(at now: MonotonicTime, isHopeless: (Entry) -> Bool) -> Bool {
        lanes.values.contains { $0.hasExpired(at: now) || $0.beginsHopeless(isHopeless) }
    }

    /// Takes out what has expired, and requests at the head of a lane that cannot be answered in time any more.
    ///
    /// Those further behind are looked at when they get there, or expire.
    ///
    /// - Complexity: O(lanes) when there is nothing to take out.
    mutating func removeGone(
        at now: MonotonicTime, isHopeless: (Entry) -> Bool
    ) -> (expired: [Ticket], hopeless: [Ticket]) {
        guard hasGone(at: now, isHopeless: isHopeless) else { return ([], []) }
        var expired: [Entry] = []
        var hopeless: [Entry] = []
        for tenant in Array(lanes.keys) {
            let late = lanes[tenant]!.remove { $0.deadline.isExpired(at: now) }
            var vain: [Entry] = []
            while lanes[tenant]!.beginsHopeless(isHopeless) { vain += lanes[tenant]!.removeFirst(1) }
            forget(late + vain, of: tenant)
            expired += late
            hopeless += vain
        }
        // Tenants have no order, tickets have.
        return (expired.map(\.ticket).sorted(), hopeless.map(\.ticket).sorted())
    }

    /// When the oldest request came.
    ///
    /// - Complexity: O(n).
    var oldestArrival: MonotonicTime? {
        lanes.values.lazy.flatMap { $0.entries.lazy.map(\.arrival) }.min()
    }

    /// When the first request has to have gone.
    var firstDue: MonotonicTime? { lanes.values.lazy.compactMap { $0.entries.first?.dueBy }.min() }

    /// The claim of the tenant that goes first.
    func firstClaim(at now: MonotonicTime, _ shares: TenantShares) -> Claim? {
        lanes.lazy.compactMap { claim(of: $0.value, tenant: $0.key, at: now, shares) }.min()
    }

    /// Takes requests for one batch, in the order of their claims.
    ///
    /// The first of a lane that does not fit closes the lane, so that no small request overtakes a large one of its
    /// tenant.
    ///
    /// - Parameters:
    ///   - sampleCountMax: most samples, at least as many as any request has.
    ///   - now: the time.
    ///   - shares: what tenants have had.
    ///   - nanosecondsPerSample: what a tenant is expected to be charged for a sample.
    /// - Returns: in the order of arrival.
    /// - Complexity: O(lanes + taken · log lanes).
    mutating func take(
        sampleCountMax: Int, at now: MonotonicTime, _ shares: TenantShares, nanosecondsPerSample: Double
    ) -> [Entry] {
        let counts = choose(sampleCountMax, at: now, shares, nanosecondsPerSample: nanosecondsPerSample)
        var taken: [Entry] = []
        for (tenant, count) in counts {
            let entries = lanes[tenant]!.removeFirst(count)
            lanes[tenant]!.waitingSince = now
            forget(entries, of: tenant)
            taken += entries
        }
        // One lane without deadlines is in order already.
        let isInOrder = zip(taken, taken.dropFirst()).allSatisfy { $0.arrivalIndex < $1.arrivalIndex }
        return isInOrder ? taken : taken.sorted { $0.arrivalIndex < $1.arrivalIndex }
    }

    /// How many requests of each lane are in the batch; of each that is not left out.
    private func choose(
        _ sampleCountMax: Int, at now: MonotonicTime, _ shares: TenantShares, nanosecondsPerSample: Double
    ) -> [(TenantID?, Int)] {
        var turns: [Turn] = []
        turns.reserveCapacity(lanes.count)
        for (tenant, lane) in lanes {
            guard let claim = claim(of: lane, tenant: tenant, at: now, shares) else { continue }
            turns.append(Turn(claim: claim, tenant: tenant, lane: lane))
        }
        var order = Heap(turns)
        var counts: [(TenantID?, Int)] = []
        var sampleCount = 0
        while sampleCount < sampleCountMax, var turn = order.popMin() {
            let entry = turn.lane.entries[turn.takenCount]
            let fits = sampleCount + entry.sampleCount <= sampleCountMax
            if fits {
                sampleCount += entry.sampleCount
                turn.takenCount += 1
                if turn.takenCount < turn.lane.entries.count {
                    let cost = nanosecondsPerSample * Double(entry.sampleCount) / Double(entry.share.weight)
                    turn.claim = next(turn, level: turn.claim.level + cost, at: now)
                    order.insert(turn)
                    continue
                }
            }
            if turn.takenCount > 0 { counts.append((turn.tenant, turn.takenCount)) }
        }
        while let turn = order.popMin() {
            if turn.takenCount > 0 { counts.append((turn.tenant, turn.takenCount)) }
        }
        return counts
    }

    /// A lane whose next request may be the next of the batch.
    private struct Turn: Comparable {
        var claim: Claim
        let tenant: TenantID?
        let lane: Lane
        var takenCount = 0

        static func < (left: Turn, right: Turn) -> Bool { left.claim < right.claim }
        static func == (left: Turn, right: Turn) -> Bool { left.claim == right.claim }
    }

    private func claim(
        of lane: Lane, tenant: TenantID?, at now: MonotonicTime, _ shares: TenantShares
    ) -> Claim? {
        guard let first = lane.entries.first else { return nil }
        return Claim(
            waitingSince: lane.waitingSince, priority: first.share.priority, level: shares.level(of: tenant),
            dueBy: first.dueBy,
            arrivalIndex: first.arrivalIndex, at: now, ageNanosecondsMax: ageNanosecondsMax)
    }

    /// The claim of a lane of which something is in the batch already.
    private func next(_ turn: Turn, level: Double, at now: MonotonicTime) -> Claim {
        let entry = turn.lane.entries[turn.takenCount]
        return Claim(
            waitingSince: now, priority: entry.share.priority, level: level, dueBy: entry.dueBy,
            arrivalIndex: entry.arrivalIndex, at: now,
            ageNanosecondsMax: ageNanosecondsMax)
    }

    /// Counts requests that have left their lane.
    private mutating func forget(_ entries: [Entry], of tenant: TenantID?) {
        requestCount -= entries.count
        sampleCount -= entries.reduce(0) { $0 + $1.sampleCount }
        if lanes[tenant]?.entries.isEmpty == true { lanes[tenant] = nil }
    }
}

extension BatchQueue.Lane {
    mutating func insert(_ entry: BatchQueue.Entry) {
        var (low, high) = (0, entries.count)
        // Most come behind all others.
        if let last = entries.last, last.goes(before: entry) { low = high }
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].goes(before: entry) { low = middle + 1 } else { high = middle }
        }
        entries.insert(entry, at: low)
        if entry.deadline.isFinite { deadlineCount += 1 }
    }

    mutating func removeFirst(_ count: Int) -> [BatchQueue.Entry] {
        let removed = Array(entries.prefix(count))
        entries.removeFirst(count)
        deadlineCount -= removed.count { $0.deadline.isFinite }
        return removed
    }

    mutating func remove(where isRemoved: (BatchQueue.Entry) -> Bool) -> [BatchQueue.Entry] {
        let removed = entries.filter(isRemoved)
        guard !removed.isEmpty else { return [] }
        entries.removeAll(where: isRemoved)
        deadlineCount -= removed.count { $0.deadline.isFinite }
        return Array(removed)
    }

    /// Whatever has expired is due too, and so at the front.
    func hasExpired(at now: MonotonicTime) -> Bool {
        deadlineCount > 0 && entries.prefix { $0.dueBy <= now }.contains { $0.deadline.isExpired(at: now) }
    }

    func beginsHopeless(_ isHopeless: (BatchQueue.Entry) -> Bool) -> Bool {
        guard let first = entries.first, first.deadline.isFinite else { return false }
        return isHopeless(first)
    }
}

extension BatchQueue.Entry {
    func goes(before other: Self) -> Bool { (dueBy, arrivalIndex) < (other.dueBy, other.arrivalIndex) }
}
