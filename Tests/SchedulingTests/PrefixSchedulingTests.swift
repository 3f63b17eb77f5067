import KVCache
import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

@Suite("TokenScheduler, prefixes found again")
struct PrefixSchedulingTests {
    private let mine = PrefixNamespace.tenant(TenantID("mine")!, salt: "")
    private let theirs = PrefixNamespace.tenant(TenantID("theirs")!, salt: "")
    private let prompt: [Int32] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

    @Test("a prompt begins behind the full pages of an earlier one, and computes one token at least")
    func hits() {
        var scheduler = make()
        compute(1, prompt, mine, &scheduler)
        for (number, tokens, cached) in [
            (UInt64(2), prompt, 8), (3, Array(prompt[..<8]), 4), (4, [1, 2, 3, 4, 9], 4), (5, [2, 2, 3, 4, 9], 0),
        ] {
            enqueue(number, tokens: tokens, max: 20, namespace: mine, into: &scheduler)
            let step = run(&scheduler)
            #expect(step.admitted == [AdmittedSequence(ticket: Ticket(number), cachedTokenCount: cached)])
            #expect(step.spans.map(\.positions) == [cached..<tokens.count] && step.spans[0].reachesEnd)
            scheduler.remove(Ticket(number))
        }
    }

    @Test("the pages of a sequence that still runs are shared, not copied")
    func sharedWhileRunning() {
        var scheduler = make()
        enqueue(1, tokens: prompt, max: 20, namespace: mine, into: &scheduler)
        extendAll(run(&scheduler), &scheduler)
        #expect(scheduler.pool.heldPageCount == 3)
        enqueue(2, tokens: prompt, max: 20, namespace: mine, into: &scheduler)
        let step = run(&scheduler)
        #expect(step.spans.map(\.positions) == [10..<11, 8..<10])
        #expect(step.spans[0].pages.prefix(2) == step.spans[1].pages.prefix(2))
        #expect(scheduler.pool.heldPageCount == 4)
    }

    @Test("an answer becomes part of the next prompt, and is found too")
    func answers() {
        var scheduler = make()
        enqueue(1, tokens: prompt, max: 20, namespace: mine, into: &scheduler)
        var answer: [Int32] = []
        for token in Int32(20)..<26 {
            _ = run(&scheduler)
            scheduler.extend(Ticket(1), with: [token])
            answer.append(token)
        }
        scheduler.remove(Ticket(1))
        enqueue(2, tokens: prompt + answer + [7, 7], max: 20, namespace: mine, into: &scheduler)
        // 15 tokens were computed: the last one that was chosen never was.
        #expect(run(&scheduler).admitted.map(\.cachedTokenCount) == [12])
    }

    @Test("what one tenant has computed, no other finds, nor who gives another salt, nor who wants every token")
    func isolation() {
        var scheduler = make(pages: 64)
        compute(1, prompt, mine, &scheduler)
        let others: [PrefixNamespace?] = [
            theirs, .tenant(TenantID("mine")!, salt: "x"), .request(3), nil,
        ]
        for (number, namespace) in others.enumerated() {
            enqueue(UInt64(number + 2), tokens: prompt, max: 20, namespace: namespace, into: &scheduler)
            let step = run(&scheduler)
            #expect(step.admitted.map(\.cachedTokenCount) == [0], "\(String(describing: namespace))")
            scheduler.remove(Ticket(UInt64(number + 2)))
        }
    }

    @Test("the pages of a listed prefix serve every tenant, those behind it only their own")
    func sharedPrefix() {
        var scheduler = make(shared: [Array(prompt[..<6])])
        compute(1, prompt, mine, &scheduler)
        enqueue(2, tokens: prompt, max: 20, namespace: theirs, into: &scheduler)
        #expect(run(&scheduler).admitted.map(\.cachedTokenCount) == [4])
        scheduler.remove(Ticket(2))
        enqueue(3, tokens: prompt, max: 20, namespace: mine, into: &scheduler)
        #expect(run(&scheduler).admitted.map(\.cachedTokenCount) == [8])
    }

    @Test("where prefixes are not to be reused, nobody finds any, but siblings still share")
    func reuseIsOff() {
        var scheduler = make(reusesPrefixes: false, shared: [prompt])
        compute(1, prompt, mine, &scheduler)
        enqueue(2, tokens: prompt, max: 20, namespace: mine, into: &scheduler)
        enqueue(3, tokens: prompt, max: 20, namespace: mine, leader: 2, into: &scheduler)
        #expect(run(&scheduler).admitted.map(\.cachedTokenCount) == [0])
        scheduler.extend(Ticket(2), with: [0])
        #expect(run(&scheduler).admitted.map(\.cachedTokenCount) == [8])
    }

    @Test("siblings wait until the first of them has computed the prompt, then begin with its pages")
    func siblings() {
        var scheduler = make(budget: 4, pages: 32)
        enqueue(1, tokens: prompt, max: 20, namespace: mine, into: &scheduler)
        for number in UInt64(2)...4 {
            enqueue(number, tokens: prompt, max: 20, namespace: mine, leader: 1, into: &scheduler)
        }
        enqueue(5, prompt: 1, max: 2, into: &scheduler)
        #expect(run(&scheduler).spans.map(\.positions) == [0..<4])
        #expect(run(&scheduler).spans.map(\.positions) == [4..<8])
        // Nobody behind them waits for them.
        #expect(run(&scheduler).spans.map(\.ticket) == [Ticket(1), Ticket(5)])
        scheduler.extend(Ticket(1), with: [0])
        scheduler.remove(Ticket(5))
        let step = run(&scheduler)
        #expect(step.admitted.map(\.ticket) == [Ticket(2), Ticket(3)])
        #expect(step.spans.map(\.positions) == [10..<11, 8..<10, 8..<9])
        #expect(Set(step.spans.map { $0.pages.prefix(2) }).count == 1)
        #expect(scheduler.pool.heldPageCount == 2 + 3)
    }

    @Test(
        "siblings do not wait for one that will not compute their prompt",
        arguments: [Loss.removed, .expired, .paused, .gone])
    func lostLeader(_ loss: Loss) {
        var scheduler = make(budget: 4)
        let deadline: UInt64 = loss == .expired ? 5 : .max
        enqueue(1, tokens: prompt, max: 20, deadline: deadline, namespace: mine, into: &scheduler)
        if loss == .gone { scheduler.remove(Ticket(1)) }
        enqueue(2, tokens: prompt, max: 20, namespace: mine, leader: 1, into: &scheduler)
        if loss != .gone { #expect(run(&scheduler).spans.map(\.ticket) == [Ticket(1)]) }
        switch loss {
        case .removed: scheduler.remove(Ticket(1))
        case .paused: scheduler.pause(Ticket(1))
        case .expired, .gone: break
        }
        let step = run(&scheduler, at: 10)
        #expect(step.expired == (loss == .expired ? [Ticket(1)] : []))
        #expect(step.admitted.map(\.ticket) == [Ticket(2)])
        #expect(step.admitted.map(\.cachedTokenCount) == [loss == .gone ? 0 : 4])
    }

    enum Loss: Sendable { case removed, expired, paused, gone }

    @Test("a sequence that lost its pages begins again with those that nobody needed meanwhile")
    func preempted() {
        var scheduler = make(running: 1, pages: 4)
        enqueue(1, tokens: prompt, max: 16, namespace: mine, into: &scheduler)
        extendAll(run(&scheduler), &scheduler)
        scheduler.pause(Ticket(1))
        enqueue(2, tokens: [9, 9, 9, 9, 9], max: 6, namespace: mine, into: &scheduler)
        let step = run(&scheduler)
        #expect(step.preempted == [Ticket(1)] && step.admitted.map(\.cachedTokenCount) == [0])
        // Two pages were free; nothing of the first one's was needed.
        #expect(scheduler.pool.evictionCount == 0 && scheduler.pool.cachedPageCount == 2)
        scheduler.remove(Ticket(2))
        scheduler.resume(Ticket(1))
        #expect(run(&scheduler).spans.map(\.positions) == [8..<11])
    }

    @Test("cached pages give way to whoever needs them, and a request as large as the cache is still served")
    func eviction() {
        var scheduler = make(pages: 4)
        compute(1, prompt, mine, &scheduler)
        #expect(scheduler.pool.cachedPageCount == 2)
        let large = (0..<16).map { Int32($0 + 50) }
        enqueue(2, tokens: large, max: 16, namespace: mine, into: &scheduler)
        #expect(run(&scheduler).spans.map(\.positions) == [0..<16])
        #expect(scheduler.pool.evictionCount == 2 && scheduler.pool.heldPageCount == 4)
    }

    @Test("pages that a paused sequence shares with the newcomer are not counted as room twice")
    func pausedSharing() {
        var scheduler = make(running: 2, pages: 4)
        enqueue(1, tokens: prompt, max: 16, namespace: mine, into: &scheduler)
        extendAll(run(&scheduler), &scheduler)
        scheduler.pause(Ticket(1))
        enqueue(2, tokens: prompt + [1, 1, 1, 1, 1], max: 16, namespace: mine, into: &scheduler)
        let step = run(&scheduler)
        #expect(step.admitted.map(\.cachedTokenCount) == [8] && step.spans.map(\.positions) == [8..<15])
        #expect(scheduler.pool.heldPageCount == 4 && step.preempted == [Ticket(1)])
    }

    /// Computes a prompt and lets it go.
    private func compute(
        _ number: UInt64, _ tokens: [Int32], _ namespace: PrefixNamespace, _ scheduler: inout TokenScheduler
    ) {
        enqueue(number, tokens: tokens, max: tokens.count, namespace: namespace, into: &scheduler)
        #expect(run(&scheduler).spans.map(\.reachesEnd) == [true])
        scheduler.remove(Ticket(number))
    }
}
