import KVCache
import Testing
import Vocabulary

@testable import Scheduling

/// When guesses are computed, and how many; the clock is virtual.
@Suite("TokenScheduler, guesses")
struct GuessSchedulingTests {
    /// A machine: what a step and what a token takes.
    struct Machine {
        var stepNanoseconds: UInt64 = 20_000_000
        var tokenNanoseconds: UInt64 = 1_000_000

        func duration(_ step: TokenStep) -> UInt64 { stepNanoseconds + UInt64(step.tokenCount) * tokenNanoseconds }
    }

    /// Tokens of a text that repeats itself after `period`.
    private func repeating(_ period: Int) -> (Int) -> Int32 { { Int32($0 % period) } }

    @Test("a text that repeats itself is written in a fraction of the steps")
    func pays() {
        var scheduler = trained(Machine())
        let steps = write([repeating(10)], count: 400, Machine(), &scheduler)
        #expect(steps.count < 60, "\(steps.count)")
    }

    @Test("guesses are not computed where a token costs as much as a step")
    func doesNotPay() {
        let machine = Machine(stepNanoseconds: 100_000, tokenNanoseconds: 5_000_000)
        var scheduler = trained(machine)
        let steps = write([repeating(10)], count: 200, machine, &scheduler)
        #expect(guessCount(steps) == 0)
    }

    @Test("guesses that do not come true are given up, and taken up again when they would")
    func switchesItself() {
        let machine = Machine(stepNanoseconds: 10_000_000, tokenNanoseconds: 2_000_000)
        var scheduler = trained(machine)
        // Each pair of tokens comes again and again, each time with another one behind it.
        var fresh: Int32 = 100
        let disappointing: (Int) -> Int32 = { position in
            guard position % 3 == 2 else { return Int32(position % 3) }
            fresh += 1
            return fresh
        }
        let first = write([disappointing], count: 300, machine, &scheduler)
        #expect(guessCount(Array(first.suffix(100))) == 0, "\(guessCount(first))")
        #expect(first.count >= 299)
        let then = write([repeating(7)], count: 300, machine, &scheduler)
        #expect(then.count < 150, "\(then.count)")
    }

    @Test("many texts at once leave less room for guesses than one")
    func company() {
        let machine = Machine(stepNanoseconds: 20_000_000, tokenNanoseconds: 2_000_000)
        func guessesPerToken(_ writers: Int) -> Double {
            var scheduler = trained(machine)
            let texts = (0..<writers).map { _ in repeating(12) }
            let steps = write(texts, count: 200, machine, &scheduler)
            return Double(guessCount(steps)) / Double(200 * writers)
        }
        #expect(guessesPerToken(1) > 0.8)
        #expect(guessesPerToken(48) < guessesPerToken(1))
    }

    @Test("no guesses beside a prompt, behind the last token, or beyond the time of a step")
    func limits() {
        var scheduler = trained(Machine(), time: 26_000_000)
        var sawPrompt = false
        let tokens = repeating(5)
        enqueue(1, tokens: (0..<20).map(tokens), max: 200, namespace: nil, into: &scheduler)
        var written = 20
        while written < 200 {
            if written > 100, !sawPrompt { enqueue(2, prompt: 300, max: 300, into: &scheduler) }
            let step = run(&scheduler, nanoseconds: Machine().duration)
            let reads = step.spans.contains { $0.ticket == Ticket(2) }
            sawPrompt = sawPrompt || reads
            for span in step.spans where span.ticket == Ticket(1) {
                #expect(span.guesses.count <= 5 && span.positions.upperBound + span.guesses.count < 200)
                if reads { #expect(span.guesses.isEmpty) }
                let new = (written..<written + 1 + span.guesses.count).map(tokens)
                scheduler.extend(span.ticket, with: new)
                written += new.count
            }
            for span in step.spans where span.ticket == Ticket(2) && span.reachesEnd { scheduler.remove(span.ticket) }
        }
        #expect(sawPrompt && written == 200)
    }

    @Test("guesses take no page from anybody, and give back what they took")
    func pages() throws {
        var scheduler = trained(Machine(), pages: 12)
        let tokens = repeating(3)
        // Another text that repeated itself has shown that guesses are worth it.
        _ = write([tokens], count: 48, Machine(), &scheduler)
        // The first has 40 positions in 10 pages, the second a page; one is left.
        enqueue(1, tokens: (0..<37).map(tokens), max: 48, namespace: nil, into: &scheduler)
        enqueue(2, tokens: [1], max: 4, namespace: nil, into: &scheduler)
        try #require(run(&scheduler, nanoseconds: Machine().duration).spans.count == 2)
        scheduler.extend(Ticket(1), with: [tokens(37)])
        scheduler.extend(Ticket(2), with: [9])
        let next = run(&scheduler, nanoseconds: Machine().duration)
        try #require(next.spans.count == 2 && next.preempted == [])
        #expect(next.spans[0].guesses == (38..<44).map(tokens) && next.spans[0].pages.count == 11)
        #expect(scheduler.pool.availablePageCount == 0)
        // The first of them was right.
        scheduler.extend(Ticket(1), with: [tokens(38), 77])
        #expect(scheduler.pool.availablePageCount == 1 && scheduler.brokenInvariant == nil)
    }

    @Test("a machine that is not known yet gets no guesses, and neither does a model without them")
    func off() {
        var unknown = makeGuessing()
        #expect(guessCount(write([repeating(4)], count: 15, Machine(), &unknown)) == 0)
        var without = trained(Machine(), guesses: 0)
        #expect(guessCount(write([repeating(4)], count: 100, Machine(), &without)) == 0)
    }

    private func guessCount(_ steps: [TokenStep]) -> Int {
        steps.reduce(0) { $0 + $1.spans.reduce(0) { $0 + $1.guesses.count } }
    }

    private func makeGuessing(time: UInt64 = .max, pages: Int = 4_000, guesses: Int = 15) -> TokenScheduler {
        make(running: 64, budget: 256, time: time, context: 2_000, pages: pages, guesses: guesses)
    }

    /// A scheduler that knows its machine.
    private func trained(
        _ machine: Machine, time: UInt64 = .max, pages: Int = 4_000, guesses: Int = 15
    ) -> TokenScheduler {
        var scheduler = makeGuessing(time: time, pages: pages, guesses: guesses)
        for number in UInt64(0)..<60 {
            let length = min([1, 200, 17, 120, 64, 256][Int(number % 6)], pages * 4)
            enqueue(1_000 + number, prompt: length, max: length, into: &scheduler)
            _ = run(&scheduler, nanoseconds: machine.duration)
            scheduler.remove(Ticket(1_000 + number))
        }
        return scheduler
    }

    /// Writes texts, each to `count` tokens; token `p` of a text is what its function says.
    private func write(
        _ texts: [(Int) -> Int32], count: Int, _ machine: Machine, _ scheduler: inout TokenScheduler
    ) -> [TokenStep] {
        var tokens: [[Int32]] = texts.map { [$0(0)] }
        for index in texts.indices {
            enqueue(UInt64(index + 1), tokens: tokens[index], max: count, namespace: nil, into: &scheduler)
        }
        var steps: [TokenStep] = []
        while tokens.contains(where: { $0.count < count }) {
            let step = run(&scheduler, nanoseconds: machine.duration)
            steps.append(step)
            for span in step.spans {
                let index = Int(span.ticket.number) - 1
                var new: [Int32] = []
                while tokens[index].count < count {
                    new.append(texts[index](tokens[index].count))
                    tokens[index].append(new[new.count - 1])
                    guard new.count <= span.guesses.count, span.guesses[new.count - 1] == new[new.count - 1] else {
                        break
                    }
                }
                if tokens[index].count == count {
                    scheduler.remove(span.ticket)
                } else {
                    scheduler.extend(span.ticket, with: new)
                }
            }
        }
        return steps
    }
}
