import KVCache
import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

/// How tenants share the steps and the cache of one text model; the clock is virtual.
@Suite("TokenScheduler, tenants")
struct FairTextTests {
    private let flood = TenantID("flood")!
    private let light = TenantID("light")!

    @Test("a short prompt has its first token two steps after it came, however many long ones of another wait")
    func flood64() {
        var engine = TextEngine(make(running: 8, budget: 64, context: 600, pages: 1_000))
        for _ in 0..<64 { engine.enqueue(flood, prompt: 500, answer: 50) }
        for _ in 0..<5 { engine.step() }
        engine.beginStep()
        let ticket = engine.enqueue(light, prompt: 32, answer: 10)
        engine.finishStep()
        let stepCount = engine.stepCount(untilToken: ticket)
        #expect(stepCount == 1)
    }

    @Test("a short prompt gets a place while a tenant writes in all of them")
    func places() {
        var engine = TextEngine(make(running: 4, budget: 64, context: 600, pages: 1_000))
        for _ in 0..<8 { engine.enqueue(flood, prompt: 10, answer: 500) }
        for _ in 0..<10 { engine.step() }
        #expect(engine.scheduler.runningSequenceCount == 4)
        let ticket = engine.enqueue(light, prompt: 10, answer: 10)
        let stepCount = engine.stepCount(untilToken: ticket)
        #expect(stepCount == 1)
        // The latest of the four, and only that one.
        #expect(engine.preempted == [Ticket(4)])
    }

    @Test("a short prompt gets pages while a tenant holds all of them")
    func pages() {
        var engine = TextEngine(make(running: 8, budget: 64, context: 100, pages: 40))
        for _ in 0..<8 { engine.enqueue(flood, prompt: 36, answer: 50) }
        for _ in 0..<5 { engine.step() }
        #expect(engine.scheduler.pool.availablePageCount < 8)
        let ticket = engine.enqueue(light, prompt: 20, answer: 4)
        let stepCount = engine.stepCount(untilToken: ticket)
        #expect(stepCount == 1)
        #expect(!engine.preempted.isEmpty && engine.preempted.allSatisfy { engine.tenant(of: $0) == flood })
    }

    @Test("a newcomer that would have more than its share takes nothing from others, but nobody passes it")
    func noMoreThanShare() {
        var engine = TextEngine(make(running: 8, budget: 64, context: 100, pages: 20))
        for _ in 0..<2 { engine.enqueue(flood, prompt: 36, answer: 4) }
        engine.step()
        // 15 of 20 pages, where half of them are its share.
        let large = engine.enqueue(light, prompt: 60, answer: 4)
        engine.enqueue(flood, prompt: 4, answer: 4)
        engine.step()
        #expect(engine.preempted.isEmpty && !engine.isRunning(large))
        #expect(engine.scheduler.runningSequenceCount == 2, "what others would take is what it waits for")
        while !engine.isRunning(large) { engine.step() }
        #expect(engine.preempted.isEmpty)
    }

    @Test(
        "when pages run out the tenant with most of them for its weight gives way", arguments: [(1, 1), (1, 8), (8, 1)])
    func mostPages(weightOfFlood: Int, weightOfLight: Int) {
        var engine = TextEngine(make(running: 8, budget: 64, context: 100, pages: 22))
        for _ in 0..<3 { engine.enqueue(flood, prompt: 19, answer: 40, weight: weightOfFlood) }
        engine.enqueue(light, prompt: 15, answer: 30, weight: weightOfLight)
        var stepCount = 0
        while engine.preempted.isEmpty, stepCount < 100 {
            engine.step()
            stepCount += 1
        }
        // The flood has four times the pages.
        let loser = weightOfFlood == 8 ? light : flood
        #expect(engine.preempted.first.map { engine.tenant(of: $0) } == loser)
        #expect(weightOfFlood == 8 || engine.preempted.first == Ticket(3), "the latest of them")
    }

    @Test("weights of 3 and 1 give prompts as 3 to 1")
    func weights() {
        var engine = TextEngine(make(running: 16, budget: 64, context: 200, pages: 1_000))
        for _ in 0..<600 {
            engine.fill(flood, to: 4, prompt: 100, answer: 1, weight: 3)
            engine.fill(light, to: 4, prompt: 100, answer: 1, weight: 1)
            engine.step()
        }
        // Nobody is ever more than a step of 600 ahead, or two with what is half read: 1 in 300 of all.
        let ratio = Double(engine.tokenCounts[flood]!) / Double(engine.tokenCounts[light]!)
        #expect((2.96...3.04).contains(ratio), "\(ratio)")
    }

    @Test("texts that are written share the steps with prompts of another by time")
    func writersAndReaders() {
        var engine = TextEngine(make(running: 32, budget: 64, context: 2_000, pages: 10_000))
        for _ in 0..<4 { engine.enqueue(light, prompt: 10, answer: 1_900) }
        for _ in 0..<50 { engine.step() }
        #expect(engine.tokenCounts[light] == 40 + 4 * 49)
        for _ in 0..<400 {
            engine.fill(flood, to: 4, prompt: 300, answer: 1)
            engine.step()
        }
        // Writers are never held up.
        #expect(engine.tokenCounts[light] == 40 + 4 * 449)
    }

    @Test("behind a prompt that is read to its end, others' prompts take no more time than a writer allows them")
    func timeOfFirstToken() {
        var engine = TextEngine(make(running: 8, budget: 512, time: 50_000_000, context: 3_000, pages: 4_000))
        engine.learn()
        for _ in 0..<4 { engine.enqueue(flood, prompt: 2_000, answer: 1) }
        engine.step()
        #expect(engine.lastStep.tokenCount == 512, "nobody waits for a token")
        engine.beginStep()
        let ticket = engine.enqueue(light, prompt: 20, answer: 1)
        engine.finishStep()
        engine.step()
        #expect(engine.lastStep.spans.first?.ticket == ticket && engine.lastStep.spans.count == 2)
        #expect(engine.lastStepNanoseconds <= 50_000_000)
    }

    @Test("among equals, and within a tenant, the prompt that is due first goes first")
    func deadlines() {
        var engine = TextEngine(make(running: 1, budget: 64))
        let first = engine.enqueue(light, prompt: 4, answer: 1)
        let second = engine.enqueue(TenantID("other")!, prompt: 4, answer: 1, deadline: 1_500_000_000)
        let third = engine.enqueue(light, prompt: 4, answer: 1, deadline: 1_000_000_000)
        var order: [Ticket] = []
        for _ in 0..<3 {
            engine.step()
            order += engine.lastStep.spans.map(\.ticket)
        }
        #expect(order == [third, second, first])
    }

    @Test("a tenant of little weight has a prompt read when it has waited for the age cap")
    func age() {
        var engine = TextEngine(make(running: 16, budget: 64, context: 200, pages: 1_000))
        var readAt: [UInt64] = []
        while engine.now < 9_000_000_000 {
            engine.fill(flood, to: 8, prompt: 64, answer: 1, weight: 1_000)
            engine.fill(light, to: 2, prompt: 64, answer: 1, weight: 1)
            engine.step()
            if engine.lastStep.spans.contains(where: { engine.tenant(of: $0.ticket) == light }) {
                readAt.append(engine.now)
            }
        }
        #expect(readAt.count >= 5 && readAt.count <= 10, "\(readAt)")
        #expect(zip(readAt, readAt.dropFirst()).allSatisfy { $1 - $0 <= 2_200_000_000 }, "\(readAt)")
    }

    @Test("nothing is refused as hopeless by what was measured long ago")
    func staleMeasurements() {
        var engine = TextEngine(make(running: 8, budget: 64, context: 600, pages: 1_000))
        engine.learn()
        engine.enqueue(light, prompt: 500, answer: 1, deadline: engine.now + 1_000)
        engine.step()
        #expect(engine.lastStep.hopeless.count == 1)
        engine.now += 1_000_000_001
        engine.enqueue(light, prompt: 500, answer: 1, deadline: engine.now + 1_000)
        engine.step()
        #expect(engine.lastStep.hopeless.isEmpty && engine.lastStep.spans.count == 1)
    }
}

@Suite("FairShare, tenants")
struct FairShareRankTests {
    @Test("the model with work of the least served tenant goes first, then the one that has had least")
    func rank() {
        let ranks: [String: Claim.Rank] = [
            "a": Claim.Rank(hungrySince: nil, level: 5), "b": Claim.Rank(hungrySince: nil, level: 3),
            "c": Claim.Rank(hungrySince: nil, level: 3),
        ]
        var shares = FairShare<String>()
        var turns: [String] = []
        for _ in 0..<4 {
            let turn = shares.pick(from: ["a", "b", "c"]) { ranks[$0] }!
            shares.charge(turn, nanoseconds: 10)
            turns.append(turn)
        }
        #expect(turns == ["b", "c", "b", "c"])
        #expect(shares.pick(from: ["a", "b"]) { $0 == "a" ? nil : ranks[$0] } == "a", "it costs nothing")
    }

    @Test(
        "hungry tenants go before others, the hungriest first, and urgent requests before what is less so",
        arguments: [
            (Claim.Rank(hungrySince: time(5), level: 9), Claim.Rank(hungrySince: nil, level: 1), true),
            (.init(hungrySince: nil, level: 1), .init(hungrySince: time(5), level: 9), false),
            (.init(hungrySince: time(4), level: 9), .init(hungrySince: time(5), level: 1), true),
            (.init(hungrySince: time(5), level: 1), .init(hungrySince: time(5), level: 9), true),
            (.init(hungrySince: nil, level: 1), .init(hungrySince: nil, level: 2), true),
            (.init(hungrySince: nil, level: 1), .init(hungrySince: nil, level: 1), false),
            (.init(hungrySince: nil, priority: 2, level: 9), .init(hungrySince: nil, priority: 5, level: 1), true),
            (.init(hungrySince: time(5), priority: 9, level: 9), .init(hungrySince: nil, priority: 1, level: 1), true),
        ])
    func order(left: Claim.Rank, right: Claim.Rank, isFirst: Bool) {
        #expect((left < right) == isFirst)
    }
}
