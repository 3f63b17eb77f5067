import KVCache
import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

/// A step is cut by the time it is predicted to take; the clock is virtual, and the machine does what is predicted.
@Suite("TokenScheduler, time of a step")
struct StepTimeTests {
    /// 10 ms a step and 1 ms a token.
    private func duration(_ step: TokenStep) -> UInt64 {
        10_000_000 + 1_000_000 * UInt64(step.spans.reduce(0) { $0 + $1.positions.count })
    }

    @Test("while a text is written, a prompt is cut to what fits into the time, in whole tiles")
    func cut() {
        var scheduler = trained()
        let lengths = promptLengths(1_000, writers: 4, &scheduler)
        // 10 ms and 48 tokens are 58 ms: with the error of the prediction, 3 tiles fit into 60 ms.
        #expect(lengths.dropLast().allSatisfy { $0 == 44 }, "\(lengths)")
        #expect(lengths.reduce(0, +) == 1_000)
    }

    @Test("when nobody writes, a prompt is cut by tokens only")
    func alone() {
        var scheduler = trained()
        #expect(promptLengths(1_000, writers: 0, &scheduler) == [256, 256, 256, 232])
    }

    @Test("before anything is measured, tokens decide")
    func unmeasured() {
        var scheduler = makeTimed()
        #expect(promptLengths(300, writers: 0, &scheduler) == [256, 44])
    }

    @Test("texts that take all the time there is leave a tile to prompts in each step", arguments: [1, 15, 16, 60])
    func neverStarves(writers: Int) {
        var scheduler = trained(time: 5_000_000)
        let lengths = promptLengths(200, writers: writers, &scheduler)
        #expect(lengths.dropLast().allSatisfy { $0 >= 16 && ($0 + writers) % 16 == 0 }, "\(lengths)")
        #expect(lengths.reduce(0, +) == 200)
    }

    @Test("no text waits for a prompt, however long: each writes a token in each step, within the time")
    func decodesFirst() {
        var scheduler = trained()
        var now: UInt64 = 0
        write(10, into: &scheduler)
        for number in 0..<20 {
            enqueue(UInt64(500 + number), prompt: 900, max: 901, into: &scheduler)
        }
        var stepCount = 0
        while scheduler.runningSequenceCount > 10 || scheduler.waitingSequenceCount > 0, stepCount < 2_000 {
            let step = run(&scheduler, at: now, nanoseconds: duration)
            now += duration(step)
            #expect(duration(step) <= 62_000_000)
            #expect(step.spans.prefix(10).map(\.ticket.number) == Array(1...10))
            for span in step.spans where span.reachesEnd {
                if span.ticket.number > 10 {
                    scheduler.remove(span.ticket)
                } else {
                    scheduler.extend(span.ticket, with: [0])
                }
            }
            stepCount += 1
        }
        // 38 tokens of prompts a step.
        #expect(stepCount < 20 * 900 / 30)
    }

    @Test("a request that cannot be answered in time is dropped before any step is spent on it")
    func hopeless() {
        var scheduler = trained()
        // 500 tokens take two steps and half a second.
        enqueue(1, prompt: 500, max: 600, deadline: 400_000_000, into: &scheduler)
        enqueue(2, prompt: 500, max: 600, deadline: 700_000_000, into: &scheduler)
        enqueue(3, prompt: 500, max: 600, into: &scheduler)
        let step = run(&scheduler, at: 0)
        #expect(step.hopeless == [Ticket(1)] && step.expired == [])
        #expect(step.admitted.map(\.ticket) == [Ticket(2)])
        // By now the second has begun, and is computed to the end; the third has no deadline.
        #expect(run(&scheduler, at: 650_000_000).hopeless == [])
        #expect(scheduler.brokenInvariant == nil)
    }

    @Test("what lies in the cache need not be read, and does not count against the deadline")
    func hopefulThanksToTheCache() {
        var scheduler = trained()
        let tokens = (0..<500).map { Int32($0) }
        let namespace = PrefixNamespace.tenant(TenantID("t")!, salt: "")
        enqueue(1, tokens: tokens, max: 500, namespace: namespace, into: &scheduler)
        while !run(&scheduler, nanoseconds: duration).spans[0].reachesEnd {}
        scheduler.remove(Ticket(1))
        enqueue(2, tokens: tokens, max: 501, deadline: 100_000_000, namespace: namespace, into: &scheduler)
        enqueue(3, tokens: tokens, max: 501, deadline: 100_000_000, namespace: nil, into: &scheduler)
        let step = run(&scheduler)
        #expect(step.admitted.map(\.ticket) == [Ticket(2)] && step.hopeless == [Ticket(3)])
    }

    @Test("without measurements nothing is refused")
    func unmeasuredDeadline() {
        var scheduler = makeTimed()
        enqueue(1, prompt: 900, max: 901, deadline: 1_000, into: &scheduler)
        #expect(run(&scheduler).hopeless == [])
    }

    private func makeTimed(time: UInt64 = 60_000_000) -> TokenScheduler {
        make(running: 64, budget: 256, time: time, context: 2_000, pages: 2_000)
    }

    /// A scheduler that knows its machine.
    private func trained(time: UInt64 = 60_000_000) -> TokenScheduler {
        var scheduler = makeTimed(time: time)
        for number in UInt64(0)..<60 {
            let length = [1, 200, 17, 120, 64, 256][Int(number % 6)]
            enqueue(1_000 + number, prompt: length, max: length, into: &scheduler)
            _ = run(&scheduler, nanoseconds: duration)
            scheduler.remove(Ticket(1_000 + number))
        }
        return scheduler
    }

    /// Starts texts that are being written.
    private func write(_ count: Int, into scheduler: inout TokenScheduler) {
        for number in 0..<count { enqueue(UInt64(number + 1), prompt: 1, max: 1_900, into: &scheduler) }
        extendAll(run(&scheduler, nanoseconds: duration), &scheduler)
    }

    /// Into which pieces a prompt is cut beside texts that are written.
    private func promptLengths(_ length: Int, writers: Int, _ scheduler: inout TokenScheduler) -> [Int] {
        if writers > 0 { write(writers, into: &scheduler) }
        let ticket = Ticket(500)
        enqueue(500, prompt: length, max: length, into: &scheduler)
        var lengths: [Int] = []
        while lengths.reduce(0, +) < length, lengths.count < 100 {
            let step = run(&scheduler, nanoseconds: duration)
            lengths += step.spans.filter { $0.ticket == ticket }.map(\.positions.count)
            for span in step.spans where span.reachesEnd && span.ticket != ticket {
                scheduler.extend(span.ticket, with: [0])
            }
        }
        return lengths
    }
}
