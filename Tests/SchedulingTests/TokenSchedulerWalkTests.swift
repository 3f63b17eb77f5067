import KVCache
import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

@Suite("TokenScheduler, random walks")
struct TokenSchedulerWalkTests {
    /// Goal: no order of events breaks a rule, and every sequence that is not cancelled ends.
    ///
    /// Method: a mock cache records which token of which sequence lies at each place of each page; before a span is
    /// computed all earlier tokens of its sequence must lie where its pages say.
    @Test("whatever happens, every token finds the ones before it in its pages", arguments: 0..<30)
    func walk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var scheduler = make(running: 4, queue: 8, budget: 7, context: 40, pages: 12)
        var mock = CacheMock(tokensPerPage: 4)
        var now: UInt64 = 0
        var number: UInt64 = 0
        for _ in 0..<1_500 {
            now += 1
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<3:
                number += 1
                let max = Int.random(in: 1...40, using: &random)
                let prompt = Int.random(in: 1...max, using: &random)
                let deadline = Int.random(in: 0..<5, using: &random) == 0 ? now + 20 : .max
                if enqueue(number, prompt: prompt, max: max, deadline: deadline, into: &scheduler) == .queued {
                    mock.add(Ticket(number), prompt: prompt, max: max)
                }
            case 3:
                guard let ticket = mock.anyTicket(&random) else { break }
                #expect(scheduler.remove(ticket) == true)
                mock.remove(ticket)
            case 4:
                if let ticket = mock.anyTicket(&random) { scheduler.pause(ticket) }
            case 5..<7:
                if let ticket = mock.anyTicket(&random) { scheduler.resume(ticket) }
            default:
                step(&scheduler, &mock, now)
            }
            #expect(scheduler.brokenInvariant == nil)
        }
        for ticket in mock.tickets { scheduler.resume(ticket) }
        var steps = 0
        while !mock.tickets.isEmpty, steps < 5_000 {
            #expect(scheduler.readiness(at: time(now)) == .ready)
            step(&scheduler, &mock, now)
            steps += 1
        }
        #expect(mock.tickets.isEmpty, "some sequence starves")
        #expect(scheduler.pool.usedPageCount == 0)
    }

    @Test("sequences of the same length end in the order they came")
    func fairness() {
        var scheduler = make(running: 3, budget: 8, pages: 9)
        var mock = CacheMock(tokensPerPage: 4)
        for number in 1...12 {
            enqueue(UInt64(number), prompt: 6, max: 12, into: &scheduler)
            mock.add(Ticket(UInt64(number)), prompt: 6, max: 12)
        }
        var finished: [Ticket] = []
        while !mock.tickets.isEmpty, finished.count < 12 { finished += step(&scheduler, &mock, 0) }
        #expect(finished == (1...12).map { Ticket($0) })
    }

    /// Runs one step as the engine would; gives the sequences that ended.
    @discardableResult
    private func step(_ scheduler: inout TokenScheduler, _ mock: inout CacheMock, _ now: UInt64) -> [Ticket] {
        let wasReady = scheduler.readiness(at: time(now)) == .ready
        let step = run(&scheduler, at: now)
        #expect(wasReady == (!step.spans.isEmpty || !step.expired.isEmpty), "ready, and nothing came of it")
        for ticket in step.expired { mock.remove(ticket) }
        var finished: [Ticket] = []
        for span in step.spans {
            mock.compute(span)
            guard span.reachesEnd else { continue }
            if mock.extend(span.ticket) {
                scheduler.extend(span.ticket)
            } else {
                scheduler.remove(span.ticket)
                mock.remove(span.ticket)
                finished.append(span.ticket)
            }
        }
        return finished
    }
}

/// Does what a cache would, and complains about what a cache could not notice.
private struct CacheMock {
    private struct Slot: Equatable {
        let ticket: Ticket
        let position: Int
    }

    private let tokensPerPage: Int
    private var slots: [Int: Slot] = [:]
    private var lengths: [Ticket: (known: Int, max: Int)] = [:]

    init(tokensPerPage: Int) { self.tokensPerPage = tokensPerPage }

    var tickets: [Ticket] { lengths.keys.sorted() }

    func anyTicket(_ random: inout SeededGenerator) -> Ticket? { tickets.randomElement(using: &random) }

    mutating func add(_ ticket: Ticket, prompt: Int, max: Int) { lengths[ticket] = (prompt, max) }

    mutating func remove(_ ticket: Ticket) { lengths[ticket] = nil }

    /// One more known token; false when the sequence is at its end.
    mutating func extend(_ ticket: Ticket) -> Bool {
        guard let length = lengths[ticket], length.known < length.max else { return false }
        lengths[ticket]!.known += 1
        return true
    }

    mutating func compute(_ span: ScheduledSpan) {
        for position in 0..<span.positions.lowerBound {
            #expect(slots[place(position, span)] == Slot(ticket: span.ticket, position: position))
        }
        for position in span.positions {
            slots[place(position, span)] = Slot(ticket: span.ticket, position: position)
        }
        #expect(span.reachesEnd == (span.positions.upperBound == lengths[span.ticket]?.known))
    }

    private func place(_ position: Int, _ span: ScheduledSpan) -> Int {
        Int(span.pages[position / tokensPerPage]) * tokensPerPage + position % tokensPerPage
    }
}
