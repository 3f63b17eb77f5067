import Models
import Scheduling
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
    case remove(LoadedModel, Completion<Void>)
    case stop(Completion<Void>)
}

/// A tensor request on its way through the engine.
final class PendingInference: Sendable {
    let ticket: Ticket
    let input: InferenceInput
    let sampleCount: Int
    let key: BatchKey
    let deadline: Deadline
    let arrival: MonotonicTime
    let completion = Completion<Result<InferenceAnswer, ServingError>>()

    init(
        ticket: Ticket, input: InferenceInput, sampleCount: Int, key: BatchKey, deadline: Deadline,
        arrival: MonotonicTime
    ) {
        self.ticket = ticket
        self.input = input
        self.sampleCount = sampleCount
        self.key = key
        self.deadline = deadline
        self.arrival = arrival
    }
}
