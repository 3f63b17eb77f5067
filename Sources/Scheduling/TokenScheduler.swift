package import KVCache
package import Vocabulary

/// Decides which tokens of which sequences a text model computes next, and which cache pages they go to.
///
/// One rule instead of a prompt phase and an answer phase: a sequence has *known* tokens (its prompt and what was
/// generated) and *computed* ones (those whose keys and values are in the cache), and each step lets the computed ones
/// catch up:
///
/// 1. every running sequence that lacks one token gets it (so a text that is being written never waits for a prompt);
/// 2. running sequences that lack more get as much as the step's budget has left, the oldest first;
/// 3. waiting sequences are admitted in the order they came, while budget, pages and places last.
///
/// An admitted sequence gets pages for all its known tokens at once. When a running one needs a page and none is free,
/// the latest sequence loses all its pages and waits to be computed again; one whose reader is slow (*paused*) loses
/// them first. The oldest sequence therefore always gets on, and as no request may be larger than the cache, so does
/// everyone.
///
/// ```
/// enqueue ─▶ waiting ──admitted──▶ running ──remove──▶ gone
///               ▲                     │
///               └─────preempted───────┘           pause, resume: in either state
/// ```
///
/// A value without clock, lock or I/O: the engine thread owns it, says what time it is, and does what it answers.
///
/// - Source: Yu et al. 2022 (Orca); Kwon et al. 2023, section 4.5; Agrawal et al. 2024 (Sarathi-Serve).
package struct TokenScheduler {
    package let limits: TokenLimits
    /// The pages of the cache.
    package internal(set) var pool: PagePool
    /// Sequences without pages, in the order of arrival.
    var waiting: [Sequence] = []
    /// Sequences with pages, in the order of arrival.
    var running: [Sequence] = []
    private var arrivalCount: UInt64 = 0
    /// Whether a step has been handed out that is not finished.
    private var isStepOpen = false

    struct Sequence {
        let ticket: Ticket
        /// Earlier ones have the right of way.
        let arrivalIndex: UInt64
        let tokenCountMax: Int
        let deadline: Deadline
        /// Prompt and generated tokens.
        var knownTokenCount: Int
        /// Those in the cache, counted at the end of the step that computes them.
        var computedTokenCount = 0
        /// Tokens of the open step.
        var scheduledTokenCount = 0
        var table = PageTable()
        var isPaused = false

        /// Tokens that have to be computed before the next one can be chosen.
        var missingTokenCount: Int { knownTokenCount - computedTokenCount }
    }

    package init(limits: TokenLimits) {
        self.limits = limits
        pool = PagePool(pageCount: limits.pageCount, tokensPerPage: limits.tokensPerPage)
    }

    /// Sequences without pages.
    package var waitingSequenceCount: Int { waiting.count }
    /// Sequences with pages.
    package var runningSequenceCount: Int { running.count }

    /// Puts a sequence at the end of the queue.
    ///
    /// - Precondition: its ticket is new and it fits into the cache, see `SequenceRequest`.
    package mutating func enqueue(_ request: SequenceRequest) -> QueueAdmission {
        precondition(
            1 <= request.promptTokenCount && request.promptTokenCount <= request.tokenCountMax
                && request.tokenCountMax <= limits.sequenceLengthMax,
            "\(request) in \(limits)")
        guard waiting.count < limits.queueCapacity else { return .refused }
        waiting.append(
            Sequence(
                ticket: request.ticket, arrivalIndex: arrivalCount, tokenCountMax: request.tokenCountMax,
                deadline: request.deadline, knownTokenCount: request.promptTokenCount))
        arrivalCount += 1
        return .queued
    }

    /// Takes a sequence out, because it is finished or was cancelled; its pages are free at once.
    ///
    /// - Returns: false when it is not here.
    /// - Precondition: no step is open.
    @discardableResult
    package mutating func remove(_ ticket: Ticket) -> Bool {
        precondition(!isStepOpen, "\(ticket) removed during a step")
        if let index = running.firstIndex(where: { $0.ticket == ticket }) {
            running[index].table.release(to: &pool)
            running.remove(at: index)
            return true
        }
        guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return false }
        waiting.remove(at: index)
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
    package func readiness(at now: MonotonicTime) -> Readiness {
        if running.contains(where: { !$0.isPaused }) || waiting.contains(where: { !$0.isPaused }) { return .ready }
        guard let deadline = (running + waiting).map(\.deadline).min(), deadline.isFinite else { return .idle }
        return deadline.isExpired(at: now) ? .ready : .waiting(until: deadline.time)
    }

    /// Hands out the next step; `finishStep` must follow.
    ///
    /// - Precondition: no step is open, and every sequence whose span reached its end has been extended or removed.
    package mutating func schedule(at now: MonotonicTime) -> TokenStep {
        precondition(!isStepOpen, "a step is open")
        isStepOpen = true
        var step = TokenStep()
        removeExpired(at: now, into: &step)
        var budget = limits.stepTokenBudget
        scheduleSingleTokens(&budget, into: &step)
        schedulePrompts(&budget, into: &step)
        // Whoever has just lost pages would be the first to get them back.
        if step.preempted.isEmpty { admit(&budget, into: &step) }
        return step
    }

    /// Counts the tokens of the open step as computed.
    package mutating func finishStep() {
        precondition(isStepOpen, "no step is open")
        isStepOpen = false
        for index in running.indices {
            running[index].computedTokenCount += running[index].scheduledTokenCount
            running[index].scheduledTokenCount = 0
        }
    }

    /// Adds the token that was chosen after a span that reached the end of its sequence.
    ///
    /// - Precondition: all known tokens are computed, and there is room for another.
    package mutating func extend(_ ticket: Ticket) {
        guard let index = running.firstIndex(where: { $0.ticket == ticket }) else {
            preconditionFailure("\(ticket) extended, but it does not run")
        }
        precondition(
            running[index].missingTokenCount == 0 && running[index].knownTokenCount < running[index].tokenCountMax,
            "\(running[index]) extended")
        running[index].knownTokenCount += 1
    }

    private mutating func setPaused(_ ticket: Ticket, _ isPaused: Bool) {
        if let index = running.firstIndex(where: { $0.ticket == ticket }) {
            running[index].isPaused = isPaused
        } else if let index = waiting.firstIndex(where: { $0.ticket == ticket }) {
            waiting[index].isPaused = isPaused
        }
    }
}
