import Models
import Scheduling
import Synchronization
import Vocabulary

/// What callers ask of the engine thread.
enum EngineMessage: Sendable {
    /// Work.
    case infer(LoadedModel, PendingInference)
    case run(LoadedModel, [PendingSequence])

    /// Notices; for a request that is not there any more they mean nothing.
    case cancel(LoadedModel, Ticket)
    case resume(LoadedModel, Ticket)
    case install(LoadedModel, Completion<Result<Void, ServingError>>)
    /// Once it has no requests, or when the time has come.
    case remove(LoadedModel, until: MonotonicTime, Completion<Void>)
    /// Nobody holds a model any more that is to be removed.
    case letGo
    case stop(Completion<Void>)

    /// Of work.
    var places: [QueuePlace] {
        switch self {
        case .infer(_, let request): [request.place]
        case .run(_, let sequences): sequences.map(\.place)
        case .cancel, .resume, .install, .remove, .letGo, .stop: []
        }
    }

    /// Whether this is the work that `ticket` belongs to.
    func carries(_ ticket: Ticket) -> Bool {
        switch self {
        case .infer(_, let request): request.ticket == ticket
        case .run(_, let sequences): sequences.contains { $0.ticket == ticket }
        case .cancel, .resume, .install, .remove, .letGo, .stop: false
        }
    }
}

extension Mailbox<EngineMessage> {
    /// Takes cancelled requests, sent together, out of the queue without waiting for the engine thread.
    ///
    /// Either they have not been received, and are taken out of the mailbox; or the engine thread has them, and hears
    /// of it after its step. In both cases the mailbox holds nothing without a place: the notice is sent before the
    /// places are free, so whoever gets one of them comes behind it, and finds room in the scheduler too.
    func abandon(_ loaded: LoadedModel, _ requests: [(ticket: Ticket, place: QueuePlace)]) {
        guard let first = requests.first else { return }
        if !withdraw(where: { $0.carries(first.ticket) }) {
            for request in requests { send(notice: .cancel(loaded, request.ticket)) }
        }
        loaded.leaveQueue(requests.map(\.place))
    }
}

/// A tensor request on its way through the engine.
final class PendingInference: Sendable {
    let ticket: Ticket
    private struct State {
        /// Nil once the caller has cancelled: what waits in a scheduler until its step ends holds no tensors.
        var input: InferenceInput?
        var stage = Stage.waiting
    }

    private enum Stage {
        case waiting
        case executing(since: MonotonicTime, batchSampleCount: Int)
        case executed(Usage)
    }

    private let state: Mutex<State>
    let sampleCount: Int
    let key: BatchKey
    let deadline: Deadline
    let share: TenantShare
    let arrival: MonotonicTime
    let place: QueuePlace
    let completion = Completion<Result<InferenceAnswer, ServingError>>()

    init(
        ticket: Ticket, input: InferenceInput, sampleCount: Int, key: BatchKey, deadline: Deadline,
        share: TenantShare, arrival: MonotonicTime
    ) {
        self.ticket = ticket
        state = Mutex(State(input: input))
        self.sampleCount = sampleCount
        self.key = key
        self.deadline = deadline
        self.share = share
        self.arrival = arrival
        place = QueuePlace(share.tenant)
    }

    /// Its tensors, unless it was cancelled.
    var input: InferenceInput? { state.withLock { $0.input } }

    /// Lets go of its tensors; it is not executed any more.
    func dropInput() {
        // Freed behind the lock.
        _ = state.withLock { $0.input.take() }
    }

    /// Its execution begins, with others': so many samples in all.
    func beginExecution(at start: MonotonicTime, batchSampleCount: Int) {
        state.withLock { $0.stage = .executing(since: start, batchSampleCount: batchSampleCount) }
    }

    /// Its execution has ended, and this is what it cost.
    func endExecution(_ usage: Usage) { state.withLock { $0.stage = .executed(usage) } }

    /// What it has cost until `now`, be it answered or not; its samples are in an execution, or none are.
    func usage(at now: MonotonicTime) -> Usage {
        var usage = Usage()
        switch state.withLock({ $0.stage }) {
        case .waiting: usage.queueNanoseconds = now.nanoseconds(since: arrival)
        case .executing(let start, let batchSampleCount):
            usage.queueNanoseconds = start.nanoseconds(since: arrival)
            usage.computeNanoseconds = now.nanoseconds(since: start)
            usage.batchSampleCount = batchSampleCount
        case .executed(let whole): usage = whole
        }
        return usage
    }
}
