import Compute
import Scheduling
import Vocabulary

/// Runs one model on the engine thread: a scheduler that decides, and the model that does.
///
/// - Isolation: engine thread only.
protocol ModelRunner: AnyObject {
    /// Whether there is a batch or a step to run.
    func readiness(at now: MonotonicTime) -> SchedulerReadiness

    /// The rank of the tenant for whom that would be; nil when nothing is to be computed, only somebody to be told.
    func rank(at now: MonotonicTime) -> Claim.Rank?

    /// Runs one batch or one step and hands out what came of it.
    func step(on gang: ComputeGang, clock: any MonotonicClock)

    /// Forgets a request before its next execution; nothing when it is not there any more.
    func cancel(_ ticket: Ticket)

    /// Lets a sequence go on whose reader was slow.
    func resume(_ ticket: Ticket)

    /// Answers everything that is there with `error`.
    func stop(with error: ServingError)
}
