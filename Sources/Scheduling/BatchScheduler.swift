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

    /// - Precondition: `batchSizeMax` and `queueCapacity` are at least 1.
    package init(batchSizeMax: Int, queueCapacity: Int, queueDelayMaxNanoseconds: UInt64 = 0) {
        precondition(batchSizeMax >= 1 && queueCapacity >= 1, "batch \(batchSizeMax), queue \(queueCapacity)")
        self.batchSizeMax = batchSizeMax
        self.queueCapacity = queueCapacity
        self.queueDelayMaxNanoseconds = queueDelayMaxNanoseconds
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

    package init(ticket: Ticket, sampleCount: Int, key: Key, deadline: Deadline = .never) {
        self.ticket = ticket
        self.sampleCount = sampleCount
        self.key = key
        self.deadline = deadline
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
    package var expired: [Ticket]
    /// The requests to execute; nil when it is better, or only possible, to wait.
    package var batch: Batch?
}

/// Forms batches for one model: a bounded first-in-first-out queue, cut into runs of compatible requests.
///
/// A batch is due when its oldest request has waited `queueDelayMaxNanoseconds`, or when no more fits into it. It takes
/// requests of one key in the order they came and stops at the first that does not fit, so that a small request never
/// overtakes a large one of its kind; the oldest request of the queue is in every batch that is cut because of waiting.
///
/// A value without clock, lock or I/O: the engine thread owns it, says what time it is, and does what it answers.
package struct BatchScheduler<Key: Hashable & Sendable> {
    package let limits: BatchLimits
    /// In the order of arrival.
    var queue: [Entry] = []

    struct Entry {
        let request: BatchRequest<Key>
        let arrival: MonotonicTime
    }

    package init(limits: BatchLimits) {
        self.limits = limits
    }

    /// Requests waiting.
    package var queuedRequestCount: Int { queue.count }

    /// Puts a request at the end of the queue.
    ///
    /// A request that was on its way while a later one overtook it counts as having come together with that one.
    ///
    /// - Precondition: its samples fit into one batch, and its ticket is new.
    package mutating func enqueue(_ request: BatchRequest<Key>, at now: MonotonicTime) -> QueueAdmission {
        precondition(
            (1...limits.batchSizeMax).contains(request.sampleCount),
            "\(request.sampleCount) samples in batches of \(limits.batchSizeMax)")
        guard queue.count < limits.queueCapacity else { return .refused }
        queue.append(Entry(request: request, arrival: max(now, queue.last?.arrival ?? now)))
        return .queued
    }

    /// Takes a request out of the queue.
    ///
    /// - Returns: false when it is not there any more: it was cut into a batch, or it expired.
    /// - Complexity: O(queue).
    package mutating func cancel(_ ticket: Ticket) -> Bool {
        guard let index = queue.firstIndex(where: { $0.request.ticket == ticket }) else { return false }
        queue.remove(at: index)
        return true
    }

    /// Empties the queue, for a shutdown.
    package mutating func cancelAll() -> [Ticket] {
        defer { queue.removeAll() }
        return queue.map(\.request.ticket)
    }

    /// Whether `next(at:)` would answer anything now, or when it will.
    package func readiness(at now: MonotonicTime) -> Readiness {
        guard let head = queue.first else { return .idle }
        if dueKey(at: now) != nil { return .ready }
        let firstDeadline = queue.lazy.map(\.request.deadline).min()?.time ?? head.arrival
        if firstDeadline <= now { return .ready }
        return .waiting(until: min(dueTime(of: head), firstDeadline))
    }

    /// Drops what has expired and cuts the next batch if one is due.
    package mutating func next(at now: MonotonicTime) -> BatchDecision {
        let expired = removeExpired(at: now)
        guard let key = dueKey(at: now) else { return BatchDecision(expired: expired, batch: nil) }
        return BatchDecision(expired: expired, batch: cut(key))
    }

    private func dueTime(of entry: Entry) -> MonotonicTime {
        entry.arrival.advanced(byNanoseconds: limits.queueDelayMaxNanoseconds)
    }

    /// The key of the batch to run now: the oldest request's if it has waited long enough, else the first full one's.
    private func dueKey(at now: MonotonicTime) -> Key? {
        guard let head = queue.first else { return nil }
        if dueTime(of: head) <= now { return head.request.key }
        var sampleCounts: [Key: Int] = [:]
        for entry in queue {
            let sampleCount = sampleCounts[entry.request.key, default: 0] + entry.request.sampleCount
            if sampleCount >= limits.batchSizeMax { return entry.request.key }
            sampleCounts[entry.request.key] = sampleCount
        }
        return nil
    }

    private mutating func removeExpired(at now: MonotonicTime) -> [Ticket] {
        guard queue.contains(where: { $0.request.deadline.isExpired(at: now) }) else { return [] }
        let expired = queue.filter { $0.request.deadline.isExpired(at: now) }
        queue.removeAll { $0.request.deadline.isExpired(at: now) }
        return expired.map(\.request.ticket)
    }

    private mutating func cut(_ key: Key) -> Batch {
        var tickets: [Ticket] = []
        var sampleCount = 0
        var kept: [Entry] = []
        var isFull = false
        for entry in queue {
            let fits = sampleCount + entry.request.sampleCount <= limits.batchSizeMax
            if entry.request.key == key, !isFull, fits {
                tickets.append(entry.request.ticket)
                sampleCount += entry.request.sampleCount
            } else {
                if entry.request.key == key { isFull = true }
                kept.append(entry)
            }
        }
        queue = kept
        return Batch(tickets: tickets, sampleCount: sampleCount)
    }
}
