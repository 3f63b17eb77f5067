import KVCache
import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

@Suite("TokenScheduler")
struct TokenSchedulerTests {
    @Test("a prompt is computed in one step, then one token a step, each after it was chosen")
    func oneSequence() {
        var scheduler = make()
        enqueue(1, prompt: 5, max: 8, into: &scheduler)
        let first = run(&scheduler)
        #expect(first.admitted.map(\.ticket) == [Ticket(1)])
        #expect(first.spans.map(\.positions) == [0..<5] && first.spans[0].reachesEnd)
        #expect(first.spans[0].pages.count == 2)
        for position in 5..<8 {
            scheduler.extend(Ticket(1), with: [0])
            let step = run(&scheduler)
            #expect(step.spans.map(\.positions) == [position..<position + 1] && step.spans[0].reachesEnd)
        }
        #expect(scheduler.remove(Ticket(1)) == true)
        #expect(scheduler.pool.heldPageCount == 0)
        #expect(scheduler.readiness(at: time(0)) == .idle)
    }

    @Test("a long prompt is cut by the budget, behind the running texts, and only its last part gives a token")
    func chunkedPrompt() {
        var scheduler = make(budget: 4, pages: 16)
        enqueue(1, prompt: 2, max: 20, into: &scheduler)
        _ = run(&scheduler)
        scheduler.extend(Ticket(1), with: [0])
        enqueue(2, prompt: 8, max: 9, into: &scheduler)
        var chunks: [Range<Int>] = []
        while chunks.last?.upperBound != 8 {
            let step = run(&scheduler)
            #expect(step.spans.map(\.ticket) == [Ticket(1), Ticket(2)])
            #expect(step.spans[1].reachesEnd == (step.spans[1].positions.upperBound == 8))
            chunks.append(step.spans[1].positions)
            scheduler.extend(Ticket(1), with: [0])
        }
        #expect(chunks == [0..<3, 3..<6, 6..<8])
    }

    @Test("sequences join and leave between steps")
    func joinAndLeave() {
        var scheduler = make()
        enqueue(1, prompt: 1, max: 10, into: &scheduler)
        #expect(run(&scheduler).spans.map(\.ticket) == [Ticket(1)])
        scheduler.extend(Ticket(1), with: [0])
        enqueue(2, prompt: 1, max: 10, into: &scheduler)
        #expect(run(&scheduler).spans.map(\.ticket) == [Ticket(1), Ticket(2)])
        scheduler.remove(Ticket(1))
        scheduler.extend(Ticket(2), with: [0])
        #expect(run(&scheduler).spans.map(\.ticket) == [Ticket(2)])
    }

    @Test("no more sequences run than allowed; the next starts when one leaves")
    func runningMax() {
        var scheduler = make(running: 2)
        for number in 1...3 { enqueue(UInt64(number), prompt: 1, max: 4, into: &scheduler) }
        #expect(run(&scheduler).admitted.map(\.ticket) == [Ticket(1), Ticket(2)])
        scheduler.remove(Ticket(1))
        scheduler.extend(Ticket(2), with: [0])
        #expect(run(&scheduler).admitted.map(\.ticket) == [Ticket(3)])
    }

    @Test("a full queue refuses")
    func queueFull() {
        var scheduler = make(queue: 2)
        #expect(enqueue(1, prompt: 1, max: 2, into: &scheduler) == .queued)
        #expect(enqueue(2, prompt: 1, max: 2, into: &scheduler) == .queued)
        #expect(enqueue(3, prompt: 1, max: 2, into: &scheduler) == .refused)
    }

    @Test("a prompt that finds no pages waits, and a small one behind it does not overtake")
    func admissionInOrder() {
        var scheduler = make(pages: 4)
        enqueue(1, prompt: 8, max: 9, into: &scheduler)
        enqueue(2, prompt: 12, max: 13, into: &scheduler)
        enqueue(3, prompt: 1, max: 2, into: &scheduler)
        #expect(run(&scheduler).admitted.map(\.ticket) == [Ticket(1)])
        scheduler.extend(Ticket(1), with: [0])
        #expect(run(&scheduler).admitted.map(\.ticket) == [])
        scheduler.remove(Ticket(1))
        #expect(run(&scheduler).admitted.map(\.ticket) == [Ticket(2)])
    }

    @Test("when pages run out the latest sequence loses them, waits, and is computed again from its first token")
    func preemption() {
        var scheduler = make(pages: 4)
        enqueue(1, prompt: 4, max: 16, into: &scheduler)
        enqueue(2, prompt: 4, max: 16, into: &scheduler)
        var preempted: [Ticket] = []
        var steps = 0
        while preempted.isEmpty, steps < 20 {
            let step = run(&scheduler)
            preempted += step.preempted
            for span in step.spans where span.reachesEnd { scheduler.extend(span.ticket, with: [0]) }
            steps += 1
        }
        #expect(preempted == [Ticket(2)])
        scheduler.remove(Ticket(1))
        let again = run(&scheduler)
        #expect(again.admitted.map(\.ticket) == [Ticket(2)])
        #expect(again.spans.map(\.positions.lowerBound) == [0] && again.spans[0].positions.count > 4)
    }

    @Test("a paused sequence is left out of the steps and goes on after resume")
    func pause() {
        var scheduler = make()
        enqueue(1, prompt: 1, max: 10, into: &scheduler)
        enqueue(2, prompt: 1, max: 10, into: &scheduler)
        extendAll(run(&scheduler), &scheduler)
        scheduler.pause(Ticket(1))
        let without = run(&scheduler)
        #expect(without.spans.map(\.ticket) == [Ticket(2)])
        extendAll(without, &scheduler)
        scheduler.resume(Ticket(1))
        #expect(run(&scheduler).spans.map(\.ticket) == [Ticket(1), Ticket(2)])
    }

    @Test("a paused sequence gives its pages and its place to whoever needs them, older or younger")
    func pausedYields() {
        var scheduler = make(running: 1, pages: 4)
        enqueue(1, prompt: 12, max: 16, into: &scheduler)
        extendAll(run(&scheduler), &scheduler)
        scheduler.pause(Ticket(1))
        #expect(scheduler.readiness(at: time(0)) == .idle)
        enqueue(2, prompt: 8, max: 9, into: &scheduler)
        let step = run(&scheduler)
        #expect(step.preempted == [Ticket(1)] && step.admitted.map(\.ticket) == [Ticket(2)])
        scheduler.remove(Ticket(2))
        scheduler.resume(Ticket(1))
        #expect(run(&scheduler).spans.map(\.positions) == [0..<13])
    }

    @Test("a deadline frees pages before the next step, whether the sequence runs, waits or is paused")
    func deadlines() {
        var scheduler = make(running: 2)
        enqueue(1, prompt: 5, max: 9, deadline: 10, into: &scheduler)
        enqueue(2, prompt: 5, max: 9, deadline: 20, into: &scheduler)
        extendAll(run(&scheduler), &scheduler)
        enqueue(3, prompt: 5, max: 9, deadline: 10, into: &scheduler)
        scheduler.pause(Ticket(2))
        let step = run(&scheduler, at: 10)
        #expect(step.expired == [Ticket(1), Ticket(3)] && step.spans.isEmpty)
        #expect(scheduler.readiness(at: time(10)) == .waiting(until: time(20)))
        #expect(scheduler.readiness(at: time(20)) == .ready)
        #expect(run(&scheduler, at: 20).expired == [Ticket(2)])
        #expect(scheduler.pool.heldPageCount == 0)
    }

    @Test("a shutdown takes everything out and frees every page")
    func removeAll() {
        var scheduler = make(running: 2)
        for number in 1...4 { enqueue(UInt64(number), prompt: 5, max: 9, into: &scheduler) }
        _ = run(&scheduler)
        #expect(Set(scheduler.removeAll()) == Set((1...4).map { Ticket($0) }))
        #expect(scheduler.pool.heldPageCount == 0 && scheduler.brokenInvariant == nil)
    }

    /// Each state of a sequence against each event; what it holds and whether it is in the next step.
    @Test(
        "every event in every state",
        arguments: [
            (State.waiting, Event.none, Outcome(inStep: true, pages: 2)),
            (.waiting, .pause, Outcome(inStep: false, pages: 0)),
            (.waiting, .resume, Outcome(inStep: true, pages: 2)),
            (.waiting, .expire, Outcome(inStep: false, pages: 0, isGone: true)),
            (.waiting, .remove, Outcome(inStep: false, pages: 0, isGone: true)),
            (.running, .none, Outcome(inStep: true, pages: 2)),
            (.running, .pause, Outcome(inStep: false, pages: 2)),
            (.running, .resume, Outcome(inStep: true, pages: 2)),
            (.running, .expire, Outcome(inStep: false, pages: 0, isGone: true)),
            (.running, .remove, Outcome(inStep: false, pages: 0, isGone: true)),
            (.paused, .none, Outcome(inStep: false, pages: 2)),
            (.paused, .pause, Outcome(inStep: false, pages: 2)),
            (.paused, .resume, Outcome(inStep: true, pages: 2)),
            (.paused, .expire, Outcome(inStep: false, pages: 0, isGone: true)),
            (.paused, .remove, Outcome(inStep: false, pages: 0, isGone: true)),
            (.gone, .none, Outcome(inStep: false, pages: 0, isGone: true)),
            (.gone, .pause, Outcome(inStep: false, pages: 0, isGone: true)),
            (.gone, .resume, Outcome(inStep: false, pages: 0, isGone: true)),
            (.gone, .expire, Outcome(inStep: false, pages: 0, isGone: true)),
            (.gone, .remove, Outcome(inStep: false, pages: 0, isGone: true)),
        ])
    func table(state: State, event: Event, outcome: Outcome) {
        var scheduler = make()
        let ticket = Ticket(1)
        enqueue(1, prompt: 5, max: 9, deadline: 100, into: &scheduler)
        if state != .waiting { extendAll(run(&scheduler), &scheduler) }
        if state == .paused { scheduler.pause(ticket) }
        if state == .gone { scheduler.remove(ticket) }
        switch event {
        case .none, .expire: break
        case .pause: scheduler.pause(ticket)
        case .resume: scheduler.resume(ticket)
        case .remove: #expect(scheduler.remove(ticket) == (state != .gone))
        }
        let step = run(&scheduler, at: event == .expire ? 100 : 0)
        #expect(step.spans.contains { $0.ticket == ticket } == outcome.inStep)
        #expect(step.expired == (event == .expire && state != .gone ? [ticket] : []))
        #expect(scheduler.pool.heldPageCount == outcome.pages)
        #expect((scheduler.runningSequenceCount + scheduler.waitingSequenceCount == 0) == outcome.isGone)
    }

    enum State: Sendable { case waiting, running, paused, gone }
    enum Event: Sendable { case none, pause, resume, expire, remove }
    struct Outcome: Sendable {
        let inStep: Bool
        let pages: Int
        var isGone = false
    }
}

func make(
    running: Int = 4, queue: Int = 100, budget: Int = 32, time: UInt64 = .max, context: Int = 64, pages: Int = 16,
    tokensPerPage: Int = 4, reusesPrefixes: Bool = true, guesses: Int = 0, shared: [[Int32]] = []
) -> TokenScheduler {
    TokenScheduler(
        limits: TokenLimits(
            runningSequenceCountMax: running, queueCapacity: queue, stepTokenBudget: budget, stepNanosecondsMax: time,
            contextLengthMax: context, pageCount: pages, tokensPerPage: tokensPerPage,
            reusesPrefixes: reusesPrefixes, guessCountMax: guesses), sharedPrefixes: SharedPrefixes(shared))
}

/// A prompt like no other ticket's, which leaves its pages to nobody.
@discardableResult
func enqueue(
    _ number: UInt64, prompt: Int, max: Int, deadline: UInt64 = .max, share: TenantShare = TenantShare(),
    into scheduler: inout TokenScheduler, at now: UInt64 = 0
) -> QueueAdmission {
    enqueue(
        number, tokens: (0..<prompt).map { Int32($0) }, max: max, deadline: deadline, namespace: nil, share: share,
        into: &scheduler, at: now)
}

@discardableResult
func enqueue(
    _ number: UInt64, tokens: [Int32], max: Int, deadline: UInt64 = .max, namespace: PrefixNamespace?,
    leader: UInt64? = nil, share: TenantShare = TenantShare(), into scheduler: inout TokenScheduler, at now: UInt64 = 0
) -> QueueAdmission {
    scheduler.enqueue(
        SequenceRequest(
            ticket: Ticket(number), prompt: tokens, tokenCountMax: max, deadline: Deadline(time(deadline)),
            namespace: namespace, leader: leader.map { Ticket($0) }, share: share), at: time(now))
}

/// One whole step, which takes `nanoseconds`, with every invariant checked before and after it is counted.
func run(
    _ scheduler: inout TokenScheduler, _ shares: TenantShares = TenantShares(), at now: UInt64 = 0,
    nanoseconds: ((TokenStep) -> UInt64)? = nil
) -> TokenStep {
    let step = scheduler.schedule(at: time(now), shares)
    #expect(scheduler.brokenInvariant == nil)
    #expect(step.tokenCount <= scheduler.limits.stepTokenBudget)
    scheduler.finishStep(nanoseconds: nanoseconds.map { $0(step) })
    #expect(scheduler.brokenInvariant == nil)
    return step
}

func extendAll(_ step: TokenStep, _ scheduler: inout TokenScheduler) {
    for span in step.spans where span.reachesEnd { scheduler.extend(span.ticket, with: [0]) }
}

extension TokenStep {
    /// Tokens that go through the model, guesses included.
    var tokenCount: Int { spans.reduce(0) { $0 + $1.tokenCount } }
}
