import KVCache
import Vocabulary

/// The parts of a step, in the order they are taken.
extension TokenScheduler {
    mutating func removeExpired(at now: MonotonicTime, into step: inout TokenStep) {
        for index in running.indices.reversed() where running[index].deadline.isExpired(at: now) {
            step.expired.append(running[index].ticket)
            running[index].table.release(to: &pool)
            running.remove(at: index)
        }
        step.expired += waiting.filter { $0.deadline.isExpired(at: now) }.map(\.ticket)
        waiting.removeAll { $0.deadline.isExpired(at: now) }
    }

    /// One token for each running sequence that lacks just one, the oldest first.
    mutating func scheduleSingleTokens(_ budget: inout Int, into step: inout TokenStep) {
        for ticket in running.map(\.ticket) {
            // Found anew each time: a sequence before or behind this one may have lost its place to it or another.
            guard let index = running.firstIndex(where: { $0.ticket == ticket }) else { continue }
            precondition(running[index].missingTokenCount > 0, "\(ticket) has nothing to compute")
            guard !running[index].isPaused, running[index].missingTokenCount == 1,
                let index = makeRoomForNextToken(of: ticket, into: &step)
            else { continue }
            schedule(index, tokenCount: 1, &budget, into: &step)
        }
    }

    /// As much of the prompts that run already as the budget allows, the oldest first.
    mutating func schedulePrompts(_ budget: inout Int, into step: inout TokenStep) {
        for index in running.indices where !running[index].isPaused && running[index].missingTokenCount > 1 {
            guard budget > 0 else { return }
            schedule(index, tokenCount: min(budget, running[index].missingTokenCount), &budget, into: &step)
        }
    }

    /// Starts waiting sequences in the order they came; stops at the first that finds no room, so that no small one
    /// overtakes it for ever.
    mutating func admit(_ budget: inout Int, into step: inout TokenStep) {
        while budget > 0, let index = waiting.firstIndex(where: { !$0.isPaused }) {
            let known = waiting[index].knownTokenCount
            // A spare page for each sequence that is being written, or it would soon take one from the newcomer.
            let reserve = running.count { !$0.isPaused }
            guard makeRoom(forPages: pool.pageCount(forTokens: known) + reserve, into: &step) else { return }
            // Preempting paused sequences may have put some in front of it.
            guard let index = waiting.firstIndex(where: { !$0.isPaused }) else { return }
            var sequence = waiting.remove(at: index)
            sequence.makeRoom(forTokens: known, in: &pool)
            step.admitted.append(sequence.ticket)
            let place = insert(sequence)
            schedule(place, tokenCount: min(budget, known), &budget, into: &step)
        }
    }

    /// Puts the next `tokenCount` tokens of a running sequence into the step.
    private mutating func schedule(
        _ index: Int, tokenCount: Int, _ budget: inout Int, into step: inout TokenStep
    ) {
        let start = running[index].computedTokenCount
        running[index].scheduledTokenCount = tokenCount
        budget -= tokenCount
        step.spans.append(
            ScheduledSpan(
                ticket: running[index].ticket, positions: start..<start + tokenCount,
                pages: running[index].table.pages, reachesEnd: tokenCount == running[index].missingTokenCount))
    }

    /// Sees to it that a sequence has a page for its next token, at the cost of paused or later ones.
    ///
    /// - Returns: where the sequence is now; nil when it was itself the latest and lost its place.
    private mutating func makeRoomForNextToken(of ticket: Ticket, into step: inout TokenStep) -> Int? {
        while let index = running.firstIndex(where: { $0.ticket == ticket }) {
            let missing = running[index].knownTokenCount - running[index].table.tokenCount
            if running[index].table.pagesNeeded(forTokens: max(0, missing), in: pool) <= pool.freePageCount {
                running[index].makeRoom(forTokens: max(0, missing), in: &pool)
                return index
            }
            // The latest of all is at the end, and it is there, because this one runs.
            preempt(running.lastIndex { $0.isPaused } ?? running.count - 1, into: &step)
        }
        return nil
    }

    /// Sees to it that there is a place and `pageCount` free pages for a newcomer, at the cost of paused sequences
    /// only.
    private mutating func makeRoom(forPages pageCount: Int, into step: inout TokenStep) -> Bool {
        let paused = running.filter(\.isPaused)
        let pageCountAtMost = pool.freePageCount + paused.reduce(0) { $0 + $1.table.pages.count }
        guard running.count - paused.count < limits.runningSequenceCountMax, pageCount <= pageCountAtMost else {
            return false
        }
        while running.count >= limits.runningSequenceCountMax || pool.freePageCount < pageCount {
            guard let index = running.lastIndex(where: { $0.isPaused }) else {
                preconditionFailure("pages of paused sequences were counted, but there is none left")
            }
            preempt(index, into: &step)
        }
        return true
    }

    private mutating func preempt(_ index: Int, into step: inout TokenStep) {
        var sequence = running.remove(at: index)
        precondition(sequence.scheduledTokenCount == 0, "\(sequence.ticket) preempted in the middle of a step")
        sequence.table.release(to: &pool)
        sequence.computedTokenCount = 0
        step.preempted.append(sequence.ticket)
        let place = waiting.firstIndex { $0.arrivalIndex > sequence.arrivalIndex } ?? waiting.count
        waiting.insert(sequence, at: place)
    }

    private mutating func insert(_ sequence: Sequence) -> Int {
        let place = running.firstIndex { $0.arrivalIndex > sequence.arrivalIndex } ?? running.count
        running.insert(sequence, at: place)
        return place
    }
}

extension TokenScheduler.Sequence {
    /// Makes room for `tokenCount` more tokens.
    ///
    /// - Precondition: the pool has the pages.
    fileprivate mutating func makeRoom(forTokens tokenCount: Int, in pool: inout PagePool) {
        do {
            try table.append(tokenCount: tokenCount, from: &pool)
        } catch {
            preconditionFailure("pages were counted for \(ticket), yet \(error)")
        }
    }
}
