import EventLoops
import HTTP2
import Messages
import RPC
import RPCTransport
import Routing
import Telemetry
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
    var path: Bytes { context.pathBytes }

    /// Sends one message, and answers with one, as `ForwardedExchange` does where no task is needed.
    func unary(_ request: Bytes) async throws -> Bytes {
        try await attempt(request) { lease, progress in
            let call = await lease.channel.stream(path, options: options())
            try await call.write(request)
            try await call.finishWriting()
            let answer = try await onlyMessage(of: call)
            keeper.forward(trailing: await call.responseTrailersToPass())
            return answer
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
                if !progress.hasBegun { keeper.forward(initial: try await call.responseHeadersToPass()) }
                throw error
            }
        }
    }

    /// Sends a stream of messages of which the first was taken already, and answers with one.
    func clientStream(_ first: Bytes, _ rest: RequestStream) async throws -> Bytes {
        try await streaming(first, rest) { call, _ in try await onlyMessage(of: call) }
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
        let progress = AnswerProgress(self, lease, request: nil)
        keeper.beginStream(first, requestType)
        return try await settling(progress) {
            let call = await lease.channel.stream(path, options: options())
            let refusal = Refusal()
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: context.loop) { [keeper, requestType] in
                    try await call.write(first)
                    while let message = try await rest.next() {
                        await keeper.awaitAdvance(for: message, requestType)
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
                    keeper.forward(trailing: await call.responseTrailersToPass())
                    return result
                } catch {
                    throw refusal.error ?? error
                }
            }
        }
    }

    private func onlyMessage(of call: ClientCall) async throws -> Bytes {
        let message = try await call.next()
        keeper.forward(initial: try await call.responseHeadersToPass())
        guard let message, try await call.next() == nil else {
            throw ServingError(.internal, "the shard did not answer with one message", label: "cardinality")
        }
        return message
    }

    private func answers(of call: ClientCall, to writer: ResponseWriter, _ progress: AnswerProgress) async throws {
        while let message = try await call.next() {
            if !progress.hasBegun {
                directory.heard(progress.lease)
                keeper.forward(initial: try await call.responseHeadersToPass())
            }
            progress.hasBegun = true
            keeper.note(answer: message, to: requestType)
            progress.isCallerBehind = true
            try await writer.write(message)
            progress.isCallerBehind = false
        }
        keeper.forward(trailing: await call.responseTrailersToPass())
    }

    /// Why a later request of a stream was not let through.
    private final class Refusal: @unchecked Sendable {
        // @unchecked: the tasks of one call run on one loop.
        var error: ServingError?
    }

    // MARK: Attempts

    private final class AnswerProgress: ForwardedAttempt {
        private let call: ForwardedCall
        let lease: ShardDirectory.Lease
        /// The only request; nil for a stream of them.
        let request: Bytes?
        /// Whether something of an answer has gone to the caller.
        var hasBegun = false
        /// Whether an answer waits for the caller to read on.
        var isCallerBehind = false

        init(_ call: ForwardedCall, _ lease: ShardDirectory.Lease, request: Bytes?) {
            self.call = call
            self.lease = lease
            self.request = request
        }

        func settleUntold(_ code: StatusCode) { call.settleUntold(code, request, isCallerBehind: isCallerBehind) }
    }

    private func attempt<Answer>(
        _ request: Bytes, _ body: (ShardDirectory.Lease, AnswerProgress) async throws -> Answer
    ) async throws -> Answer {
        var attempts = AttemptSeries()
        while true {
            let lease = try attempts.next(of: self)
            let progress = AnswerProgress(self, lease, request: request)
            do {
                return try await settling(progress) { try await body(lease, progress) }
            } catch let failure as RPCFailure {
                guard end(failure, hasBegun: progress.hasBegun).mayBeTriedAgain else { throw failure }
                attempts.didFail(lease.replica, failure)
            }
        }
    }

    /// Runs an attempt, and tells the directory how it ended.
    private func settling<Answer>(
        _ progress: AnswerProgress, _ body: () async throws -> Answer
    ) async throws -> Answer {
        keeper.beginAttempt(progress, at: progress.lease.replica)
        do {
            let answer = try await body()
            finish(progress, nil)
            return answer
        } catch let failure as RPCFailure {
            finish(progress, failure)
            progress.settleUntold(failure.error.code)
            throw failure
        } catch {
            // Of the caller's side: it is not there any more, or its time is over.
            finish(progress, RPCFailure(.cancelled, "\(error)"))
            progress.settleUntold(.cancelled)
            throw error
        }
    }

    private func finish(_ progress: AnswerProgress, _ failure: RPCFailure?) {
        // Without a request of its own it is a stream of them.
        let isStream = failure != nil && progress.request == nil
        finish(
            progress.lease, end(failure, hasBegun: progress.hasBegun, isStreamOfRequests: isStream),
            trailers: failure?.trailers)
    }

    /// Charges for an attempt whose shard has not said what it used; `request` is nil for a stream of them.
    func settleUntold(_ code: StatusCode, _ request: Bytes?, isCallerBehind: Bool = false) {
        keeper.settleUntold(
            GateKeeper.UntoldUse(code: code, requestType: requestType, request: request, isCallerBehind: isCallerBehind)
        )
    }

    /// How an attempt has ended that ends now.
    func end(_ failure: RPCFailure?, hasBegun: Bool = false, isStreamOfRequests: Bool = false) -> AttemptEnd {
        AttemptEnd(
            failure, hasBegun: hasBegun, isStreamOfRequests: isStreamOfRequests,
            cancellation: directory.outcomeOfCancellation(arrival: context.arrivalTime, deadline: context.deadline))
    }

    /// Tells the directory and the trace how an attempt ended, and keeps what a shard said that has failed.
    func finish(_ lease: ShardDirectory.Lease, _ end: AttemptEnd, trailers: HeaderBlock?) {
        directory.finish(lease, end.outcome)
        keeper.endAttempt(end.code)
        if end.code != .ok { keeper.forward(trailing: trailers) }
    }

    /// As `finish`, of an attempt that brought an answer.
    func finishWell(_ lease: ShardDirectory.Lease) {
        directory.finish(lease, .answered)
        keeper.endAttempt(.ok)
    }

    /// What the shard is told besides the message; `isEndedByCaller` where the attempt is cancelled when the caller's
    /// own call ends, at its deadline too.
    func options(isEndedByCaller: Bool = false) -> CallOptions {
        var options = context.optionsForCalls
        options.isEndedByCaller = isEndedByCaller
        options.responseByteCountMax = forwarder.responseByteCountMax
        options.passedHeaders = passedHeaders
        return options
    }

    private var passedHeaders: PassedHeaders {
        var told = keeper.headersForShard
        var omitted = Self.toldHere
        if let trace = keeper.traceForShard {
            omitted += ["traceparent", "tracestate"]
            told.appendOwn("traceparent", trace.traceparent, indexing: .never)
            if !trace.state.isEmpty { told.appendOwn("tracestate", trace.state) }
        }
        if let impliedModel {
            omitted.append("apus-model")
            told.appendOwn("apus-model", impliedModel.name.name)
        }
        return PassedHeaders(context.requestHead, omitting: omitted, adding: told)
    }

    /// What a caller says about itself is the front end's to say.
    private static let toldHere: [StaticString] = ["apus-tenant", "apus-tenant-weight", "apus-priority-ceiling"]
}

extension HeaderList {
    /// Appends a field that this program makes.
    mutating func appendOwn(_ name: StaticString, _ value: String, indexing: Indexing = .allowed) {
        do {
            try append(name, Bytes(utf8: value), indexing: indexing)
        } catch {
            preconditionFailure("a header of our own: \(error)")
        }
    }
}

/// Which shards have been asked for one call.
struct AttemptSeries {
    private var tried: Set<ReplicaID> = []
    private var last: RPCFailure?

    /// The shard for the next attempt.
    ///
    /// - Throws: what went wrong with the last one when nobody else is there to try, or too many calls are tried again;
    ///   UNAVAILABLE when there was none.
    mutating func next(of call: ForwardedCall) throws -> ShardDirectory.Lease {
        let directory = call.forwarder.directory
        let lease: ShardDirectory.Lease
        do throws(ServingError) {
            lease = try directory.begin(call.selector, affinity: call.affinity, excluding: tried)
        } catch {
            throw last ?? error
        }
        // Paid only where there is somebody to try.
        if let last, !directory.takeRetry() {
            directory.finish(lease, .abandoned)
            throw last
        }
        return lease
    }

    /// An attempt has failed, and may be followed by another.
    mutating func didFail(_ replica: ReplicaID, _ failure: RPCFailure) {
        tried.insert(replica)
        last = failure
    }
}
