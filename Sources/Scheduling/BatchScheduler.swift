package import Vocabulary

/// The limits of one model's queue.
package struct BatchLimits: Equatable, Sendable {
    /// Most samples in one execution, at least 1.
    package var batchSizeMax: Int
    /// Most requests that wait; one more is refused.
    package var queueCapacity: Int
    /// How long the oldest request waits for company while the engine is free; 0 runs what is there at once, so that
    /// batches form only while the engine is busy.
    package var queueDelayMaxNanoseconds: UInt64
    /// How long a tenant waits for its turn before it goes ahead of others, whatever it has had.
    package var ageNanosecondsMax: UInt64

    /// - Precondition: `batchSizeMax` and `queueCapacity` are at least 1.
    package init(
        batchSizeMax: Int, queueCapacity: Int, queueDelayMaxNanoseconds: UInt64 = 0,
        ageNanosecondsMax: UInt64 = TenantShares.ageNanosecondsMax
    ) {
        precondition(batchSizeMax >= 1 && queueCapacity >= 1, "batch \(batchSizeMax), queue \(queueCapacity)")
        self.batchSizeMax = batchSizeMax
        self.queueCapacity = queueCapacity
        self.queueDelayMaxNanoseconds = queueDelayMaxNanoseconds
        self.ageNanosecondsMax = ageNanosecondsMax
    }
}

/// A request as the batch scheduler sees it; the tensors stay with the engine.
package struct BatchRequest<Key: Hashable & Sendable>: Sendable {
    package let ticket: Ticket
    /// What it adds to a batch, in `1 ... batchSizeMax`.
    package let sampleCount: Int
    /// Only requests with equal keys share a batch.
    package let key: Key
    package let deadline: Deadline
    package let share: TenantShare

    package init(
        ticket: Ticket, sampleCount: Int, key: Key, deadline: Deadline = .never, share: TenantShare = TenantShare()
    ) {
        self.ticket = ticket
        self.sampleCount = sampleCount
        self.key = key
        self.deadline = deadline
        self.share = share
    }
}

/// What became of a request that asked to be queued.
package enum QueueAdmission: Equatable, Sendable {
    case queued
    /// The queue holds `queueCapacity` requests; the request was not taken.
    case refused
}

/// Requests that run in one execution, in the order of their arrival.
package struct Batch: Equatable, Sendable {
    package let tickets: [Ticket]
    package let sampleCount: Int
}

/// What to do now for one model.
package struct BatchDecision: Equatable, Sendable {
    /// Requests whose deadline passed while they waited; they have left the queue and want that answer.
    package var expired: [Ticket] = []
    /// Requests whose deadline is sooner than the model can answer; they have left the queue too.
    package var hopeless: [Ticket] = []
    /// The requests to execute; nil when it is better, or only possible, to wait.
    package var batch: Batch?
}

/// Forms batches for one model: a bounded queue, cut into runs of compatible requests.
///
/// A batch is due when the oldest request of its kind has waited `queueDelayMaxNanoseconds`, or when no more fits into
/// it. Which of those that are due is cut, and with which requests, is decided by claims (see `Claim`): the tenant that
/// has had least of the engine goes first, request by request, so that a batch is shared by those who wait. Among the
/// requests of one tenant the one that is due first goes first, then the one that came first;
/// the first that does not fit ends the tenant's part of the batch, so that a small request never overtakes a large one
/// of its kind and tenant. A single tenant without deadlines is served in the order of arrival.
///
/// A request leaves unanswered when its deadline has passed, and when it could not be met even if the request ran alone
/// and now, as far as that can be told from the batches before.
///
/// A value without clock, lock or I/O: the engine thread owns it, says what time it is, and does what it answers.
package struct BatchScheduler<Key: Hashable & Sendable> {
    package let limits: BatchLimits
    /// By what may share a batch; none is empty.
    var queues: [Key: BatchQueue] = [:]
    /// Requests waiting.
    package private(set) var queuedRequestCount = 0
    private var costs = BatchCosts<Key>()
    /// What was cut last.
    private var lastKey: Key?
    private var arrivalCount: UInt64 = 0
    private var lastArrival = MonotonicTime(nanoseconds: 0)

    package init(limits: BatchLimits) {
        self.limits = limits
    }

    /// Puts a request into the queue.
    ///
    /// A request that was on its way while a later one overtook it counts as having come together with that one.
    ///
    /// - Precondition: its samples fit into one batch, and its ticket is new.
    package mutating func enqueue(_ request: BatchRequest<Key>, at now: MonotonicTime) -> QueueAdmission {
        precondition(
            (1...limits.batchSizeMax).contains(request.sampleCount),
            "\(request.sampleCount) samples in batches of \(limits.batchSizeMax)")
        guard queuedRequestCount < limits.queueCapacity else { return .refused }
        lastArrival = max(lastArrival, now)
        let entry = BatchQueue.Entry(
            ticket: request.ticket, sampleCount: request.sampleCount, share: request.share,
            deadline: request.deadline, arrival: lastArrival, arrivalIndex: arrivalCount,
            dueBy: TenantShares.dueBy(
                arrival: lastArrival, deadline: request.deadline, priority: request.share.priority,
                ageNanosecondsMax: limits.ageNanosecondsMax))
        let empty = BatchQueue(ageNanosecondsMax: limits.ageNanosecondsMax)
        queues[request.key, default: empty].insert(entry)
        arrivalCount += 1
        queuedRequestCount += 1
        return .queued
    }

    /// Takes a request out of the queue.
    ///
    /// - Returns: false when it is not there any more: it was cut into a batch, or it expired.
    /// - Complexity: O(queue).
    package mutating func cancel(_ ticket: Ticket) -> Bool {
        for key in Array(queues.keys) where queues[key]!.remove(ticket) {
            forget(1, of: key)
            return true
        }
        return false
    }

    /// Empties the queue, for a shutdown.
    package mutating func cancelAll() -> [Ticket] {
        defer {
            queues = [:]
            queuedRequestCount = 0
        }
        return queues.values.flatMap { $0.lanes.values.flatMap { $0.entries.map(\.ticket) } }.sorted()
    }

    /// Whether `next(at:)` would answer anything now, or when it will.
    package func readiness(at now: MonotonicTime) -> SchedulerReadiness {
        var until: MonotonicTime?
        for (key, queue) in queues {
            if isDue(queue, at: now) || queue.hasGone(at: now, isHopeless: isHopeless(key, at: now)) { return .ready }
            // Not due, so it waits for company.
            guard let oldest = queue.oldestArrival, let due = queue.firstDue else { continue }
            let time = min(due, oldest.advanced(byNanoseconds: limits.queueDelayMaxNanoseconds))
            until = min(until ?? time, time)
        }
        return until.map { .waiting(until: $0) } ?? .idle
    }

    /// The rank of the tenant for whom the next batch would be in the first place; nil when none is due.
    package func rank(at now: MonotonicTime, _ shares: TenantShares) -> Claim.Rank? {
        queues.values.lazy.filter { isDue($0, at: now) }.compactMap { $0.firstClaim(at: now, shares) }.min()?.rank
    }

    /// Drops what has expired or is hopeless, and cuts the next batch if one is due.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - shares: what tenants have had.
    /// - Returns: what to answer, and what to execute.
    /// - Complexity: O(tenants that wait + batch · log tenants), and O(queue) when something has expired.
    package mutating func next(at now: MonotonicTime, _ shares: TenantShares = TenantShares()) -> BatchDecision {
        var decision = BatchDecision()
        for key in Array(queues.keys) {
            let gone = queues[key]!.removeGone(at: now, isHopeless: isHopeless(key, at: now))
            decision.expired += gone.expired
            decision.hopeless += gone.hopeless
            forget(gone.expired.count + gone.hopeless.count, of: key)
        }
        guard let key = dueKey(at: now, shares) else { return decision }
        let entries = queues[key]!.take(
            sampleCountMax: limits.batchSizeMax, at: now, shares,
            nanosecondsPerSample: costs.nanosecondsPerSample(of: key, batchSizeMax: limits.batchSizeMax))
        forget(entries.count, of: key)
        lastKey = key
        decision.batch = Batch(
            tickets: entries.map(\.ticket), sampleCount: entries.reduce(0) { $0 + $1.sampleCount })
        return decision
    }

    /// Learns from the batch that was cut last.
    ///
    /// - Parameters:
    ///   - sampleCount: how many samples of it were run.
    ///   - nanoseconds: what that took.
    ///   - now: the time when it was done.
    package mutating func learn(sampleCount: Int, nanoseconds: UInt64, at now: MonotonicTime) {
        guard let lastKey else { preconditionFailure("no batch was cut") }
        costs.learn(lastKey, sampleCount: sampleCount, nanoseconds: nanoseconds, at: now)
    }

    /// The kind of the batch to run now: of those that are due, the one with the first claim.
    private func dueKey(at now: MonotonicTime, _ shares: TenantShares) -> Key? {
        let due = queues.filter { isDue($0.value, at: now) }
        guard due.count > 1 else { return due.first?.key }
        let claims = due.compactMap { key, queue in queue.firstClaim(at: now, shares).map { (key: key, claim: $0) } }
        return claims.min { $0.claim < $1.claim }?.key
    }

    /// Whether a batch of these is to run now: it is full, or one of them has waited long enough.
    private func isDue(_ queue: BatchQueue, at now: MonotonicTime) -> Bool {
        guard !queue.isEmpty else { return false }
        if limits.queueDelayMaxNanoseconds == 0 || queue.sampleCount >= limits.batchSizeMax { return true }
        if let due = queue.firstDue, due <= now { return true }
        guard let oldest = queue.oldestArrival else { return false }
        return oldest.advanced(byNanoseconds: limits.queueDelayMaxNanoseconds) <= now
    }

    private func isHopeless(_ key: Key, at now: MonotonicTime) -> (BatchQueue.Entry) -> Bool {
        guard let nanosecondsAtLeast = costs.nanosecondsAtLeast(of: key, at: now) else { return { _ in false } }
        return { $0.deadline.time < now.advanced(byNanoseconds: nanosecondsAtLeast($0.sampleCount)) }
    }

    /// Counts requests that have left a queue.
    private mutating func forget(_ count: Int, of key: Key) {
        queuedRequestCount -= count
        if queues[key]?.isEmpty == true { queues[key] = nil }
    }
}
