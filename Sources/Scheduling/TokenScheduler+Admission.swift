import KVCache
import Vocabulary

/// How waiting sequences get pages and places.
extension TokenScheduler {
    /// Starts a waiting sequence.
    mutating func admit(
        _ ticket: Ticket, _ room: inout StepRoom, _ standings: inout TenantStandings, into step: inout TokenStep
    ) -> PromptTurn {
        guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return .lost }
        let known = waiting[index].knownTokenCount
        let cached = cachedPages(of: waiting[index])
        let start = cached.count * limits.tokensPerPage
        let count = room.promptTokenCount(of: start..<known, isFirst: !step.readsPrompt)
        guard count > 0 else { return .stepIsFull }
        // Held before room is made for the others, or they might be taken for that.
        var table = PageTable(sharing: cached, in: &pool)
        // A spare page for each sequence that is being written, or it would soon take one from the newcomer.
        let reserve = running.count { !$0.isPaused }
        let needed = table.pagesNeeded(forTokens: known - start, in: pool) + reserve
        guard makeRoom(forPages: needed, &standings, into: &step) else {
            table.release(to: &pool)
            return .noRoom
        }
        // Paused sequences that lost their pages may stand before it now.
        guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else {
            preconditionFailure("\(ticket) does not wait any more")
        }
        var sequence = waiting.remove(at: index)
        sequence.leader = nil
        sequence.table = table
        sequence.computedTokenCount = start
        sequence.makeRoom(forTokens: known - start, in: &pool)
        standings.add(holder: sequence.share.tenant, pageCount: sequence.table.pages.count, isPaused: false)
        step.admitted.append(AdmittedSequence(ticket: sequence.ticket, cachedTokenCount: start))
        if start >= sequence.promptTokenCount { letFollowersStart(of: sequence.ticket) }
        schedule(insert(sequence), tokenCount: count, &room, &standings, into: &step)
        return .scheduled
    }

    /// Takes pages and places from tenants that have more than their share, for a newcomer whose turn it is and whose
    /// tenant has no more than its share with it.
    ///
    /// Before anything else is put into the step, because what is in a step keeps its pages. Nobody is disturbed when
    /// that would not be enough, and never the oldest sequence that runs.
    mutating func makeWay(_ standings: inout TenantStandings, into step: inout TokenStep) {
        guard standings.tenantCount > 1, let prompt = standings.firstPrompt, prompt.isWaiting,
            let newcomer = waiting.first(where: { $0.ticket == prompt.ticket }),
            standings.isWithinShare(
                prompt.share.tenant, addingPages: pool.pageCount(forTokens: newcomer.knownTokenCount))
        else { return }
        var table = PageTable(sharing: cachedPages(of: newcomer), in: &pool)
        let needed = table.pagesNeeded(forTokens: newcomer.knownTokenCount - table.tokenCount, in: pool)
        let victims = victims(for: prompt.share.tenant, pageCount: needed, standings)
        table.release(to: &pool)
        for ticket in victims {
            guard let index = running.firstIndex(where: { $0.ticket == ticket }) else { continue }
            preempt(index, &standings, into: &step)
        }
    }

    /// Whose pages a newcomer needs, paused sequences aside; none when there is room, or when there would be none.
    private func victims(for tenant: TenantID?, pageCount: Int, _ standings: TenantStandings) -> [Ticket] {
        var standings = standings
        var victims: [Sequence] = []
        var candidates = running.filter { !$0.isPaused }.dropFirst().filter { $0.share.tenant != tenant }
        let paused = running.filter(\.isPaused).map(\.table)
        while true {
            let stayingCount = running.count - paused.count - victims.count
            let freed = pool.pageCount(heldOnlyBy: paused + victims.map(\.table))
            let hasPlace = stayingCount < limits.runningSequenceCountMax
            if hasPlace, pageCount + stayingCount <= pool.availablePageCount + freed { break }
            let excesses = candidates.map {
                standings.excess(of: $0.share.tenant, in: hasPlace ? .pages : .places)
            }
            // The latest of the tenant that has most.
            guard let most = excesses.max(), most > 1, let index = excesses.lastIndex(of: most) else { return [] }
            let victim = candidates.remove(at: index)
            standings.remove(holder: victim.share.tenant, pageCount: victim.table.pages.count)
            victims.append(victim)
        }
        return victims.map(\.ticket)
    }

    /// Sees to it that there is a place and `pageCount` pages for a newcomer, at the cost of paused sequences only.
    private mutating func makeRoom(
        forPages pageCount: Int, _ standings: inout TenantStandings, into step: inout TokenStep
    ) -> Bool {
        let paused = running.filter(\.isPaused)
        guard running.count - paused.count < limits.runningSequenceCountMax,
            pageCount <= pool.availablePageCount + pool.pageCount(heldOnlyBy: paused.map(\.table))
        else { return false }
        while running.count >= limits.runningSequenceCountMax || pool.availablePageCount < pageCount {
            guard let index = running.lastIndex(where: { $0.isPaused }) else {
                preconditionFailure("pages of paused sequences were counted, but there is none left")
            }
            preempt(index, &standings, into: &step)
        }
        return true
    }

    private mutating func insert(_ sequence: Sequence) -> Int {
        let place = running.firstIndex { $0.arrivalIndex > sequence.arrivalIndex } ?? running.count
        running.insert(sequence, at: place)
        return place
    }
}

/// How running sequences lose their pages.
extension TokenScheduler {
    /// Running sequences that are not paused, in the order in which they keep their pages.
    ///
    /// The oldest of all first, so that there is always one that gets on and ends; then those of tenants with fewer
    /// pages for their weight; of one tenant the older. Why pages and not the time that a tenant has had: who has been
    /// served most may have hardly any pages to give.
    func rightOfWay(_ standings: TenantStandings) -> [Ticket] {
        let active = running.filter { !$0.isPaused }
        guard standings.tenantCount > 1, let oldest = active.first else { return active.map(\.ticket) }
        let others = active.dropFirst().map { (sequence: $0, load: standings.load(of: $0.share.tenant)) }
        let ordered = others.sorted {
            ($0.load, $0.sequence.arrivalIndex) < ($1.load, $1.sequence.arrivalIndex)
        }
        return [oldest.ticket] + ordered.map(\.sequence.ticket)
    }

    /// Sees to it that a sequence has a page for its next token, at the cost of paused ones, then of those that give
    /// way, the last of them first: it itself and those behind it, none of which is in the step.
    ///
    /// - Returns: where the sequence is now; nil when it was itself the last and lost its place.
    mutating func makeRoomForNextToken(
        of ticket: Ticket, givingWay: ArraySlice<Ticket>, _ standings: inout TenantStandings,
        into step: inout TokenStep
    ) -> Int? {
        while let index = running.firstIndex(where: { $0.ticket == ticket }) {
            let missing = max(0, running[index].knownTokenCount - running[index].table.tokenCount)
            if running[index].table.pagesNeeded(forTokens: missing, in: pool) <= pool.availablePageCount {
                running[index].makeRoom(forTokens: missing, in: &pool)
                return index
            }
            let last = givingWay.last { candidate in running.contains { $0.ticket == candidate } }
            preempt(
                running.lastIndex { $0.isPaused } ?? running.firstIndex { $0.ticket == last } ?? index, &standings,
                into: &step)
        }
        return nil
    }

    mutating func preempt(_ index: Int, _ standings: inout TenantStandings, into step: inout TokenStep) {
        var sequence = running.remove(at: index)
        precondition(sequence.scheduledTokenCount == 0, "\(sequence.ticket) preempted in the middle of a step")
        standings.remove(holder: sequence.share.tenant, pageCount: sequence.table.pages.count)
        sequence.table.release(to: &pool)
        sequence.computedTokenCount = 0
        step.preempted.append(sequence.ticket)
        putIntoQueue(sequence)
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
