import Testing
import Vocabulary

@testable import Scheduling

/// A token scheduler with a clock, a model and the shares of tenants: does what the engine would.
///
/// The model takes 10 ms a step and 1 ms a token, and whatever is due has its answer when the step ends.
struct TextEngine {
    private(set) var scheduler: TokenScheduler
    private var shares = TenantShares()
    private var texts: [Ticket: (share: TenantShare, leftTokenCount: Int, arrival: UInt64)] = [:]
    private var tenants: [Ticket: TenantID?] = [:]
    private var running: Set<Ticket> = []
    private var lastNumber: UInt64 = 0

    var now: UInt64 = 0
    private(set) var lastStep = TokenStep()
    private(set) var lastStepNanoseconds: UInt64 = 0
    private(set) var preempted: [Ticket] = []
    private(set) var tokenCounts: [TenantID?: Int] = [:]
    /// When a text had its first token, from its arrival on.
    private(set) var firstTokenNanoseconds: [Ticket: UInt64] = [:]

    private let checksInvariants: Bool

    init(_ scheduler: TokenScheduler, checksInvariants: Bool = true) {
        self.scheduler = scheduler
        self.checksInvariants = checksInvariants
    }

    @discardableResult
    mutating func enqueue(
        _ tenant: TenantID?, prompt: Int, answer: Int, deadline: UInt64 = .max, weight: Int = 1,
        at arrival: UInt64? = nil
    ) -> Ticket {
        lastNumber += 1
        let share = TenantShare(tenant: tenant, weight: weight)
        let admission = SchedulingTests.enqueue(
            lastNumber, prompt: prompt, max: prompt + answer, deadline: deadline, share: share, into: &scheduler,
            at: arrival ?? now)
        let ticket = Ticket(lastNumber)
        tenants[ticket] = tenant
        guard admission == .queued else { return ticket }
        shares.enter(tenant)
        texts[ticket] = (share, answer, arrival ?? now)
        return ticket
    }

    /// Sees to it that a tenant has `count` texts here.
    mutating func fill(_ tenant: TenantID, to count: Int, prompt: Int, answer: Int, weight: Int = 1) {
        let here = texts.values.count { $0.share.tenant == tenant }
        for _ in here..<max(here, count) { enqueue(tenant, prompt: prompt, answer: answer, weight: weight) }
    }

    func tenant(of ticket: Ticket) -> TenantID? { tenants[ticket] ?? nil }

    func isRunning(_ ticket: Ticket) -> Bool { running.contains(ticket) }

    /// Texts that are not ended.
    var textCount: Int { texts.count }

    /// Runs enough steps to know how long they take.
    mutating func learn() {
        for length in 0..<30 {
            enqueue(nil, prompt: [1, 40, 17, 60, 33][length % 5], answer: 1)
            step()
        }
    }

    mutating func step() {
        beginStep()
        finishStep()
    }

    /// What comes between this and `finishStep` comes while the model computes.
    mutating func beginStep() {
        shares.beginTurn()
        let protected = scheduler.running.first { !$0.isPaused && !$0.deadline.isExpired(at: time(now)) }?.ticket
        lastStep = scheduler.schedule(at: time(now), shares)
        if checksInvariants { #expect(scheduler.brokenInvariant == nil) }
        #expect(protected.map(lastStep.preempted.contains) != true, "the oldest lost its pages")
        lastStepNanoseconds = lastStep.spans.isEmpty ? 0 : 10_000_000 + UInt64(lastStep.tokenCount) * 1_000_000
    }

    mutating func finishStep() {
        now += lastStepNanoseconds
        scheduler.finishStep(nanoseconds: lastStepNanoseconds)
        preempted += lastStep.preempted
        running.subtract(lastStep.preempted)
        running.formUnion(lastStep.admitted.map(\.ticket))
        charge()
        for ticket in lastStep.expired + lastStep.hopeless { leave(ticket) }
        for span in lastStep.spans where span.reachesEnd { write(span.ticket) }
        if checksInvariants { #expect(scheduler.brokenInvariant == nil) }
    }

    /// How many steps begin before a text has its first token.
    mutating func stepCount(untilToken ticket: Ticket) -> Int? {
        for count in 1...1_000 {
            step()
            if firstTokenNanoseconds[ticket] != nil { return count }
        }
        return nil
    }

    private mutating func charge() {
        var bill = ComputeBill()
        for span in lastStep.spans {
            bill.add(texts[span.ticket]!.share, amount: span.tokenCount)
            tokenCounts[texts[span.ticket]!.share.tenant, default: 0] += span.tokenCount
        }
        for (share, nanoseconds) in bill.charges(of: lastStepNanoseconds) {
            shares.charge(share, nanoseconds: nanoseconds)
        }
    }

    private mutating func write(_ ticket: Ticket) {
        if firstTokenNanoseconds[ticket] == nil { firstTokenNanoseconds[ticket] = now - texts[ticket]!.arrival }
        texts[ticket]!.leftTokenCount -= 1
        if texts[ticket]!.leftTokenCount > 0 {
            scheduler.extend(ticket, with: [0])
        } else {
            scheduler.remove(ticket)
            leave(ticket)
        }
    }

    private mutating func leave(_ ticket: Ticket) {
        shares.leave(texts.removeValue(forKey: ticket)!.share.tenant)
        running.remove(ticket)
    }
}
