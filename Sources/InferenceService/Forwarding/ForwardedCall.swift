import Messages
import RPC
import RPCTransport
import Routing
import Vocabulary

/// One call that a shard answers: its messages go through as they are, in both directions.
///
/// The shard hears the caller's deadline, its metadata and its cancellation, and on whose behalf it is called; the
/// caller reads the shard's metadata, status and trailers. Either side is read no faster than the other takes.
///
/// A call whose shard cannot be reached is sent to another one, as long as nothing of an answer has gone to the caller:
/// models do not mind being asked twice.
///
/// - Isolation: the handler of the call, on the loop of its connection.
struct ForwardedCall {
    let selector: ModelSelector
    let requestType: any Message.Type
    /// The model of requests that name none: the shard is told which, whatever its own configuration says.
    let impliedModel: ModelSelector?
    /// Which calls it would like to follow.
    let affinity: AffinityKey?
    let forwarder: Forwarder
    let context: ServerContext
    let keeper: GateKeeper

    private var directory: ShardDirectory { forwarder.directory }
    private var path: Bytes { Bytes(utf8: context.path) }

    /// Sends one message, and answers with one.
    func unary(_ request: Bytes) async throws -> Bytes {
        try await attempt { lease, _ in
            let response = try await lease.channel.unary(path, request, options: options())
            keeper.forward(initial: response.initialMetadata)
            keeper.forward(trailing: response.trailingMetadata)
            return response.message
        }
    }

    /// Sends one message, and answers with a stream of them.
    func serverStream(_ request: Bytes, to writer: ResponseWriter) async throws {
        try await attempt { lease, progress in
            let call = await lease.channel.stream(path, options: options())
            try await call.write(request)
            try await call.finishWriting()
            try await answers(of: call, to: writer, progress)
        }
    }

    /// Sends a stream of messages of which the first was taken already, and answers with one.
    func clientStream(_ first: Bytes, _ rest: RequestStream) async throws -> Bytes {
        try await streaming(first, rest) { call, _ in
            guard let message = try await call.next(), try await call.next() == nil else {
                throw ServingError(.internal, "the shard did not answer with one message", label: "cardinality")
            }
            return message
        }
    }

    /// Sends a stream of messages of which the first was taken already, and answers with a stream.
    func stream(_ first: Bytes, _ rest: RequestStream, to writer: ResponseWriter) async throws {
        try await streaming(first, rest) { call, progress in try await answers(of: call, to: writer, progress) }
    }

    /// Sends requests and takes answers at the same time; what was sent cannot be sent again, so there is one attempt.
    private func streaming<Answer: Sendable>(
        _ first: Bytes, _ rest: RequestStream, _ answer: (ClientCall, AnswerProgress) async throws -> Answer
    ) async throws -> Answer {
        let lease = try directory.begin(selector, affinity: affinity)
        let progress = AnswerProgress()
        return try await settling(lease, progress, isStreamOfRequests: true) {
            let call = await lease.channel.stream(path, options: options())
            let refusal = Refusal()
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: context.loop) {
                    try await call.write(first)
                    while let message = try await rest.next() {
                        do throws(ServingError) {
                            try keeper.takeForwarded(message, requestType)
                        } catch {
                            refusal.error = error
                            return call.cancel()
                        }
                        try await call.write(message)
                    }
                    try await call.finishWriting()
                }
                // Whatever ends the answer ends the requests: nobody reads them any more.
                defer { group.cancelAll() }
                do {
                    let result = try await answer(call, progress)
                    keeper.forward(trailing: try await call.responseTrailers())
                    return result
                } catch {
                    throw refusal.error ?? error
                }
            }
        }
    }

    private func answers(of call: ClientCall, to writer: ResponseWriter, _ progress: AnswerProgress) async throws {
        while let message = try await call.next() {
            if !progress.hasBegun { keeper.forward(initial: try await call.responseMetadata()) }
            progress.hasBegun = true
            keeper.note(answer: message)
            try await writer.write(message)
        }
        keeper.forward(trailing: try await call.responseTrailers())
    }

    /// Why a later request of a stream was not let through.
    private final class Refusal: @unchecked Sendable {
        // @unchecked: the tasks of one call run on one loop.
        var error: ServingError?
    }

    // MARK: Attempts

    /// Whether something of an answer has gone to the caller.
    private final class AnswerProgress { var hasBegun = false }

    private func attempt<Answer>(
        _ body: (ShardDirectory.Lease, AnswerProgress) async throws -> Answer
    ) async throws -> Answer {
        var tried: Set<ReplicaID> = []
        var last: RPCFailure?
        while true {
            let lease: ShardDirectory.Lease
            do throws(ServingError) {
                lease = try directory.begin(selector, affinity: affinity, excluding: tried)
            } catch {
                // Nobody else is there to try: the caller reads what went wrong with the last one.
                throw last ?? error
            }
            let progress = AnswerProgress()
            do {
                return try await settling(lease, progress) { try await body(lease, progress) }
            } catch let failure as RPCFailure {
                guard failure.error.code == .unavailable, !progress.hasBegun, directory.takeRetry() else {
                    throw failure
                }
                tried.insert(lease.replica)
                last = failure
            }
        }
    }

    /// Runs an attempt, and tells the directory how it ended.
    private func settling<Answer>(
        _ lease: ShardDirectory.Lease, _ progress: AnswerProgress, isStreamOfRequests: Bool = false,
        _ body: () async throws -> Answer
    ) async throws -> Answer {
        keeper.beginAttempt(lease.replica)
        do {
            let answer = try await body()
            directory.finish(lease, .answered)
            keeper.endAttempt(.ok)
            return answer
        } catch let failure as RPCFailure {
            directory.finish(lease, outcome(of: failure, progress, isStreamOfRequests: isStreamOfRequests))
            keeper.endAttempt(failure.error.code)
            keeper.forward(trailing: failure.trailingMetadata)
            keeper.settleUntold(isStreamOfRequests: isStreamOfRequests)
            throw failure
        } catch {
            directory.finish(lease, .abandoned)
            keeper.endAttempt(.cancelled)
            keeper.settleUntold(isStreamOfRequests: isStreamOfRequests)
            throw error
        }
    }

    /// A status that came with trailers is the shard's own; one without was made here, because nothing came.
    private func outcome(
        of failure: RPCFailure, _ progress: AnswerProgress, isStreamOfRequests: Bool
    ) -> ReplicaTable.Outcome {
        // An answer that was cut short had begun to come, and one to a stream may have waited for its caller.
        let isSilent = failure.trailingMetadata.isEmpty && !progress.hasBegun && !isStreamOfRequests
        switch failure.error.code {
        case .unavailable: return .unreachable
        case .deadlineExceeded where isSilent: return .timedOut
        case .deadlineExceeded where isStreamOfRequests && failure.trailingMetadata.isEmpty: return .abandoned
        // The end of our own call at its deadline, and the caller's reset, come as cancellations.
        case .cancelled where isSilent:
            return directory.outcomeOfCancellation(arrival: context.arrivalTime, deadline: context.deadline)
        case .cancelled: return .abandoned
        default: return .answered
        }
    }

    private func options() -> CallOptions {
        var options = context.optionsForCalls
        options.responseByteCountMax = forwarder.responseByteCountMax
        options.metadata = context.requestMetadata
        keeper.setTrace(in: &options.metadata)
        // What a caller says about itself is the front end's to say.
        for name in ["apus-tenant", "apus-tenant-weight", "apus-priority-ceiling"] { options.metadata.removeAll(name) }
        var told = keeper.routedMetadata
        if let impliedModel {
            options.metadata.removeAll("apus-model")
            told.append(("apus-model", impliedModel.name.name))
        }
        for (name, value) in told {
            do {
                try options.metadata.append(name, value)
            } catch {
                preconditionFailure("metadata of our own: \(error)")
            }
        }
        return options
    }
}
