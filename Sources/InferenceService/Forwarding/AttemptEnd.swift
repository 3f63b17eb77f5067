import Engine
import RPC
import Routing
import Vocabulary

/// How one attempt to have a call answered by a shard ended, and what follows from it: a value.
struct AttemptEnd: Equatable {
    let code: StatusCode
    /// Whether the shard has said so itself, in trailers; otherwise it was found out here.
    let isFromShard: Bool
    /// Whether it was only a model that the shard did not have any more, or not yet.
    private let isOfModel: Bool
    /// Whether something of an answer has gone to the caller.
    private let hasBegun: Bool
    /// Whether silence says nothing, because the shard may have waited for its caller.
    private let isStreamOfRequests: Bool

    /// - Parameters:
    ///   - failure: nil for an answer.
    ///   - hasBegun: whether something of it has gone to the caller.
    ///   - isStreamOfRequests: whether the caller was to send more than one message.
    ///   - cancellation: what it says about the shard when the call was cancelled: the end of the call at its deadline,
    ///     and the caller's reset, come as cancellations.
    init(
        _ failure: RPCFailure?, hasBegun: Bool, isStreamOfRequests: Bool = false,
        cancellation: @autoclosure () -> ReplicaTable.Outcome = .abandoned
    ) {
        let isFromShard = failure?.trailers != nil
        self.isFromShard = isFromShard
        isOfModel =
            failure?.error.code == .unavailable
            && failure?.trailers.flatMap(ServingError.reason(in:)) == Engine.modelUnloadedLabel.uppercased()
        self.hasBegun = hasBegun
        self.isStreamOfRequests = isStreamOfRequests
        switch failure?.error {
        case nil: code = .ok
        // Nothing is wrong with a shard whose connection was replaced.
        case let error? where error.label == "channel_closed": code = .aborted
        case let error? where error.code == .cancelled && !isFromShard:
            code = cancellation() == .timedOut ? .deadlineExceeded : .cancelled
        case let error?: code = error.code
        }
    }

    /// What the end says about the shard.
    var outcome: ReplicaTable.Outcome {
        switch code {
        // Its other models go on.
        case .unavailable where isOfModel: .answered
        case .unavailable: isFromShard ? .unreachable : .lost
        case _ where code == .ok || isFromShard: .answered
        // An answer that was cut short by its deadline had begun to come.
        case .deadlineExceeded where !hasBegun && !isStreamOfRequests: .timedOut
        default: .abandoned
        }
    }

    /// Whether another shard may be asked: models do not mind being asked twice, callers do.
    var mayBeTriedAgain: Bool { !hasBegun && (code == .unavailable || code == .aborted && !isFromShard) }
}
