import RPC
import Routing
import Vocabulary

/// How one attempt to have a call answered by a shard ended, and what follows from it: a value.
struct AttemptEnd: Equatable {
    let code: StatusCode
    /// Whether the shard has said so itself, in trailers; otherwise it was found out here.
    let isFromShard: Bool
    /// Whether something of an answer has gone to the caller.
    let hasBegun: Bool

    /// - Parameters:
    ///   - failure: nil for an answer.
    ///   - hasBegun: whether something of it has gone to the caller.
    ///   - isPastDeadline: whether the caller's deadline is over.
    init(_ failure: RPCFailure?, hasBegun: Bool, isPastDeadline: Bool) {
        isFromShard = failure?.trailers != nil
        self.hasBegun = hasBegun
        switch failure {
        case nil: code = .ok
        // A call that is over is cancelled towards the shard, whichever of the two timers is first.
        case let failure? where failure.error.code == .cancelled && failure.trailers == nil && isPastDeadline:
            code = .deadlineExceeded
        // Nothing is wrong with a shard whose connection was replaced.
        case let failure? where failure.error.label == "channel_closed": code = .aborted
        case let failure?: code = failure.error.code
        }
    }

    /// What the end says about the shard.
    var outcome: ReplicaTable.Outcome {
        switch code {
        case .unavailable: .unreachable
        case _ where code == .ok || isFromShard: .answered
        // An answer that was cut short by its deadline had begun to come.
        case .deadlineExceeded where !hasBegun: .timedOut
        default: .abandoned
        }
    }

    /// Whether another shard may be asked: models do not mind being asked twice, callers do.
    var mayBeTriedAgain: Bool { !hasBegun && (code == .unavailable || code == .aborted && !isFromShard) }
}
