import KVCache
import Vocabulary

/// The parts of a step, in the order they are taken.
extension TokenScheduler {
    mutating func removeExpired(at now: MonotonicTime, into step: inout TokenStep) {
        for index in running.indices.reversed() where running[index].deadline.isExpired(at: now) {
            step.expired.append(running[index].ticket)
            leave(index)
        }
        let expired = waiting.filter { $0.deadline.isExpired(at: now) }.map(\.ticket)
        guard !expired.isEmpty else { return }
        step.expired += expired
        waiting.removeAll { $0.deadline.isExpired(at: now) }
        for ticket in expired { letFollowersStart(of: ticket) }
    }

    /// Drops what cannot give its first token in time even if it were alone, so that nobody waits for an answer that
    /// will not come, and no step is spent on it.
    ///
    /// Why only those that wait, and have not begun: a text that has begun may be of use as far as it comes.
    mutating func removeHopeless(at now: MonotonicTime, into step: inout TokenStep) {
        guard costs.isReliable, waiting.contains(where: { $0.deadline.isFinite }) else { return }
        let hopeless = waiting.filter { isHopeless($0, at: now) }.map(\.ticket)
        guard !hopeless.isEmpty else { return }
        step.hopeless = hopeless
        waiting.removeAll { hopeless.contains($0.ticket) }
        for ticket in hopeless { letFollowersStart(of: ticket) }
    }

    private func isHopeless(_ sequence: Sequence, at now: MonotonicTime) -> Bool {
        guard sequence.deadline.isFinite, sequence.knownTokenCount == sequence.promptTokenCount else { return false }
        let nanosecondsLeft = Double(sequence.deadline.time.nanoseconds(since: now))
        func needed(from position: Int) -> Double {
            costs.nanosecondsAtLeast(
                for: position..<sequence.knownTokenCount, stepTokenBudget: limits.stepTokenBudget)
        }
        // A follower finds pages that are not there yet.
        guard sequence.leader == nil, needed(from: 0) > nanosecondsLeft else { return false }
        return needed(from: cachedPages(of: sequence).count * limits.tokensPerPage) > nanosecondsLeft
    }

    /// One token for each running sequence that lacks just one, the oldest first.
    mutating func scheduleSingleTokens(_ room: inout StepRoom, into step: inout TokenStep) {
        for ticket in running.map(\.ticket) {
            // Found anew each time: a sequence before or behind this one may have lost its place to it or another.
            guard let index = running.firstIndex(where: { $0.ticket == ticket }) else { continue }
            precondition(running[index].missingTokenCount > 0, "\(ticket) has nothing to compute")
            guard !running[index].isPaused, running[index].missingTokenCount == 1,
                let index = makeRoomForNextToken(of: ticket, into: &step)
            else { continue }
            schedule(index, tokenCount: 1, &room, into: &step)
        }
    }

    /// As much of the prompts that run already as there is room for, the oldest first.
    mutating func schedulePrompts(_ room: inout StepRoom, into step: inout TokenStep) {
        for index in running.indices where !running[index].isPaused && running[index].missingTokenCount > 1 {
            let isFirst = !step.spans.contains { $0.positions.count > 1 }
            let start = running[index].computedTokenCount
            let count = room.promptTokenCount(of: start..<running[index].knownTokenCount, isFirst: isFirst)
            guard count > 0 else { return }
            schedule(index, tokenCount: count, &room, into: &step)
        }
    }

    /// Starts waiting sequences in the order they came; stops at the first that finds no room, so that no small one
    /// overtakes it for ever.
    mutating func admit(_ room: inout StepRoom, into step: inout TokenStep) {
        while room.tokenCount > 0, let index = waiting.firstIndex(where: mayStart) {
            let known = waiting[index].knownTokenCount
            let cached = cachedPages(of: waiting[index])
            let start = cached.count * limits.tokensPerPage
            let isFirst = !step.spans.contains { $0.positions.count > 1 }
            let count = room.promptTokenCount(of: start..<known, isFirst: isFirst)
            guard count > 0 else { return }
            // Held before room is made for the others, or they might be taken for that.
            var table = PageTable(sharing: cached, in: &pool)
            // A spare page for each sequence that is being written, or it would soon take one from the newcomer.
            let reserve = running.count { !$0.isPaused }
            let needed = table.pagesNeeded(forTokens: known - start, in: pool) + reserve
            guard makeRoom(forPages: needed, into: &step) else { return table.release(to: &pool) }
            // Preempting paused sequences may have put some in front of it, but none that may start.
            guard let index = waiting.firstIndex(where: mayStart) else { preconditionFailure("nobody may start") }
            var sequence = waiting.remove(at: index)
            sequence.leader = nil
            sequence.table = table
            sequence.computedTokenCount = start
            sequence.makeRoom(forTokens: known - start, in: &pool)
            step.admitted.append(AdmittedSequence(ticket: sequence.ticket, cachedTokenCount: start))
            if start >= sequence.promptTokenCount { letFollowersStart(of: sequence.ticket) }
            let place = insert(sequence)
            schedule(place, tokenCount: count, &room, into: &step)
        }
    }

    /// The pages in the cache that a sequence may begin with: at least one token is left to be computed, because what
    /// comes after the last one is in no page.
    private func cachedPages(of sequence: Sequence) -> [Int32] {
        guard let scope = sequence.scope else { return [] }
        return pool.pages(holding: sequence.tokens, tokenCountMax: sequence.knownTokenCount - 1, in: scope)
    }

    /// Puts the next `tokenCount` tokens of a running sequence into the step.
    private mutating func schedule(
        _ index: Int, tokenCount: Int, _ room: inout StepRoom, into step: inout TokenStep
    ) {
        let start = running[index].computedTokenCount
        running[index].scheduledTokenCount = tokenCount
        room.take(start..<start + tokenCount)
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
            let missing = max(0, running[index].knownTokenCount - running[index].table.tokenCount)
            if running[index].table.pagesNeeded(forTokens: missing, in: pool) <= pool.availablePageCount {
                running[index].makeRoom(forTokens: missing, in: &pool)
                return index
            }
            // The latest of all is at the end, and it is there, because this one runs.
            preempt(running.lastIndex { $0.isPaused } ?? running.count - 1, into: &step)
        }
        return nil
    }

    /// Sees to it that there is a place and `pageCount` pages for a newcomer, at the cost of paused sequences only.
    private mutating func makeRoom(forPages pageCount: Int, into step: inout TokenStep) -> Bool {
        let paused = running.filter(\.isPaused)
        guard running.count - paused.count < limits.runningSequenceCountMax,
            pageCount <= pool.availablePageCount + pool.pageCount(heldOnlyBy: paused.map(\.table))
        else { return false }
        while running.count >= limits.runningSequenceCountMax || pool.availablePageCount < pageCount {
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
    mutating func makeRoom(forTokens tokenCount: Int, in pool: inout PagePool) {
        do {
            try table.append(tokenCount: tokenCount, from: &pool)
        } catch {
            preconditionFailure("pages were counted for \(ticket), yet \(error)")
        }
    }
}
