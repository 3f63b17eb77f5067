package import KVCache
package import Vocabulary

/// Decides which tokens of which sequences a text model computes next, and which cache pages they go to.
///
/// One rule instead of a prompt phase and an answer phase: a sequence has *known* tokens (its prompt and what was
/// generated) and *computed* ones (those whose keys and values are in the cache), and each step lets the computed ones
/// catch up:
///
/// 1. every running sequence that lacks one token gets it (so a text that is being written never waits for a prompt);
/// 2. prompts get what the step has room for, those that run and those that wait, in the order of their tenants' claims
///    (see `Claim`): first the tenant that has had least of the engine. A waiting sequence is admitted when its turn
///    comes, while pages and places last.
///
/// A step has room for `stepTokenBudget` tokens, and when a text is written in it, for as many as are predicted to take
/// `stepNanosecondsMax` (see `StepCostModel`): the longest that a reader waits for the next token because of others'
/// prompts. The same holds behind a prompt that is read to its end, for the prompts of other tenants. When nobody waits
/// for a token, prompts are read in as large pieces as the tokens allow.
///
/// An admitted sequence begins with the longest run of its first pages that is in the cache already (at least its last
/// token is computed, which gives the next one), and gets pages for all its known tokens at once. Full pages can be
/// found by others as soon as they are computed, and after their sequence has left, until somebody needs the room.
///
/// Sequences lose all their pages, and wait to be computed again from those that are still in the cache:
///
/// - when a running one needs a page and none is to be had: first one whose reader is slow (*paused*), then the latest
///   of the tenant that has most pages for its weight;
/// - when a newcomer finds no room whose tenant has no more than its share of pages and places with it: then the latest
///   of tenants that have more than theirs. So a tenant cannot keep others out by filling the cache.
///
/// The oldest sequence that runs never loses its pages, unless it is paused. It always gets on, and as no request may
/// be larger than the cache, it ends; so does the next one, and so does everyone.
///
/// ```
/// enqueue ─▶ waiting ──admitted──▶ running ──remove──▶ gone
///               ▲                     │
///               └─────preempted───────┘           pause, resume: in either state
/// ```
///
/// In a step that only writes, the tokens that may come next are guessed and computed along with the last one where
/// that is worth its time (see `PromptLookup`); those that come true save a step each.
///
/// A value without clock, lock or I/O: the engine thread owns it, says what time it is, and does what it answers.
///
/// - Source: Yu et al. 2022 (Orca); Kwon et al. 2023, section 4.5; Agrawal et al. 2024 (Sarathi-Serve).
package struct TokenScheduler {
    package let limits: TokenLimits
    private let sharedPrefixes: SharedPrefixes
    /// The pages of the cache.
    package internal(set) var pool: PagePool
    /// How long steps take.
    package internal(set) var costs = StepCostModel()
    /// What came of guesses, all sequences together.
    var guessRecord = GuessRecord(memory: sharedRecordMemory)
    /// Sequences without pages, in the order in which those of one tenant go.
    var waiting: [Sequence] = []
    /// Sequences with pages, in the order of arrival.
    var running: [Sequence] = []
    /// When something was last computed for a tenant; of those that had a prompt to be read in the last step.
    private(set) var lastServed: [TenantID?: MonotonicTime] = [:]
    private var arrivalCount: UInt64 = 0
    /// When the last step began that was measured.
    private var lastMeasurement: MonotonicTime?
    /// When the open step began.
    private var openSince = MonotonicTime(nanoseconds: 0)
    /// What is in the step that has been handed out and is not finished.
    private var openWork: StepWork?

    struct Sequence {
        let ticket: Ticket
        let arrivalIndex: UInt64
        let share: TenantShare
        let promptTokenCount: Int
        let tokenCountMax: Int
        let deadline: Deadline
        /// See `TenantShares.dueBy`.
        let dueBy: MonotonicTime
        /// When something of it was last computed, or when it came.
        var waitingSince: MonotonicTime
        /// Whose its pages are; nil when they are never found.
        let scope: PrefixScope?
        /// Who computes the prompt for it; nil once that is done.
        var leader: Ticket?
        /// Prompt and generated tokens.
        var tokens: [Int32]
        /// How many of them are in the cache, counted at the end of the step that computes them.
        var computedTokenCount = 0
        /// Tokens of the open step.
        var scheduledTokenCount = 0
        var table = PageTable()
        var isPaused = false
        /// Where its guesses come from; nil before the first token of its answer.
        var lookup: PromptLookup?
        var guessRecord = GuessRecord(memory: sequenceRecordMemory)
        /// What is guessed in the open step, or was in the last one if what came of it is not known yet.
        var guesses: [Int32] = []

        var knownTokenCount: Int { tokens.count }
        /// Tokens that have to be computed before the next one can be chosen.
        var missingTokenCount: Int { knownTokenCount - computedTokenCount }
    }

    package init(limits: TokenLimits, sharedPrefixes: SharedPrefixes = SharedPrefixes()) {
        self.limits = limits
        self.sharedPrefixes = sharedPrefixes
        pool = PagePool(pageCount: limits.pageCount, tokensPerPage: limits.tokensPerPage)
    }

    /// Sequences without pages.
    package var waitingSequenceCount: Int { waiting.count }
    /// Sequences with pages.
    package var runningSequenceCount: Int { running.count }

    /// Puts a sequence into the queue.
    ///
    /// - Precondition: its ticket is new and it fits into the cache, see `SequenceRequest`.
    package mutating func enqueue(_ request: SequenceRequest, at now: MonotonicTime) -> QueueAdmission {
        precondition(
            1 <= request.prompt.count && request.prompt.count <= request.tokenCountMax
                && request.tokenCountMax <= limits.sequenceLengthMax,
            "\(request) in \(limits)")
        guard waiting.count < limits.queueCapacity else { return .refused }
        let scope = scope(of: request)
        let leader = request.leader.flatMap { scope != nil && hasPromptAhead($0) ? $0 : nil }
        putIntoQueue(
            Sequence(
                ticket: request.ticket, arrivalIndex: arrivalCount, share: request.share,
                promptTokenCount: request.prompt.count, tokenCountMax: request.tokenCountMax,
                deadline: request.deadline,
                dueBy: TenantShares.dueBy(
                    arrival: now, deadline: request.deadline, priority: request.share.priority,
                    ageNanosecondsMax: limits.ageNanosecondsMax),
                waitingSince: now, scope: scope, leader: leader, tokens: request.prompt))
        arrivalCount += 1
        return .queued
    }

    /// Takes a sequence out, because it is finished or was cancelled; its pages are free for others at once.
    ///
    /// - Returns: false when it is not here.
    /// - Precondition: no step is open.
    @discardableResult
    package mutating func remove(_ ticket: Ticket) -> Bool {
        precondition(openWork == nil, "\(ticket) removed during a step")
        if let index = running.firstIndex(where: { $0.ticket == ticket }) {
            leave(index)
            return true
        }
        guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return false }
        waiting.remove(at: index)
        letFollowersStart(of: ticket)
        return true
    }

    /// Takes everything out, for a shutdown.
    package mutating func removeAll() -> [Ticket] {
        let tickets = running.map(\.ticket) + waiting.map(\.ticket)
        for ticket in tickets { remove(ticket) }
        return tickets
    }

    /// Leaves a sequence out of the steps until `resume`; it keeps its pages as long as nobody else needs them.
    package mutating func pause(_ ticket: Ticket) { setPaused(ticket, true) }

    /// Lets a paused sequence go on.
    package mutating func resume(_ ticket: Ticket) { setPaused(ticket, false) }

    /// Whether there is a step to run.
    package func readiness(at now: MonotonicTime) -> SchedulerReadiness {
        let paused = pausedTickets
        if running.contains(where: { !$0.isPaused }) || waiting.contains(where: { mayStart($0, paused: paused) }) {
            return .ready
        }
        guard let deadline = (running + waiting).map(\.deadline).min(), deadline.isFinite else { return .idle }
        return deadline.isExpired(at: now) ? .ready : .waiting(until: deadline.time)
    }

    /// The rank of the tenant for whom the next step would be in the first place; nil when there is nothing to compute.
    package func rank(at now: MonotonicTime, _ shares: TenantShares) -> Claim.Rank? {
        standings(at: now, shares).firstRank
    }

    /// Hands out the next step; `finishStep` must follow.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - shares: what tenants have had.
    /// - Returns: what to answer, and what to compute.
    /// - Complexity: O(sequences), and O(log tenants) for each prompt in the step.
    /// - Precondition: no step is open, and every sequence whose span reached its end has been extended or removed.
    package mutating func schedule(at now: MonotonicTime, _ shares: TenantShares = TenantShares()) -> TokenStep {
        precondition(openWork == nil, "a step is open")
        var step = TokenStep()
        removeExpired(at: now, into: &step)
        removeHopeless(at: now, into: &step)
        var standings = standings(at: now, shares)
        makeWay(&standings, into: &step)
        var room = StepRoom(tokenCount: limits.stepTokenBudget, costs: costs)
        scheduleSingleTokens(&room, &standings, into: &step)
        if !step.spans.isEmpty { room.limitTime(to: limits.stepNanosecondsMax) }
        schedulePrompts(&room, &standings, into: &step)
        scheduleGuesses(&room, into: &step)
        lastServed = standings.lastServed
        openWork = room.work
        openSince = now
        return step
    }

    /// Counts the tokens of the open step as computed, and lets the pages that they filled be found.
    ///
    /// - Parameter nanoseconds: how long the model took for them; nil when that was not measured.
    package mutating func finishStep(nanoseconds: UInt64?) {
        guard let work = openWork else { preconditionFailure("no step is open") }
        openWork = nil
        if let nanoseconds, work.tokenCount > 0 {
            costs.learn(work, nanoseconds: nanoseconds)
            lastMeasurement = openSince.advanced(byNanoseconds: nanoseconds)
        }
        for index in running.indices where running[index].scheduledTokenCount > 0 {
            let hadPrompt = running[index].computedTokenCount >= running[index].promptTokenCount
            running[index].computedTokenCount += running[index].scheduledTokenCount
            running[index].scheduledTokenCount = 0
            running[index].publish(in: &pool)
            if !hadPrompt, running[index].computedTokenCount >= running[index].promptTokenCount {
                letFollowersStart(of: running[index].ticket)
            }
        }
    }

    /// Adds the tokens that were chosen after a span that reached the end of its sequence: one, and one more for each
    /// guess of the span that came true.
    ///
    /// - Precondition: all known tokens are computed, there is room for the new ones, and all but the last of them are
    ///   those that were guessed.
    package mutating func extend(_ ticket: Ticket, with tokens: [Int32]) {
        guard let index = running.firstIndex(where: { $0.ticket == ticket }) else {
            preconditionFailure("\(ticket) extended, but it does not run")
        }
        precondition(
            !tokens.isEmpty && running[index].missingTokenCount == 0
                && running[index].knownTokenCount + tokens.count <= running[index].tokenCountMax,
            "\(ticket) extended: \(running[index].computedTokenCount) of \(running[index].knownTokenCount) computed")
        let confirmed = tokens.dropLast()
        precondition(running[index].guesses.starts(with: confirmed), "\(ticket) extended by what was not computed")
        for token in tokens { append(token, to: index) }
        guard !running[index].guesses.isEmpty else { return }
        running[index].guesses = []
        running[index].computedTokenCount += confirmed.count
        running[index].table.truncate(toTokenCount: running[index].computedTokenCount, in: &pool)
        running[index].publish(in: &pool)
    }

    /// Takes a running sequence out.
    mutating func leave(_ index: Int) {
        running[index].table.release(to: &pool)
        letFollowersStart(of: running.remove(at: index).ticket)
    }

    /// Whoever waits for `ticket` to compute their prompt waits no longer.
    mutating func letFollowersStart(of ticket: Ticket) {
        for index in waiting.indices where waiting[index].leader == ticket { waiting[index].leader = nil }
    }

    /// Whether a waiting sequence is to be admitted when its turn comes: nobody holds it back, not even a leader who
    /// will compute its prompt, unless that is paused itself.
    func mayStart(_ sequence: Sequence, paused: Set<Ticket>) -> Bool {
        guard !sequence.isPaused else { return false }
        return sequence.leader.map(paused.contains) ?? true
    }

    /// The sequences that are left out of the steps.
    var pausedTickets: Set<Ticket> {
        var paused: Set<Ticket> = []
        for sequence in running where sequence.isPaused { paused.insert(sequence.ticket) }
        for sequence in waiting where sequence.isPaused { paused.insert(sequence.ticket) }
        return paused
    }

    /// Puts a sequence among those that wait, behind those that go before it.
    mutating func putIntoQueue(_ sequence: Sequence) {
        let place = waiting.lastIndex { $0.goes(before: sequence) }.map { $0 + 1 } ?? 0
        waiting.insert(sequence, at: place)
    }

    /// Whether a step was measured of late, see `StepCostModel.predictionAgeNanosecondsMax`.
    func isMeasured(at now: MonotonicTime) -> Bool {
        guard let lastMeasurement else { return false }
        return now.nanoseconds(since: lastMeasurement) <= StepCostModel.predictionAgeNanosecondsMax
    }

    /// Whether a sequence is here and has not computed its prompt.
    private func hasPromptAhead(_ ticket: Ticket) -> Bool {
        waiting.contains { $0.ticket == ticket }
            || running.contains { $0.ticket == ticket && $0.computedTokenCount < $0.promptTokenCount }
    }

    private func scope(of request: SequenceRequest) -> PrefixScope? {
        guard let namespace = request.namespace else { return nil }
        guard limits.reusesPrefixes else {
            return PrefixScope(owner: .request((request.leader ?? request.ticket).number))
        }
        return PrefixScope(
            owner: namespace,
            sharedPageCount: sharedPrefixes.sharedTokenCount(of: request.prompt) / limits.tokensPerPage)
    }

    private mutating func setPaused(_ ticket: Ticket, _ isPaused: Bool) {
        if let index = running.firstIndex(where: { $0.ticket == ticket }) {
            running[index].isPaused = isPaused
        } else if let index = waiting.firstIndex(where: { $0.ticket == ticket }) {
            waiting[index].isPaused = isPaused
        }
    }
}

extension TokenScheduler.Sequence {
    /// Lets others find the pages whose tokens are computed.
    fileprivate mutating func publish(in pool: inout PagePool) {
        guard let scope else { return }
        table.publish(tokens, computedTokenCount: computedTokenCount, in: scope, of: &pool)
    }
}
