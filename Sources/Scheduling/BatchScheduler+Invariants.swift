import Vocabulary

extension BatchScheduler {
    /// Stops the process when the queue breaks one of its rules; for tests, after each step.
    package func checkInvariants() {
        precondition(queue.count <= limits.queueCapacity, "\(queue.count) of \(limits.queueCapacity) queued")
        precondition(Set(queue.map(\.request.ticket)).count == queue.count, "a ticket is queued twice")
        for (earlier, later) in zip(queue, queue.dropFirst()) {
            precondition(earlier.arrival <= later.arrival, "\(later.request.ticket) overtook \(earlier.request.ticket)")
        }
    }
}
