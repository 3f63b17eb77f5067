import Vocabulary

extension BatchScheduler {
    /// Stops the process when the queue breaks one of its rules; for tests, after each step.
    package func checkInvariants() {
        precondition(
            queuedRequestCount <= limits.queueCapacity, "\(queuedRequestCount) of \(limits.queueCapacity) queued")
        precondition(
            queuedRequestCount == queues.values.reduce(0) { $0 + $1.requestCount }, "requests are counted wrongly")
        let tickets = queues.values.flatMap { $0.lanes.values.flatMap { $0.entries.map(\.ticket) } }
        precondition(Set(tickets).count == tickets.count, "a ticket is queued twice")
        for queue in queues.values { queue.checkInvariants() }
    }
}

extension BatchQueue {
    func checkInvariants() {
        precondition(!isEmpty, "an empty queue is kept")
        let entries = lanes.values.flatMap(\.entries)
        precondition(entries.count == requestCount, "\(requestCount) requests counted, \(entries.count) there")
        precondition(entries.reduce(0) { $0 + $1.sampleCount } == sampleCount, "samples are counted wrongly")
        for (tenant, lane) in lanes {
            precondition(!lane.entries.isEmpty, "an empty lane is kept")
            precondition(lane.entries.allSatisfy { $0.share.tenant == tenant }, "a request in another tenant's lane")
            precondition(lane.deadlineCount == lane.entries.count { $0.deadline.isFinite }, "deadlines are miscounted")
            for (earlier, later) in zip(lane.entries, lane.entries.dropFirst()) {
                precondition(earlier.goes(before: later), "\(later.ticket) stands behind \(earlier.ticket)")
            }
        }
    }
}
