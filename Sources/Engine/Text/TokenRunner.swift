import Compute
import KVCache
import Models
import Scheduling
import TextModels
import Vocabulary

/// Runs a text model step by step; sequences join and leave between the steps.
///
/// - Isolation: engine thread only.
final class TokenRunner: ModelRunner {
    private let loaded: LoadedModel
    private let pipeline: TextPipeline
    private let accounts: ComputeAccounts
    private var scheduler: TokenScheduler
    /// Every sequence the scheduler knows.
    private var texts: [Ticket: RunningText] = [:]
    private let samplerScratch = SamplerScratch()

    /// - Throws: when a shared prefix cannot be cut into tokens.
    init(_ loaded: LoadedModel, pipeline: TextPipeline, limits: TokenLimits, accounts: ComputeAccounts) throws {
        self.loaded = loaded
        self.pipeline = pipeline
        self.accounts = accounts
        scheduler = TokenScheduler(limits: limits, sharedPrefixes: try pipeline.sharedPrefixTokens())
    }

    /// Queues a sequence that holds a place in the model's queue.
    func enqueue(_ sequence: PendingSequence) {
        let admission = scheduler.enqueue(
            SequenceRequest(
                ticket: sequence.ticket, prompt: sequence.promptTokens, tokenCountMax: sequence.tokenCountMax,
                deadline: sequence.deadline, namespace: sequence.namespace, leader: sequence.leader,
                share: sequence.share), at: sequence.arrival)
        let text = RunningText(
            sequence, tokenizer: pipeline.tokenizer, endOfSequence: pipeline.endOfSequence, scratch: samplerScratch)
        switch admission {
        case .queued:
            texts[sequence.ticket] = text
            accounts.enter(sequence.share)
        case .refused: fail(text, with: loaded.queueFull)
        }
    }

    func readiness(at now: MonotonicTime) -> SchedulerReadiness { scheduler.readiness(at: now) }

    func rank(at now: MonotonicTime) -> Claim.Rank? { scheduler.rank(at: now, accounts.shares) }

    func step(on gang: ComputeGang, clock: any MonotonicClock) {
        let start = clock.now()
        let step = scheduler.schedule(at: start, accounts.shares)
        for ticket in step.expired {
            let text = take(ticket)
            countWasted(text)
            fail(text, with: .deadlineInQueue)
        }
        for ticket in step.hopeless { fail(take(ticket), with: .deadlineUnreachable) }
        for ticket in step.preempted { text(ticket).restart() }
        for admitted in step.admitted { countStart(of: admitted, at: start) }
        compute(step.spans, on: gang)
        let end = clock.now()
        let nanoseconds = end.nanoseconds(since: start)
        scheduler.finishStep(nanoseconds: nanoseconds)
        charge(step.spans, nanoseconds: nanoseconds)
        // Counted before it is published, so that whoever has an answer finds it counted.
        loaded.count {
            $0.preemptionCount += UInt64(step.preempted.count)
            if !step.spans.isEmpty {
                $0.countExecution(
                    samples: step.spans.count, times: ExecutionTimes(computeNanoseconds: nanoseconds))
            }
        }
        for span in step.spans { publish(span, nanoseconds: nanoseconds, at: end) }
        countHeld()
    }

    func cancel(_ ticket: Ticket) {
        guard scheduler.remove(ticket) else { return }
        // A place that it still had in the queue was given back by whoever cancelled it.
        countWasted(take(ticket))
        countHeld()
    }

    func resume(_ ticket: Ticket) { scheduler.resume(ticket) }

    func stop(with error: ServingError) {
        for ticket in scheduler.removeAll() { fail(take(ticket), with: error) }
        countHeld()
    }

    /// Runs the model, and lets each sequence take its result.
    private func compute(_ scheduled: [ScheduledSpan], on gang: ComputeGang) {
        guard !scheduled.isEmpty else { return }
        let spans = scheduled.map { span in
            let text = text(span.ticket)
            return TokenSpan(
                tokens: text.tokens[span.positions] + span.guesses, startPosition: span.positions.lowerBound,
                pages: span.pages, result: text.result(of: span))
        }
        pipeline.model.step(spans, on: gang) { index, values in
            text(scheduled[index].ticket).receive(values, of: scheduled[index])
        }
    }

    /// Hands out what came of one span, and tells the scheduler how the sequence goes on.
    private func publish(_ span: ScheduledSpan, nanoseconds: UInt64, at now: MonotonicTime) {
        let text = text(span.ticket)
        text.usage.computeNanoseconds &+= nanoseconds
        guard span.reachesEnd else { return text.noteUsage() }
        let writtenTokenCount = text.writtenTokenCount
        loaded.count {
            $0.generatedTokenCount += UInt64(writtenTokenCount)
            $0.guessedTokenCount += UInt64(span.guesses.count)
            $0.confirmedTokenCount += UInt64(max(0, writtenTokenCount - 1))
        }
        switch text.advance() {
        case .goesOn(let tokens):
            scheduler.extend(span.ticket, with: tokens)
        case .pauses(let tokens):
            scheduler.extend(span.ticket, with: tokens)
            scheduler.pause(span.ticket)
        case .ended(let publish):
            scheduler.remove(span.ticket)
            _ = take(span.ticket)
            countHeld()
            loaded.count {
                $0.countAnswer(
                    samples: 1, waited: text.usage.queueNanoseconds,
                    times: ExecutionTimes(computeNanoseconds: text.usage.computeNanoseconds),
                    arrival: text.request.arrival, at: now)
            }
            if !publish() { countWasted(text) }
        case .abandoned:
            scheduler.remove(span.ticket)
            _ = take(span.ticket)
            countHeld()
            countWasted(text)
        case .failed(let error):
            scheduler.remove(span.ticket)
            _ = take(span.ticket)
            countHeld()
            fail(text, with: error)
        }
    }

    /// Lets the tenants pay for a step, by their tokens in it.
    private func charge(_ spans: [ScheduledSpan], nanoseconds: UInt64) {
        var bill = ComputeBill()
        let tokenCount = spans.reduce(0) { $0 + $1.tokenCount }
        for span in spans {
            let text = text(span.ticket)
            text.ownComputeNanoseconds &+= nanoseconds * UInt64(span.tokenCount) / UInt64(tokenCount)
            bill.add(text.request.share, amount: span.tokenCount)
        }
        accounts.charge(bill, nanoseconds: nanoseconds)
    }

    /// Counts what was computed for a text that nobody waits for any more.
    private func countWasted(_ text: RunningText) {
        guard text.ownComputeNanoseconds > 0 else { return }
        loaded.count { $0.wastedComputeNanoseconds &+= text.ownComputeNanoseconds }
    }

    private func countStart(of admitted: AdmittedSequence, at now: MonotonicTime) {
        let text = text(admitted.ticket)
        guard !text.hasStarted else { return }
        text.hasStarted = true
        text.usage.cachedPromptTokenCount = admitted.cachedTokenCount
        text.usage.queueNanoseconds = now.nanoseconds(since: text.request.arrival)
        text.noteUsage()
        loaded.leaveQueue([text.request.place])
        loaded.count {
            $0.promptTokenCount += UInt64(text.request.promptTokens.count)
            $0.cachedTokenCount += UInt64(admitted.cachedTokenCount)
        }
    }

    private func fail(_ text: RunningText, with error: ServingError) {
        loaded.leaveQueue([text.request.place])
        if text.request.fail(error, usage: text.hasStarted ? text.usage : nil) { loaded.count { $0.failureCount += 1 } }
    }

    private func text(_ ticket: Ticket) -> RunningText {
        guard let text = texts[ticket] else {
            preconditionFailure("the scheduler knows sequence \(ticket), the runner does not")
        }
        return text
    }

    /// A text that is done with.
    private func take(_ ticket: Ticket) -> RunningText {
        let text = text(ticket)
        texts[ticket] = nil
        accounts.leave(text.request.share)
        return text
    }

    private func countHeld() {
        let running = scheduler.runningSequenceCount
        let pool = scheduler.pool
        loaded.count {
            $0.runningSequenceCount = running
            $0.cachePageCountUsed = pool.heldPageCount
            $0.cachePageCountCached = pool.cachedPageCount
            $0.cacheEvictionCount = pool.evictionCount
        }
    }
}
