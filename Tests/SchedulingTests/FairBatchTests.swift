import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

/// How tenants share the batches of one model; the clock is virtual.
@Suite("BatchScheduler, tenants")
struct FairBatchTests {
    private let flood = TenantID("flood")!
    private let light = TenantID("light")!

    @Test("one request of a tenant is in the very next batch, however many of another wait", arguments: [1, 2, 8])
    func flood(batchSizeMax: Int) {
        var engine = BatchEngine(batchSizeMax: batchSizeMax)
        for _ in 0..<500 { engine.enqueue(flood) }
        engine.step()
        engine.beginStep()
        engine.enqueue(light)
        engine.finishStep()
        engine.step()
        #expect(engine.lastTenants.contains(light))
        #expect(engine.lastTenants.count == batchSizeMax)
    }

    @Test("a batch is shared by those who wait, sample by sample")
    func sharedBatch() {
        var engine = BatchEngine(batchSizeMax: 9)
        // Measured, so that a sample is known to count for something.
        engine.enqueue(nil)
        engine.step()
        for tenant in ["a", "b", "c"] {
            for _ in 0..<20 { engine.enqueue(TenantID(tenant)!) }
        }
        engine.step()
        for tenant in ["a", "b", "c"] { #expect(engine.lastTenants.count { $0 == TenantID(tenant)! } == 3) }
    }

    @Test("weights of 3 and 1 give samples as 3 to 1", arguments: [1, 4, 8])
    func weights(batchSizeMax: Int) {
        var engine = BatchEngine(batchSizeMax: batchSizeMax)
        for _ in 0..<1_000 {
            engine.fill(flood, to: 2 * batchSizeMax, weight: 3)
            engine.fill(light, to: 2 * batchSizeMax, weight: 1)
            engine.step()
        }
        // A tenant is never more than a batch ahead, which is 1 / 1000 of all.
        let ratio = Double(engine.sampleCounts[flood]!) / Double(engine.sampleCounts[light]!)
        #expect((2.98...3.02).contains(ratio), "\(ratio)")
    }

    @Test("requests of different sizes share by time, not by their number")
    func sizes() {
        var engine = BatchEngine(batchSizeMax: 8)
        for _ in 0..<1_000 {
            engine.fill(flood, to: 4, samples: 4)
            engine.fill(light, to: 16, samples: 1)
            engine.step()
        }
        let ratio = Double(engine.sampleCounts[flood]!) / Double(engine.sampleCounts[light]!)
        #expect((0.98...1.02).contains(ratio), "\(ratio)")
    }

    @Test("an urgent request goes before other tenants', and before its own tenant's that did not come long before")
    func priorities() {
        var engine = BatchEngine(batchSizeMax: 1)
        let usual = engine.enqueue(flood)
        let urgent = engine.enqueue(light, priority: 1)
        let own = engine.enqueue(flood, priority: 2)
        let late = engine.enqueue(light, priority: 9)
        var order: [Ticket] = []
        for _ in 0..<4 {
            engine.step()
            order += engine.lastTickets
        }
        #expect(order == [urgent, own, usual, late])
    }

    @Test("a flood of urgent requests leaves others their turn when they have waited for the age cap")
    func urgentFlood() {
        var engine = BatchEngine(batchSizeMax: 1)
        engine.enqueue(light, priority: 9)
        var turns = 0
        while !engine.lastTenants.contains(light) {
            for _ in 0..<4 { engine.enqueue(flood, priority: 1) }
            engine.step()
            turns += 1
            if turns > 10_000 { break }
        }
        #expect(turns > 10 && engine.now <= TenantShares.ageNanosecondsMax + 200_000_000, "\(engine.now) ns")
    }

    @Test("among equals, and within a tenant, the earliest deadline goes first, then who came first")
    func deadlines() {
        var engine = BatchEngine(batchSizeMax: 1)
        let a = TenantID("a")!
        let first = engine.enqueue(a)
        let second = engine.enqueue(TenantID("b")!, deadline: 900_000_000)
        let third = engine.enqueue(a, deadline: 500_000_000)
        let fourth = engine.enqueue(a)
        var order: [Ticket] = []
        for _ in 0..<4 {
            engine.step()
            order += engine.lastTickets
        }
        #expect(order == [third, second, first, fourth])
    }

    @Test("deadlines do not let a request without one wait for longer than the age cap")
    func ageWithinTenant() {
        var engine = BatchEngine(batchSizeMax: 1)
        let patient = engine.enqueue(light)
        var waitedNanoseconds: UInt64?
        while waitedNanoseconds == nil, engine.now < 10_000_000_000 {
            engine.fill(light, to: 3, deadlineAfter: 300_000_000)
            engine.step()
            if engine.lastTickets == [patient] { waitedNanoseconds = engine.now }
        }
        let waited = waitedNanoseconds.map { (1_600_000_000...2_010_000_000).contains($0) }
        #expect(waited == true, "\(String(describing: waitedNanoseconds))")
    }

    @Test("a tenant of little weight is served when it has waited for the age cap")
    func ageOfTenant() {
        var engine = BatchEngine(batchSizeMax: 1)
        var servedAt: [UInt64] = []
        while engine.now < 9_000_000_000 {
            engine.fill(flood, to: 2, weight: 1_000)
            engine.fill(light, to: 2, weight: 1)
            engine.step()
            if engine.lastTenants == [light] { servedAt.append(engine.now) }
        }
        // Once in the beginning, when all are equal, then after two seconds each.
        #expect(servedAt.count == 5, "\(servedAt)")
        #expect(zip(servedAt, servedAt.dropFirst()).allSatisfy { $1 - $0 <= 2_030_000_000 })
    }

    @Test("a flood whose requests are all older than the cap goes no earlier for that")
    func agedFlood() {
        var engine = BatchEngine(batchSizeMax: 1)
        for _ in 0..<1_000 { engine.enqueue(flood) }
        while engine.now < 4_000_000_000 { engine.step() }
        for _ in 0..<50 {
            engine.beginStep()
            engine.enqueue(light)
            engine.finishStep()
            engine.step()
            #expect(engine.lastTenants == [light])
        }
    }

    @Test("a small request of one tenant may fill a batch that a large one of another does not fit into")
    func fillingUp() {
        var engine = BatchEngine(batchSizeMax: 4)
        let large = [engine.enqueue(flood, samples: 3), engine.enqueue(flood, samples: 3)]
        let small = [engine.enqueue(light), engine.enqueue(light)]
        let own = engine.enqueue(flood)
        engine.step()
        #expect(engine.lastTickets == [large[0], small[0]])
        engine.step()
        #expect(
            Set(engine.lastTickets).isSubset(of: [large[1], small[1], own]) && engine.lastTickets.contains(small[1]))
    }

    @Test("what cannot be answered in time is refused before it is run, but only while measurements are fresh")
    func hopeless() {
        var engine = BatchEngine(batchSizeMax: 8)
        // 10 ms a batch, and 1 ms a sample.
        let early = engine.enqueue(light, deadline: 11_000_000)
        engine.step()
        #expect(engine.lastTickets == [early], "nothing is measured yet")
        for _ in 0..<40 {
            engine.enqueue(light, samples: 1 + Int(engine.now / 1_000_000) % 8)
            engine.step()
        }
        let hopeless = engine.enqueue(light, samples: 8, deadline: engine.now + 10_000_000)
        let hopeful = engine.enqueue(light, samples: 1, deadline: engine.now + 15_000_000)
        engine.step()
        #expect(engine.lastHopeless == [hopeless] && engine.lastTickets == [hopeful])
        engine.now += 1_000_000_001
        let probe = engine.enqueue(light, samples: 8, deadline: engine.now + 10_000_000)
        engine.step()
        #expect(engine.lastHopeless == [] && engine.lastTickets == [probe], "the model may have become faster")
    }

    @Test("kinds of requests are measured apart")
    func hopelessByKind() {
        var engine = BatchEngine(batchSizeMax: 1, costs: ["large": 100_000_000, "small": 1_000_000])
        for _ in 0..<40 {
            engine.enqueue(light, key: "large")
            engine.step()
        }
        let small = engine.enqueue(light, deadline: engine.now + 20_000_000, key: "small")
        engine.step()
        #expect(engine.lastTickets == [small])
    }

    /// Goal: with any tenants, weights, sizes and deadlines nothing is lost or late, and nobody waits for ever.
    ///
    /// Method: random events against a model that remembers what it is owed; the scheduler's invariants after each.
    @Test("a random walk of several tenants loses nothing and starves nobody", arguments: 0..<12)
    func randomWalk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var engine = BatchEngine(
            batchSizeMax: 5, capacity: 60, delay: seed % 2 == 0 ? 0 : 3_000_000, age: 200_000_000,
            costs: ["a": 1_000_000, "b": 4_000_000])
        var owed: [Ticket: UInt64] = [:]
        for _ in 0..<3_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let number = Int.random(in: 0..<6, using: &random)
                let tenant = number == 0 ? nil : TenantID("t\(number)")!
                let deadline =
                    Int.random(in: 0..<3, using: &random) == 0
                    ? engine.now + UInt64.random(in: 1...300_000_000, using: &random) : .max
                let ticket = engine.enqueue(
                    tenant, samples: Int.random(in: 1...5, using: &random), deadline: deadline,
                    weight: number + 1, key: ["a", "b"].randomElement(using: &random)!)
                if engine.wasQueued { owed[ticket] = engine.now }
            case 6:
                guard let ticket = owed.keys.sorted().randomElement(using: &random) else { break }
                owed[ticket] = nil
                #expect(engine.cancel(ticket) == true)
            default:
                let isReady = engine.scheduler.readiness(at: time(engine.now)) == .ready
                engine.step()
                let gone = engine.lastTickets + engine.lastHopeless + engine.lastExpired
                #expect(isReady == !gone.isEmpty)
                for ticket in gone {
                    let arrival = owed.removeValue(forKey: ticket)
                    // 60 requests of at most 45 ms, each tenant's oldest ahead of all others once a cap.
                    #expect(arrival.map { engine.now - $0 < 6_000_000_000 } == true)
                }
            }
            engine.now += UInt64.random(in: 0...2_000_000, using: &random)
            engine.scheduler.checkInvariants()
            #expect(engine.scheduler.queuedRequestCount == owed.count)
        }
        #expect(engine.sampleCounts.count == 6)
    }
}

/// A batch scheduler with a clock, a model and the shares of tenants: does what the engine would.
private struct BatchEngine {
    private(set) var scheduler: BatchScheduler<String>
    private var shares = TenantShares()
    private var requests: [Ticket: BatchRequest<String>] = [:]
    private var open: [Ticket] = []
    /// By key: what a sample takes, beside the 10 ms of a batch.
    private let costs: [String: UInt64]
    private var lastNumber: UInt64 = 0

    var now: UInt64 = 0
    private(set) var lastTickets: [Ticket] = []
    private(set) var lastTenants: [TenantID?] = []
    private(set) var lastHopeless: [Ticket] = []
    private(set) var lastExpired: [Ticket] = []
    private(set) var wasQueued = false
    private(set) var sampleCounts: [TenantID?: Int] = [:]

    init(
        batchSizeMax: Int, capacity: Int = 2_000, delay: UInt64 = 0, age: UInt64 = TenantShares.ageNanosecondsMax,
        costs: [String: UInt64] = ["a": 1_000_000]
    ) {
        scheduler = BatchScheduler(
            limits: BatchLimits(
                batchSizeMax: batchSizeMax, queueCapacity: capacity, queueDelayMaxNanoseconds: delay,
                ageNanosecondsMax: age))
        self.costs = costs
    }

    @discardableResult
    mutating func enqueue(
        _ tenant: TenantID?, samples: Int = 1, deadline: UInt64 = .max, weight: Int = 1, key: String = "a",
        priority: Int = TenantShare.priorityDefault
    ) -> Ticket {
        lastNumber += 1
        let request = BatchRequest(
            ticket: Ticket(lastNumber), sampleCount: samples, key: key, deadline: Deadline(time(deadline)),
            share: TenantShare(tenant: tenant, weight: weight, priority: priority))
        wasQueued = scheduler.enqueue(request, at: time(now)) == .queued
        if wasQueued {
            requests[request.ticket] = request
            shares.enter(tenant)
        }
        return request.ticket
    }

    /// Sees to it that a tenant has `count` requests that wait.
    mutating func fill(
        _ tenant: TenantID, to count: Int, samples: Int = 1, weight: Int = 1, deadlineAfter: UInt64? = nil
    ) {
        let waitingCount = requests.values.count { $0.share.tenant == tenant }
        for _ in waitingCount..<max(waitingCount, count) {
            enqueue(tenant, samples: samples, deadline: deadlineAfter.map { now + $0 } ?? .max, weight: weight)
        }
    }

    mutating func cancel(_ ticket: Ticket) -> Bool {
        guard scheduler.cancel(ticket), let request = requests.removeValue(forKey: ticket) else { return false }
        shares.leave(request.share.tenant)
        return true
    }

    mutating func step() {
        beginStep()
        finishStep()
    }

    /// What comes between this and `finishStep` comes while the batch runs.
    mutating func beginStep() {
        shares.beginTurn()
        let decision = scheduler.next(at: time(now), shares)
        lastTickets = decision.batch?.tickets ?? []
        (lastHopeless, lastExpired) = (decision.hopeless, decision.expired)
        for ticket in lastHopeless + lastExpired { shares.leave(requests.removeValue(forKey: ticket)!.share.tenant) }
        lastTenants = lastTickets.map { requests[$0]!.share.tenant }
        open = lastTickets
    }

    mutating func finishStep() {
        guard !open.isEmpty else { return }
        var bill = ComputeBill()
        let batch = open.map { requests.removeValue(forKey: $0)! }
        let nanoseconds = batch.reduce(10_000_000) { $0 + UInt64($1.sampleCount) * costs[$1.key]! }
        now += nanoseconds
        for request in batch {
            bill.add(request.share, amount: request.sampleCount)
            sampleCounts[request.share.tenant, default: 0] += request.sampleCount
        }
        for (share, nanoseconds) in bill.charges(of: nanoseconds) { shares.charge(share, nanoseconds: nanoseconds) }
        for request in batch { shares.leave(request.share.tenant) }
        scheduler.learn(
            sampleCount: batch.reduce(0) { $0 + $1.sampleCount }, nanoseconds: nanoseconds, at: time(now))
        open = []
    }
}
