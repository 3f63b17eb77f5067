import KVCache
import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

@Suite("TokenScheduler, random walks")
struct TokenSchedulerWalkTests {
    /// Goal: no order of events breaks a rule, no sequence ever reads what is not its own past or what only another
    /// tenant has computed, and every sequence that is not cancelled ends.
    ///
    /// Method: thousands of steps of requests that begin alike, of two tenants of different weight, some with
    /// siblings, some with deadlines, on a virtual clock that each step moves on by what it would take. A mock cache
    /// stores in each place of each page what a model would: a value that depends on all tokens up to there; before a
    /// span is computed, all earlier places must hold the values that the sequence's own tokens give. The oldest
    /// sequence that runs may never lose its pages. Half of the walks guess tokens, of which there are only two, so
    /// that many guesses come true and many do not.
    @Test("whatever happens, every token finds the ones before it in its pages", arguments: 0..<16)
    func walk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        // Some walks in a hurry, some without reuse, some with a listed prefix.
        let listed: [Int32] = seed % 4 == 0 ? Array(repeating: 1, count: 9) : []
        let scheduler = make(
            running: 4, queue: 8, budget: seed % 2 == 0 ? 7 : 40, time: seed % 3 == 0 ? 9_000_000 : .max, context: 60,
            pages: 16, reusesPrefixes: seed % 8 != 7, guesses: seed / 2 % 2 == 0 ? 6 : 0, shared: [listed])
        var simulation = Simulation(scheduler: scheduler, listed: listed)
        for _ in 0..<2_000 {
            simulation.act(&random)
            if let broken = simulation.scheduler.brokenInvariant {
                Issue.record("\(broken)")
                return
            }
        }
        simulation.finish(&random)
        #expect(simulation.tickets.isEmpty, "some sequence starves")
        #expect(simulation.scheduler.pool.heldPageCount == 0)
        #expect(simulation.preemptionCount > 0 && simulation.scheduler.pool.evictionCount > 0)
        #expect(simulation.cachedTokenCount > 100)
        if scheduler.limits.guessCountMax > 0 {
            #expect(simulation.confirmedCount > 50 && simulation.refutedCount > 50)
        }
    }

    @Test("sequences of the same length end in the order they came")
    func fairness() {
        var random = SeededGenerator(seed: 1)
        var simulation = Simulation(scheduler: make(running: 3, budget: 8, pages: 9), listed: [])
        for number in 1...12 {
            simulation.enqueue(tokens: Array(repeating: Int32(number), count: 6), max: 12, namespace: nil)
        }
        var finished: [Ticket] = []
        while !simulation.tickets.isEmpty, finished.count < 12 { finished += simulation.step(&random) }
        #expect(finished == (1...12).map { Ticket($0) })
    }
}

/// A scheduler with a clock, a cache and readers: does what the engine would, and complains about what a cache could
/// not notice.
private struct Simulation {
    private struct Text {
        var tokens: [Int32]
        let max: Int
        let namespace: PrefixNamespace?
        let share: TenantShare
    }

    /// What a model leaves in the cache for a token.
    private struct Slot: Equatable {
        let position: Int
        /// Depends on all tokens up to here.
        let state: UInt64
        let namespace: PrefixNamespace?
    }

    var scheduler: TokenScheduler
    private var shares = TenantShares()
    private(set) var preemptionCount = 0
    private(set) var cachedTokenCount = 0
    /// Guesses that came true, and spans with one that did not.
    private(set) var confirmedCount = 0
    private(set) var refutedCount = 0
    private var texts: [Ticket: Text] = [:]
    private var slots: [Int: Slot] = [:]
    private var now: UInt64 = 0
    private var lastNumber: UInt64 = 0

    /// A prefix that every tenant may find.
    private let listed: [Int32]

    init(scheduler: TokenScheduler, listed: [Int32]) {
        self.scheduler = scheduler
        self.listed = listed
    }

    var tickets: [Ticket] { texts.keys.sorted() }

    /// Something that may happen, by chance.
    mutating func act(_ random: inout SeededGenerator) {
        now += 100_000
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<2: arrive(&random)
        case 2:
            guard let ticket = tickets.randomElement(using: &random) else { break }
            #expect(scheduler.remove(ticket) == true)
            forget(ticket)
        case 3: if let ticket = tickets.randomElement(using: &random) { scheduler.pause(ticket) }
        case 4..<6: if let ticket = tickets.randomElement(using: &random) { scheduler.resume(ticket) }
        default: step(&random)
        }
    }

    /// Lets everything end that is still here.
    mutating func finish(_ random: inout SeededGenerator) {
        for ticket in tickets { scheduler.resume(ticket) }
        var steps = 0
        while !tickets.isEmpty, steps < 5_000 {
            #expect(scheduler.readiness(at: time(now)) == .ready)
            step(&random)
            steps += 1
        }
    }

    /// One text or several siblings, often beginning like another: there are few openings.
    private mutating func arrive(_ random: inout SeededGenerator) {
        let max = Int.random(in: 1...60, using: &random)
        let opening = Int32.random(in: 1...3, using: &random)
        var tokens = [Int32](repeating: opening, count: Int.random(in: 0...max / 2, using: &random))
        while tokens.count < max, Int.random(in: 0..<8, using: &random) > 0 {
            tokens.append(Int32.random(in: 0..<2, using: &random))
        }
        if tokens.isEmpty { tokens = [0] }
        let tenant = TenantID(["a", "b"].randomElement(using: &random)!)!
        let share = TenantShare(tenant: tenant, weight: tenant.name == "a" ? 1 : 3)
        let namespace: PrefixNamespace? =
            Int.random(in: 0..<6, using: &random) == 0 ? nil : .tenant(tenant, salt: "")
        let deadline = Int.random(in: 0..<5, using: &random) == 0 ? now + 60_000_000 : .max
        let siblingCount = Int.random(in: 0..<5, using: &random) == 0 ? 2 : 0
        let leader = enqueue(tokens: tokens, max: max, deadline: deadline, namespace: namespace, share: share)
        for _ in 0..<siblingCount {
            enqueue(
                tokens: tokens, max: max, deadline: deadline, namespace: namespace, share: share, leader: leader)
        }
    }

    @discardableResult
    mutating func enqueue(
        tokens: [Int32], max: Int, deadline: UInt64 = .max, namespace: PrefixNamespace?,
        share: TenantShare = TenantShare(), leader: UInt64? = nil
    ) -> UInt64 {
        lastNumber += 1
        let admission = SchedulingTests.enqueue(
            lastNumber, tokens: tokens, max: max, deadline: deadline, namespace: namespace, leader: leader,
            share: share, into: &scheduler, at: now)
        guard admission == .queued else { return lastNumber }
        texts[Ticket(lastNumber)] = Text(tokens: tokens, max: max, namespace: namespace, share: share)
        shares.enter(share.tenant)
        return lastNumber
    }

    /// Runs one step as the engine would; gives the sequences that ended.
    @discardableResult
    mutating func step(_ random: inout SeededGenerator) -> [Ticket] {
        let wasReady = scheduler.readiness(at: time(now)) == .ready
        var duration: UInt64 = 0
        shares.beginTurn()
        let oldest = scheduler.running.first { !$0.isPaused && !$0.deadline.isExpired(at: time(now)) }?.ticket
        let step = run(&scheduler, shares, at: now) { step in
            duration = 3_000_000 + UInt64(step.tokenCount) * 200_000
            return duration
        }
        now += duration
        let gone = step.expired + step.hopeless
        #expect(wasReady == (!step.spans.isEmpty || !gone.isEmpty), "ready, and nothing came of it")
        preemptionCount += step.preempted.count
        #expect(oldest.map(step.preempted.contains) != true, "the oldest lost its pages")
        charge(step, nanoseconds: duration)
        for admitted in step.admitted { check(admitted) }
        for ticket in gone { forget(ticket) }
        // All of them read before one writes: the order within a step is nobody's business.
        for span in step.spans { read(span) }
        for span in step.spans { write(span) }
        return step.spans.filter(\.reachesEnd).compactMap { advance($0, &random) }
    }

    private mutating func charge(_ step: TokenStep, nanoseconds: UInt64) {
        var bill = ComputeBill()
        for span in step.spans { bill.add(texts[span.ticket]!.share, amount: span.tokenCount) }
        for (share, nanoseconds) in bill.charges(of: nanoseconds) { shares.charge(share, nanoseconds: nanoseconds) }
    }

    private mutating func forget(_ ticket: Ticket) {
        guard let text = texts.removeValue(forKey: ticket) else { return }
        shares.leave(text.share.tenant)
    }

    private mutating func check(_ admitted: AdmittedSequence) {
        cachedTokenCount += admitted.cachedTokenCount
        guard let text = texts[admitted.ticket] else { return }
        #expect(admitted.cachedTokenCount < text.tokens.count, "nothing is left to compute")
        #expect(text.namespace != nil || admitted.cachedTokenCount == 0)
    }

    private func read(_ span: ScheduledSpan) {
        guard let text = texts[span.ticket] else { return }
        #expect(span.positions.upperBound <= text.tokens.count)
        #expect(span.reachesEnd == (span.positions.upperBound == text.tokens.count))
        for (position, state) in states(of: text.tokens).prefix(span.positions.lowerBound).enumerated() {
            guard let slot = slots[place(position, span)], slot.position == position, slot.state == state else {
                Issue.record("\(span.ticket) reads another text's past at position \(position)")
                return
            }
            // What only another tenant has computed, it must not have; a full page of a listed prefix is everybody's.
            let end = (position / scheduler.limits.tokensPerPage + 1) * scheduler.limits.tokensPerPage
            let isListed = end <= listed.count && listed.prefix(end) == text.tokens.prefix(end)
            guard slot.namespace == text.namespace || isListed else {
                Issue.record("\(span.ticket) reads at position \(position) what another tenant computed")
                return
            }
        }
    }

    private mutating func write(_ span: ScheduledSpan) {
        guard let text = texts[span.ticket] else { return }
        #expect(span.guesses.isEmpty || span.reachesEnd)
        #expect(span.positions.upperBound + span.guesses.count < max(text.max, span.positions.upperBound + 1))
        let states = states(of: text.tokens + span.guesses)
        for position in span.positions.lowerBound..<span.positions.upperBound + span.guesses.count {
            slots[place(position, span)] = Slot(
                position: position, state: states[position], namespace: text.namespace)
        }
    }

    /// Writes a token, and one more for each guess that is right.
    private mutating func advance(_ span: ScheduledSpan, _ random: inout SeededGenerator) -> Ticket? {
        guard let text = texts[span.ticket] else { return nil }
        var written: [Int32] = []
        while text.tokens.count + written.count < text.max {
            written.append(Int32.random(in: 0..<2, using: &random))
            guard written.count <= span.guesses.count else { break }
            if span.guesses[written.count - 1] != written[written.count - 1] {
                refutedCount += 1
                break
            }
            confirmedCount += 1
        }
        guard !written.isEmpty else {
            scheduler.remove(span.ticket)
            forget(span.ticket)
            return span.ticket
        }
        texts[span.ticket]!.tokens += written
        scheduler.extend(span.ticket, with: written)
        return nil
    }

    private func states(of tokens: [Int32]) -> [UInt64] {
        var state: UInt64 = 1
        return tokens.map { token in
            state = (state ^ UInt64(UInt32(bitPattern: token))) &* 0xBF58_476D_1CE4_E5B9
            state ^= state >> 29
            return state
        }
    }

    private func place(_ position: Int, _ span: ScheduledSpan) -> Int {
        let tokensPerPage = scheduler.limits.tokensPerPage
        return Int(span.pages[position / tokensPerPage]) * tokensPerPage + position % tokensPerPage
    }
}
