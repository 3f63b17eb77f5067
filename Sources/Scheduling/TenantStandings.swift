import HeapModule
import Vocabulary

/// What each tenant has of a text model and what it waits for, while a step is put together.
struct TenantStandings {
    /// A prompt that is to be read: all or some of its tokens are not computed.
    struct Prompt {
        let ticket: Ticket
        let share: TenantShare
        /// Whether it has no pages yet.
        let isWaiting: Bool
        let dueBy: MonotonicTime
        let arrivalIndex: UInt64
        /// When something of it was last computed, or when it came.
        let waitingSince: MonotonicTime
    }

    private struct Standing {
        var weight: Int
        /// With what is in the step for it.
        var level: Double
        /// Of the most urgent of its sequences.
        var priority: Int
        /// Sequences with pages, and pages; those that sequences share count for each.
        var runningCount = 0
        var pageCount = 0
        /// Whether a sequence of it runs that is not paused.
        var isRunning = false
        /// Those with pages first, then in the order in which they are due.
        var prompts: [Prompt] = []
        /// How many of them had their turn in this step.
        var turnCount = 0
        var oldestWait: MonotonicTime?
        var lastServed: MonotonicTime?
    }

    let now: MonotonicTime
    private let limits: TokenLimits
    private var byTenant: [TenantID?: Standing] = [:]
    private var weightSum = 0
    private var order = Heap<Turn>()

    init(at now: MonotonicTime, limits: TokenLimits) {
        self.now = now
        self.limits = limits
    }

    /// Adds a tenant, if it is not there; whichever weight of its requests is the largest counts.
    mutating func add(
        _ share: TenantShare, level: @autoclosure () -> Double, lastServed: @autoclosure () -> MonotonicTime?
    ) {
        if let weight = byTenant[share.tenant]?.weight {
            byTenant[share.tenant]!.priority = min(byTenant[share.tenant]!.priority, share.priority)
            guard share.weight > weight else { return }
            byTenant[share.tenant]!.weight = share.weight
            weightSum += share.weight - weight
        } else {
            byTenant[share.tenant] = Standing(
                weight: share.weight, level: level(), priority: share.priority, lastServed: lastServed())
            weightSum += share.weight
        }
    }

    /// Counts a sequence with pages.
    mutating func add(holder tenant: TenantID?, pageCount: Int, isPaused: Bool) {
        byTenant[tenant]!.runningCount += 1
        byTenant[tenant]!.pageCount += pageCount
        if !isPaused { byTenant[tenant]!.isRunning = true }
    }

    /// Takes a sequence with pages away.
    mutating func remove(holder tenant: TenantID?, pageCount: Int) {
        byTenant[tenant]!.runningCount -= 1
        byTenant[tenant]!.pageCount -= pageCount
    }

    /// Adds a prompt behind those that its tenant has.
    mutating func add(_ prompt: Prompt) {
        let oldest = byTenant[prompt.share.tenant]!.oldestWait ?? prompt.waitingSince
        byTenant[prompt.share.tenant]!.oldestWait = min(oldest, prompt.waitingSince)
        byTenant[prompt.share.tenant]!.prompts.append(prompt)
    }

    var tenantCount: Int { byTenant.count }

    /// When something was last computed for a tenant; for those that had prompts to be read.
    var lastServed: [TenantID?: MonotonicTime] {
        byTenant.compactMapValues { $0.prompts.isEmpty ? nil : $0.lastServed }
    }

    /// The rank of the tenant that goes first, of all that have something to compute.
    var firstRank: Claim.Rank? {
        let writers = byTenant.values.lazy.filter(\.isRunning).map {
            Claim.Rank(hungrySince: nil, priority: $0.priority, level: $0.level)
        }
        let readers = byTenant.values.lazy.compactMap { claim(of: $0)?.rank }
        return [writers.min(), readers.min()].compactMap { $0 }.min()
    }

    // MARK: Prompts in turn

    /// The prompt that goes first.
    var firstPrompt: Prompt? {
        let turns = byTenant.lazy.compactMap { tenant, standing in
            claim(of: standing).map { Turn(claim: $0, tenant: tenant) }
        }
        return turns.min().map { byTenant[$0.tenant]!.prompts[byTenant[$0.tenant]!.turnCount] }
    }

    /// Puts the tenants in order by what they have had.
    mutating func takeTurns() {
        order = Heap(
            byTenant.compactMap { tenant, standing in
                claim(of: standing).map { Turn(claim: $0, tenant: tenant) }
            })
    }

    /// The next prompt; its tenant has no other turn until `returnToOrder`.
    mutating func popPrompt() -> Prompt? {
        guard let turn = order.popMin() else { return nil }
        let standing = byTenant[turn.tenant]!
        byTenant[turn.tenant]!.turnCount += 1
        return standing.prompts[standing.turnCount]
    }

    /// Lets a tenant go on with its next prompt, when its turn comes.
    mutating func returnToOrder(_ tenant: TenantID?) {
        guard let claim = byTenant[tenant].flatMap({ claim(of: $0) }) else { return }
        order.insert(Turn(claim: claim, tenant: tenant))
    }

    /// Counts what is in the step for a tenant, by what it is expected to take.
    mutating func serve(_ share: TenantShare, nanoseconds: Double) {
        byTenant[share.tenant]!.level += nanoseconds / Double(share.weight)
        byTenant[share.tenant]!.lastServed = now
    }

    private func claim(of standing: Standing) -> Claim? {
        guard standing.turnCount < standing.prompts.count, let oldest = standing.oldestWait else { return nil }
        let prompt = standing.prompts[standing.turnCount]
        return Claim(
            waitingSince: max(oldest, standing.lastServed ?? oldest), priority: prompt.share.priority,
            level: standing.level, dueBy: prompt.dueBy, arrivalIndex: prompt.arrivalIndex, at: now,
            ageNanosecondsMax: limits.ageNanosecondsMax)
    }

    private struct Turn: Comparable {
        let claim: Claim
        let tenant: TenantID?

        static func < (left: Turn, right: Turn) -> Bool { left.claim < right.claim }
        static func == (left: Turn, right: Turn) -> Bool { left.claim == right.claim }
    }

    // MARK: Shares of the cache

    /// What sequences compete for.
    enum Resource { case pages, places }

    /// Pages for its weight: whoever has most of them gives way first.
    func load(of tenant: TenantID?) -> Double {
        guard let standing = byTenant[tenant] else { return 0 }
        return Double(standing.pageCount) / Double(standing.weight)
    }

    /// Sequences without pages are let in one by one: whether the tenant has none yet.
    func hasNothing(_ tenant: TenantID?) -> Bool { byTenant[tenant]!.runningCount == 0 }

    /// Whether a tenant would have no more than its share with a sequence of so many pages.
    func isWithinShare(_ tenant: TenantID?, addingPages pageCount: Int) -> Bool {
        let standing = byTenant[tenant]!
        return Double(standing.pageCount + pageCount) <= share(of: standing, in: .pages)
            && Double(standing.runningCount + 1) <= share(of: standing, in: .places)
    }

    /// By how much more than its share a tenant has: more than 1 of one that has to give way.
    func excess(of tenant: TenantID?, in resource: Resource) -> Double {
        let standing = byTenant[tenant]!
        let held = resource == .pages ? standing.pageCount : standing.runningCount
        return Double(held) / share(of: standing, in: resource)
    }

    /// What a tenant is due by its weight, among those that are here; of places one at least.
    private func share(of standing: Standing, in resource: Resource) -> Double {
        let part = Double(standing.weight) / Double(weightSum)
        return switch resource {
        case .pages: Double(limits.pageCount) * part
        case .places: max(1, Double(limits.runningSequenceCountMax) * part)
        }
    }
}
