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
        try await attempt(request) { lease, _ in
            let response = try await lease.channel.unary(path, request, options: options())
            keeper.forward(initial: response.initialMetadata)
            keeper.forward(trailing: response.trailingMetadata)
            return response.message
        }
    }

    /// Sends one message, and answers with a stream of them.
    func serverStream(_ request: Bytes, to writer: ResponseWriter) async throws {
        try await attempt(request) { lease, progress in
            let call = await lease.channel.stream(path, options: options())
            // Whatever ends the answers here ends them at the shard; nothing, when they have come to their end.
            defer { call.cancel() }
            do {
                try await call.write(request)
                try await call.finishWriting()
                try await answers(of: call, to: writer, progress)
            } catch {
                // What the shard has said in front is known also when no message followed.
                call.cancel()
                if !progress.hasBegun { keeper.forward(initial: try await call.responseMetadata()) }
                throw error
            }
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
        keeper.beginStream(first, requestType)
        return try await settling(lease, progress, request: nil) {
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
            keeper.note(answer: message, to: requestType)
            progress.isCallerBehind = true
            try await writer.write(message)
            progress.isCallerBehind = false
        }
        keeper.forward(trailing: try await call.responseTrailers())
    }

    /// Why a later request of a stream was not let through.
    private final class Refusal: @unchecked Sendable {
        // @unchecked: the tasks of one call run on one loop.
        var error: ServingError?
    }

    // MARK: Attempts

    private final class AnswerProgress {
        /// Whether something of an answer has gone to the caller.
        var hasBegun = false
        /// Whether an answer waits for the caller to read on.
        var isCallerBehind = false
    }

    private func attempt<Answer>(
        _ request: Bytes, _ body: (ShardDirectory.Lease, AnswerProgress) async throws -> Answer
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
                return try await settling(lease, progress, request: request) { try await body(lease, progress) }
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
        _ lease: ShardDirectory.Lease, _ progress: AnswerProgress, request: Bytes?,
        _ body: () async throws -> Answer
    ) async throws -> Answer {
        keeper.beginAttempt(lease.replica)
        do {
            let answer = try await body()
            directory.finish(lease, .answered)
            keeper.endAttempt(.ok)
            return answer
        } catch let failure as RPCFailure {
            directory.finish(lease, outcome(of: failure, progress))
            keeper.endAttempt(failure.error.code)
            keeper.forward(trailing: failure.trailingMetadata)
            settleUntold(failure.error.code, progress, request)
            throw failure
        } catch {
            directory.finish(lease, .abandoned)
            keeper.endAttempt(.cancelled)
            settleUntold(.cancelled, progress, request)
            throw error
        }
    }

    private func settleUntold(_ code: StatusCode, _ progress: AnswerProgress, _ request: Bytes?) {
        keeper.settleUntold(
            GateKeeper.UntoldUse(
                code: code, requestType: requestType, request: request, isCallerBehind: progress.isCallerBehind))
    }

    /// A status that came with trailers is the shard's own; one without was made here, because nothing came.
    private func outcome(of failure: RPCFailure, _ progress: AnswerProgress) -> ReplicaTable.Outcome {
        switch failure.error.code {
        case .unavailable: .unreachable
        // An answer that was cut short by its deadline had begun to come.
        case .deadlineExceeded where failure.trailingMetadata.isEmpty && !progress.hasBegun: .timedOut
        case .cancelled: .abandoned
        default: .answered
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
