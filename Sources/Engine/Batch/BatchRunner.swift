import Compute
import Models
import Scheduling
import Vocabulary

/// Runs a model that answers requests in batches.
///
/// - Isolation: engine thread only.
final class BatchRunner: ModelRunner {
    private let loaded: LoadedModel
    private let model: any BatchModel
    private let accounts: ComputeAccounts
    private var scheduler: BatchScheduler<BatchKey>
    /// What is in the scheduler's queue.
    private var pending: [Ticket: PendingInference] = [:]

    init(_ loaded: LoadedModel, model: any BatchModel, limits: BatchLimits, accounts: ComputeAccounts) {
        self.loaded = loaded
        self.model = model
        self.accounts = accounts
        scheduler = BatchScheduler(limits: limits)
    }

    /// Queues a request that holds a place in the model's queue.
    func enqueue(_ request: PendingInference) {
        let admission = scheduler.enqueue(
            BatchRequest(
                ticket: request.ticket, sampleCount: request.sampleCount, key: request.key,
                deadline: request.deadline, share: request.share),
            at: request.arrival)
        switch admission {
        case .queued:
            pending[request.ticket] = request
            accounts.enter(request.share)
        case .refused: fail(request, with: loaded.queueFull)
        }
    }

    func readiness(at now: MonotonicTime) -> SchedulerReadiness { scheduler.readiness(at: now) }

    func rank(at now: MonotonicTime) -> Claim.Rank? { scheduler.rank(at: now, accounts.shares) }

    func step(on gang: ComputeGang, clock: any MonotonicClock) {
        let start = clock.now()
        let decision = scheduler.next(at: start, accounts.shares)
        for ticket in decision.expired { fail(take(ticket), with: .deadlineInQueue, at: start) }
        for ticket in decision.hopeless { fail(take(ticket), with: .deadlineTooSoon, at: start) }
        let taken = (decision.batch?.tickets ?? []).map(unqueue)
        // A request cancelled a moment ago may still be here: its notice comes after this step.
        let requests = taken.compactMap { request in request.input.map { (request: request, input: $0) } }
        guard !requests.isEmpty else { return leave(taken) }
        loaded.leaveQueue(requests.map(\.request.place))
        let sampleCount = requests.reduce(0) { $0 + $1.request.sampleCount }
        for (request, _) in requests { request.beginExecution(at: start, batchSampleCount: sampleCount) }
        let inputEnd = clock.now()
        let results = model.execute(requests.map(\.input), on: gang)
        let end = clock.now()
        precondition(
            results.count == requests.count,
            "model '\(loaded.description.name)' gave \(results.count) results for \(requests.count) requests")
        charge(requests.map(\.request), nanoseconds: end.nanoseconds(since: start), at: end)
        leave(taken)
        let times = ExecutionTimes(
            inputNanoseconds: inputEnd.nanoseconds(since: start), computeNanoseconds: end.nanoseconds(since: inputEnd))
        publish(results, of: requests, start: start, end: end, times: times, clock: clock)
    }

    func cancel(_ ticket: Ticket) {
        // Its place was given back by whoever cancelled it.
        if scheduler.cancel(ticket) { _ = take(ticket) }
    }

    func resume(_ ticket: Ticket) {}

    func stop(with error: ServingError) {
        for ticket in scheduler.cancelAll() { fail(take(ticket), with: error) }
    }

    /// Lets the scheduler learn what a batch takes, and its tenants pay for it.
    private func charge(_ requests: [PendingInference], nanoseconds: UInt64, at now: MonotonicTime) {
        var bill = ComputeBill()
        for request in requests { bill.add(request.share, amount: request.sampleCount) }
        accounts.charge(bill, nanoseconds: nanoseconds)
        scheduler.learn(
            sampleCount: requests.reduce(0) { $0 + $1.sampleCount }, nanoseconds: nanoseconds, at: now)
    }

    private func leave(_ requests: [PendingInference]) {
        for request in requests { accounts.leave(request.share) }
    }

    /// A request that is done with.
    private func take(_ ticket: Ticket) -> PendingInference {
        let request = unqueue(ticket)
        accounts.leave(request.share)
        return request
    }

    private func unqueue(_ ticket: Ticket) -> PendingInference {
        guard let request = pending.removeValue(forKey: ticket) else {
            preconditionFailure("the scheduler knows request \(ticket), the runner does not")
        }
        return request
    }

    private func fail(_ request: PendingInference, with error: ServingError, at now: MonotonicTime? = nil) {
        loaded.leaveQueue([request.place])
        guard request.completion.complete(.failure(error)) else { return }
        loaded.count {
            $0.failureCount += 1
            if let now { $0.failureNanoseconds &+= now.nanoseconds(since: request.arrival) }
        }
    }

    /// Counts the execution, then answers, so that whoever has an answer finds it counted; then what nobody waited for
    /// any more.
    private func publish(
        _ results: [Result<InferenceOutput, ServingError>],
        of requests: [(request: PendingInference, input: InferenceInput)], start: MonotonicTime, end: MonotonicTime,
        times: ExecutionTimes, clock: any MonotonicClock
    ) {
        let sampleCount = requests.reduce(0) { $0 + $1.request.sampleCount }
        let answers = zip(requests, results).map { asked, result in
            var usage = Usage()
            usage.queueNanoseconds = start.nanoseconds(since: asked.request.arrival)
            usage.computeNanoseconds = end.nanoseconds(since: start)
            usage.batchSampleCount = sampleCount
            asked.request.endExecution(usage)
            return result.flatMap { output in loaded.answer(to: asked.input, output: output, usage: usage) }
        }
        let now = clock.now()
        var times = times
        times.outputNanoseconds = now.nanoseconds(since: end)
        loaded.count { counters in
            counters.countExecution(samples: sampleCount, times: times)
            for ((request, _), answer) in zip(requests, answers) {
                switch answer {
                case .success(let answer):
                    counters.countAnswer(
                        samples: request.sampleCount, waited: answer.usage.queueNanoseconds, times: times,
                        arrival: request.arrival, at: now)
                case .failure:
                    counters.failureCount += 1
                    counters.failureNanoseconds &+= now.nanoseconds(since: request.arrival)
                }
            }
        }
        var wastedSampleCount = 0
        for ((request, _), answer) in zip(requests, answers) where !request.completion.complete(answer) {
            wastedSampleCount += request.sampleCount
        }
        guard wastedSampleCount > 0 else { return }
        let wasted = end.nanoseconds(since: start) * UInt64(wastedSampleCount) / UInt64(sampleCount)
        loaded.count { $0.wastedComputeNanoseconds &+= wasted }
    }
}
