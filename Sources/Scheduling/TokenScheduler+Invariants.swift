import KVCache

extension TokenScheduler {
    /// What is wrong with the scheduler's state, or nil; for tests, after each step.
    package var brokenInvariant: String? {
        if let broken = pool.brokenInvariant(heldBy: running.map(\.table)) { return broken }
        if running.count > limits.runningSequenceCountMax { return "\(running.count) sequences run" }
        if waiting.count > limits.queueCapacity + limits.runningSequenceCountMax { return "\(waiting.count) wait" }
        let all = running + waiting
        if Set(all.map(\.ticket)).count != all.count { return "a sequence is here twice" }
        for (earlier, later) in zip(running, running.dropFirst()) where earlier.arrivalIndex >= later.arrivalIndex {
            return "\(later.ticket) runs behind \(earlier.ticket)"
        }
        for (earlier, later) in zip(waiting, waiting.dropFirst()) where !earlier.goes(before: later) {
            return "\(later.ticket) waits behind \(earlier.ticket)"
        }
        if let sequence = waiting.first(where: { !$0.table.pages.isEmpty || $0.computedTokenCount > 0 }) {
            return "\(sequence.ticket) waits with pages"
        }
        for follower in waiting where follower.leader != nil {
            guard let leader = all.first(where: { $0.ticket == follower.leader }),
                leader.arrivalIndex < follower.arrivalIndex
            else { return "\(follower.ticket) waits for a leader that is not ahead of it" }
            if running.contains(where: { $0.ticket == leader.ticket }),
                leader.computedTokenCount >= leader.promptTokenCount
            {
                return "\(follower.ticket) waits for a prompt that is computed"
            }
        }
        for sequence in running {
            if sequence.leader != nil { return "\(sequence.ticket) runs and waits for another" }
            let covered = sequence.computedTokenCount + sequence.scheduledTokenCount
            if covered > sequence.knownTokenCount { return "\(sequence.ticket) computes tokens it does not know" }
            if covered + sequence.guesses.count > sequence.table.tokenCount {
                return "\(sequence.ticket) computes tokens without pages"
            }
            if !sequence.guesses.isEmpty, covered < sequence.knownTokenCount {
                return "\(sequence.ticket) guesses before all it knows is computed"
            }
            if sequence.knownTokenCount > sequence.tokenCountMax { return "\(sequence.ticket) is too long" }
            let writtenEnd = pool.pageCount(forTokens: covered + sequence.guesses.count)
            let written = sequence.computedTokenCount / limits.tokensPerPage..<writtenEnd
            if sequence.scheduledTokenCount > 0,
                sequence.table.pages[written].contains(where: { pool.holderCount(of: $0) != 1 })
            {
                return "\(sequence.ticket) writes into a page that it shares"
            }
        }
        return nil
    }
}
