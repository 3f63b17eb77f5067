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
        guard costs.isReliable, isMeasured(at: now), waiting.contains(where: { $0.deadline.isFinite }) else { return }
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

    /// What the tenants have, and the prompts that may be read.
    func standings(at now: MonotonicTime, _ shares: TenantShares) -> TenantStandings {
        var standings = TenantStandings(at: now, limits: limits)
        for sequence in running {
            let tenant = sequence.share.tenant
            standings.add(sequence.share, level: shares.level(of: tenant), lastServed: lastServed[tenant])
            standings.add(holder: tenant, pageCount: sequence.table.pages.count, isPaused: sequence.isPaused)
        }
        let reading = running.indices.filter { !running[$0].isPaused && running[$0].missingTokenCount > 1 }
        for index in reading.sorted(by: { running[$0].goes(before: running[$1]) }) {
            standings.add(running[index].prompt(isWaiting: false))
        }
        let paused = pausedTickets
        for sequence in waiting {
            let tenant = sequence.share.tenant
            standings.add(sequence.share, level: shares.level(of: tenant), lastServed: lastServed[tenant])
            if mayStart(sequence, paused: paused) { standings.add(sequence.prompt(isWaiting: true)) }
        }
        return standings
    }

    /// One token for each running sequence that lacks just one, those first that keep their pages longest.
    mutating func scheduleSingleTokens(
        _ room: inout StepRoom, _ standings: inout TenantStandings, into step: inout TokenStep
    ) {
        let order = rightOfWay(standings)
        for (place, ticket) in order.enumerated() {
            // Found anew each time: a sequence before or behind this one may have lost its place to it or another.
            guard let index = running.firstIndex(where: { $0.ticket == ticket }) else { continue }
            precondition(running[index].missingTokenCount > 0, "\(ticket) has nothing to compute")
            guard running[index].missingTokenCount == 1,
                let index = makeRoomForNextToken(of: ticket, givingWay: order[place...], &standings, into: &step)
            else { continue }
            schedule(index, tokenCount: 1, &room, &standings, into: &step)
        }
    }

    /// As much of the prompts as there is room for, of those that run and of those that wait, in the order of their
    /// tenants' claims.
    ///
    /// Waiting ones are admitted as long as pages and places last. Behind one that finds no room no other of its tenant
    /// is admitted, so that no small one overtakes it for ever; and nobody at all, if its tenant has nothing that runs,
    /// because what others would take is what it waits for.
    mutating func schedulePrompts(
        _ room: inout StepRoom, _ standings: inout TenantStandings, into step: inout TokenStep
    ) {
        // Whoever has just lost pages would be the first to get them back.
        let losers = Set(waiting.filter { step.preempted.contains($0.ticket) }.map(\.share.tenant))
        var answeredTenants: Set<TenantID?> = []
        var admitsNobody = false
        standings.takeTurns()
        while room.tokenCount > 0, let prompt = standings.popPrompt() {
            let tenant = prompt.share.tenant
            if prompt.isWaiting, admitsNobody || losers.contains(tenant) { continue }
            // Somebody gets a token by this step, and does not wait for more of others than a writer would.
            if answeredTenants.contains(where: { $0 != tenant }) { room.limitTime(to: limits.stepNanosecondsMax) }
            let spanCount = step.spans.count
            let outcome =
                prompt.isWaiting
                ? admit(prompt.ticket, &room, &standings, into: &step)
                : read(prompt.ticket, &room, &standings, into: &step)
            switch outcome {
            case .scheduled:
                if step.spans[spanCount].reachesEnd { answeredTenants.insert(tenant) }
                standings.returnToOrder(tenant)
            case .lost: standings.returnToOrder(tenant)
            case .stepIsFull: return
            case .noRoom: admitsNobody = standings.hasNothing(tenant)
            }
        }
    }

    /// What became of a prompt that had its turn.
    enum PromptTurn {
        case scheduled
        /// It runs no more: somebody needed its pages.
        case lost
        /// No more tokens fit into the step.
        case stepIsFull
        /// It found no place or no pages.
        case noRoom
    }

    /// Goes on reading a prompt that has its pages.
    private mutating func read(
        _ ticket: Ticket, _ room: inout StepRoom, _ standings: inout TenantStandings, into step: inout TokenStep
    ) -> PromptTurn {
        guard let index = running.firstIndex(where: { $0.ticket == ticket }) else { return .lost }
        let count = room.promptTokenCount(
            of: running[index].computedTokenCount..<running[index].knownTokenCount, isFirst: !step.readsPrompt)
        guard count > 0 else { return .stepIsFull }
        schedule(index, tokenCount: count, &room, &standings, into: &step)
        return .scheduled
    }

    /// The pages in the cache that a sequence may begin with: at least one token is left to be computed, because what
    /// comes after the last one is in no page.
    func cachedPages(of sequence: Sequence) -> [Int32] {
        guard let scope = sequence.scope else { return [] }
        return pool.pages(holding: sequence.tokens, tokenCountMax: sequence.knownTokenCount - 1, in: scope)
    }

    /// Puts the next `tokenCount` tokens of a running sequence into the step.
    mutating func schedule(
        _ index: Int, tokenCount: Int, _ room: inout StepRoom, _ standings: inout TenantStandings,
        into step: inout TokenStep
    ) {
        let start = running[index].computedTokenCount
        running[index].scheduledTokenCount = tokenCount
        running[index].waitingSince = standings.now
        standings.serve(running[index].share, nanoseconds: room.take(start..<start + tokenCount))
        step.spans.append(
            ScheduledSpan(
                ticket: running[index].ticket, positions: start..<start + tokenCount,
                pages: running[index].table.pages, reachesEnd: tokenCount == running[index].missingTokenCount))
    }
}

extension TokenStep {
    /// Whether a prompt is in it, or a part of one.
    var readsPrompt: Bool { spans.contains { $0.positions.count > 1 } }
}

extension TokenScheduler.Sequence {
    /// Whether it goes before another of its tenant.
    func goes(before other: Self) -> Bool { (dueBy, arrivalIndex) < (other.dueBy, other.arrivalIndex) }

    fileprivate func prompt(isWaiting: Bool) -> TenantStandings.Prompt {
        TenantStandings.Prompt(
            ticket: ticket, share: share, isWaiting: isWaiting, dueBy: dueBy, arrivalIndex: arrivalIndex,
            waitingSince: waitingSince)
    }
}
