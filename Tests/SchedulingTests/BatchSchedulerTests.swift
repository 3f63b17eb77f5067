import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

@Suite("BatchScheduler")
struct BatchSchedulerTests {
    @Test("an empty queue is idle")
    func empty() {
        var scheduler = make(batch: 4)
        #expect(scheduler.readiness(at: time(0)) == .idle)
        #expect(scheduler.next(at: time(0)) == BatchDecision(expired: [], batch: nil))
        #expect(scheduler.cancel(Ticket(1)) == false)
    }

    @Test("without a delay whatever waits runs at once, in the order it came")
    func noDelay() {
        var scheduler = make(batch: 4)
        for number in 1...3 { enqueue(UInt64(number), into: &scheduler) }
        #expect(scheduler.readiness(at: time(0)) == .ready)
        #expect(scheduler.next(at: time(0)).batch == batch([1, 2, 3]))
        #expect(scheduler.readiness(at: time(0)) == .idle)
    }

    @Test("with a delay the oldest request waits that long for company, and no longer")
    func delay() {
        var scheduler = make(batch: 4, delay: 100)
        enqueue(1, into: &scheduler, at: 10)
        enqueue(2, into: &scheduler, at: 90)
        #expect(scheduler.readiness(at: time(109)) == .waiting(until: time(110)))
        #expect(scheduler.next(at: time(109)).batch == nil)
        #expect(scheduler.readiness(at: time(110)) == .ready)
        #expect(scheduler.next(at: time(110)).batch == batch([1, 2]))
    }

    @Test("a full batch does not wait for the delay")
    func fullBatch() {
        var scheduler = make(batch: 2, delay: 1_000_000)
        enqueue(1, into: &scheduler)
        #expect(scheduler.readiness(at: time(0)) == .waiting(until: time(1_000_000)))
        enqueue(2, into: &scheduler)
        enqueue(3, into: &scheduler)
        #expect(scheduler.next(at: time(0)).batch == batch([1, 2]))
        #expect(scheduler.next(at: time(0)).batch == nil)
    }

    @Test("a request that does not fit any more closes the batch, and nothing smaller overtakes it")
    func noOvertaking() {
        var scheduler = make(batch: 4, delay: 1000)
        enqueue(1, samples: 3, into: &scheduler)
        enqueue(2, samples: 3, into: &scheduler)
        enqueue(3, samples: 1, into: &scheduler)
        #expect(scheduler.next(at: time(0)).batch == batch([1], samples: 3))
        #expect(scheduler.next(at: time(0)).batch == batch([2, 3], samples: 4))
    }

    @Test("only requests of one key share a batch, and the oldest key goes first")
    func keys() {
        var scheduler = make(batch: 4)
        for (number, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
            enqueue(UInt64(number), key: key, into: &scheduler)
        }
        #expect(scheduler.next(at: time(0)).batch == batch([1, 3]))
        #expect(scheduler.next(at: time(0)).batch == batch([2, 4]))
    }

    @Test("while the oldest key waits for company, another key's full batch runs")
    func fullBatchOfLaterKey() {
        var scheduler = make(batch: 2, delay: 1000)
        for (number, key) in [(1, "a"), (2, "b"), (3, "b")] { enqueue(UInt64(number), key: key, into: &scheduler) }
        #expect(scheduler.next(at: time(5)).batch == batch([2, 3]))
        #expect(scheduler.next(at: time(5)).batch == nil)
        #expect(scheduler.next(at: time(1000)).batch == batch([1]))
    }

    @Test("a full queue refuses one more and takes it after a batch was cut")
    func queueFull() {
        var scheduler = make(batch: 2, capacity: 3)
        for number in 1...3 { #expect(enqueue(UInt64(number), into: &scheduler) == .queued) }
        #expect(enqueue(4, into: &scheduler) == .refused)
        #expect(scheduler.next(at: time(0)).batch == batch([1, 2]))
        #expect(enqueue(4, into: &scheduler) == .queued)
    }

    @Test("a request whose deadline has passed leaves when the batch is cut, and is not in it")
    func deadline() {
        var scheduler = make(batch: 4)
        enqueue(1, deadline: 50, into: &scheduler)
        enqueue(2, into: &scheduler)
        enqueue(3, deadline: 51, into: &scheduler)
        let decision = scheduler.next(at: time(50))
        #expect(decision == BatchDecision(expired: [Ticket(1)], batch: batch([2, 3])))
    }

    @Test("a deadline before the end of the delay wakes the engine")
    func deadlineBeforeDelay() {
        var scheduler = make(batch: 4, delay: 1000)
        enqueue(1, deadline: 50, into: &scheduler)
        #expect(scheduler.readiness(at: time(0)) == .waiting(until: time(50)))
        #expect(scheduler.readiness(at: time(50)) == .ready)
        #expect(scheduler.next(at: time(50)) == BatchDecision(expired: [Ticket(1)], batch: nil))
        #expect(scheduler.readiness(at: time(50)) == .idle)
    }

    @Test("a cancelled request leaves the queue before the batch is cut")
    func cancel() {
        var scheduler = make(batch: 4)
        for number in 1...3 { enqueue(UInt64(number), into: &scheduler) }
        #expect(scheduler.cancel(Ticket(2)) == true)
        #expect(scheduler.cancel(Ticket(2)) == false)
        #expect(scheduler.next(at: time(0)).batch == batch([1, 3]))
        #expect(scheduler.cancel(Ticket(1)) == false)
    }

    @Test("a shutdown takes everything out")
    func cancelAll() {
        var scheduler = make(batch: 4, delay: 10)
        for number in 1...3 { enqueue(UInt64(number), into: &scheduler) }
        #expect(scheduler.cancelAll() == [1, 2, 3].map(Ticket.init))
        #expect(scheduler.readiness(at: time(1000)) == .idle)
    }

    /// Goal: whatever happens in whatever order, nothing is lost, repeated, or late.
    ///
    /// Each request is answered exactly once, batches obey their limits, and nothing waits for ever. Method: random
    /// events against a model that remembers what it is owed.
    @Test("a random walk loses nothing, repeats nothing and keeps every limit", arguments: 0..<20)
    func randomWalk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var scheduler = make(batch: 5, capacity: 12, delay: 40)
        var waiting: [Ticket: (samples: Int, key: String, deadline: UInt64, arrival: UInt64)] = [:]
        var now: UInt64 = 0
        for number in 1...2_000 {
            now += UInt64.random(in: 0...15, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let samples = Int.random(in: 1...5, using: &random)
                let key = ["a", "b", "c"].randomElement(using: &random)!
                let deadline = Bool.random(using: &random) ? now + UInt64.random(in: 1...100, using: &random) : .max
                let isFull = waiting.count == 12
                let admission = enqueue(
                    UInt64(number), samples: samples, key: key, deadline: deadline, into: &scheduler, at: now)
                #expect(admission == (isFull ? .refused : .queued))
                if !isFull { waiting[Ticket(UInt64(number))] = (samples, key, deadline, now) }
            case 6:
                let ticket = Ticket(UInt64.random(in: 1...UInt64(number), using: &random))
                let isThere = waiting.removeValue(forKey: ticket) != nil
                #expect(scheduler.cancel(ticket) == isThere)
            default:
                let isReady = scheduler.readiness(at: time(now)) == .ready
                let decision = scheduler.next(at: time(now))
                #expect(isReady == (!decision.expired.isEmpty || decision.batch != nil))
                for ticket in decision.expired {
                    let request = waiting.removeValue(forKey: ticket)
                    #expect(request.map { $0.deadline <= now } == true)
                }
                guard let batch = decision.batch else {
                    #expect(waiting.values.allSatisfy { $0.arrival + 40 > now && $0.deadline > now })
                    break
                }
                let taken = batch.tickets.compactMap { waiting.removeValue(forKey: $0) }
                #expect(taken.count == batch.tickets.count && !taken.isEmpty)
                #expect(taken.reduce(0) { $0 + $1.samples } == batch.sampleCount && batch.sampleCount <= 5)
                #expect(Set(taken.map(\.key)).count == 1)
                #expect(taken.allSatisfy { $0.deadline > now })
                #expect(batch.tickets == batch.tickets.sorted())
            }
            scheduler.checkInvariants()
            #expect(scheduler.queuedRequestCount == waiting.count)
        }
    }

    private func make(batch: Int, capacity: Int = 100, delay: UInt64 = 0) -> BatchScheduler<String> {
        BatchScheduler(
            limits: BatchLimits(batchSizeMax: batch, queueCapacity: capacity, queueDelayMaxNanoseconds: delay))
    }

    @discardableResult
    private func enqueue(
        _ number: UInt64, samples: Int = 1, key: String = "a", deadline: UInt64 = .max,
        into scheduler: inout BatchScheduler<String>, at now: UInt64 = 0
    ) -> QueueAdmission {
        scheduler.enqueue(
            BatchRequest(
                ticket: Ticket(number), sampleCount: samples, key: key, deadline: Deadline(time(deadline))),
            at: time(now))
    }

    private func batch(_ numbers: [UInt64], samples: Int? = nil) -> Batch {
        Batch(tickets: numbers.map(Ticket.init), sampleCount: samples ?? numbers.count)
    }
}

func time(_ nanoseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }
