import KVCache

extension TokenScheduler {
    /// What is wrong with the scheduler's state, or nil; for tests, after each step.
    package var brokenInvariant: String? {
        if let broken = pool.brokenInvariant(heldBy: running.map(\.table)) { return broken }
        if running.count > limits.runningSequenceCountMax { return "\(running.count) sequences run" }
        if waiting.count > limits.queueCapacity + limits.runningSequenceCountMax { return "\(waiting.count) wait" }
        let all = running + waiting
        if Set(all.map(\.ticket)).count != all.count { return "a sequence is here twice" }
        for list in [running, waiting] {
            for (earlier, later) in zip(list, list.dropFirst()) where earlier.arrivalIndex >= later.arrivalIndex {
                return "\(later.ticket) overtook \(earlier.ticket)"
            }
        }
        if let sequence = waiting.first(where: { !$0.table.pages.isEmpty || $0.computedTokenCount > 0 }) {
            return "\(sequence.ticket) waits with pages"
        }
        for sequence in running {
            let covered = sequence.computedTokenCount + sequence.scheduledTokenCount
            if covered > sequence.knownTokenCount { return "\(sequence.ticket) computes tokens it does not know" }
            if covered > sequence.table.tokenCount { return "\(sequence.ticket) computes tokens without pages" }
            if sequence.knownTokenCount > sequence.tokenCountMax { return "\(sequence.ticket) is too long" }
        }
        return nil
    }
}
