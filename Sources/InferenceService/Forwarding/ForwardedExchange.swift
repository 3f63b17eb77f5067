import RPC
import RPCTransport
import Routing
import Vocabulary

/// A forwarded call of one message each way, without a task: what the shard's answer does when it comes is all there
/// is to do.
///
/// Why: a task, and what it takes to suspend and resume one, would be a third of what a front end spends on a call.
///
/// - Isolation: the loop of the call's connection, which is also that of the connection to the shard.
final class ForwardedExchange: PendingAnswer, ClientCallObserver, ForwardedAttempt, @unchecked Sendable {
    // @unchecked: touched on one loop only.
    private let call: ForwardedCall
    private let request: Bytes
    private var attempts = AttemptSeries()
    private var lease: ShardDirectory.Lease?
    /// The shard's call, as long as it has not ended.
    private var attempt: ClientCall?
    private var isCancelled = false

    private init(_ call: ForwardedCall, _ request: Bytes) {
        self.call = call
        self.request = request
    }

    /// Sends a message; the answer ends `call`'s stay at the gate and finishes it.
    ///
    /// - Returns: nil, and nothing was done, when the shard's connections live on other loops.
    /// - Throws: UNAVAILABLE when no shard takes it now; the stay goes on.
    static func begin(_ call: ForwardedCall, _ request: Bytes) throws -> ForwardedExchange? {
        let exchange = ForwardedExchange(call, request)
        return try exchange.beginAttempt() ? exchange : nil
    }

    private func beginAttempt() throws -> Bool {
        let lease = try attempts.next(of: call)
        guard lease.channel.hasCurrentLoop else {
            call.forwarder.directory.finish(lease, .abandoned)
            return false
        }
        self.lease = lease
        call.keeper.beginAttempt(self, at: lease.replica)
        let attempt = lease.channel.begin(
            call.path, request, options: call.options(isEndedByCaller: true), observer: self)
        // It may have ended already, and been followed by another.
        if let attempt, !attempt.isFinished { self.attempt = attempt }
        return true
    }

    func settleUntold(_ code: StatusCode) { call.settleUntold(code, request) }

    func cancel() {
        isCancelled = true
        attempt?.cancel()
    }

    func callDidEnd(_ attempt: ClientCall) {
        self.attempt = nil
        guard let lease else { preconditionFailure("an attempt without a shard") }
        self.lease = nil
        guard let error = attempt.error else {
            call.finishWell(lease)
            return take(attempt)
        }
        let failure = RPCFailure(error, trailers: attempt.responseTrailerBlock)
        let end = call.end(failure)
        call.finish(lease, end, trailers: failure.trailers)
        guard end.mayBeTriedAgain, !isCancelled else { return leave(failing: failure) }
        attempts.didFail(lease.replica, failure)
        do {
            guard try beginAttempt() else { return leave(failing: failure) }
        } catch {
            leave(failing: error)
        }
    }

    private func take(_ attempt: ClientCall) {
        if let headers = attempt.responseHeaders { call.keeper.forward(initial: headers) }
        call.keeper.forward(trailing: attempt.responseTrailerBlock)
        guard let message = attempt.takeOnlyMessage() else { return unfold(attempt) }
        call.keeper.leave(failure: nil)
        call.context.finish(.success(message))
    }

    /// A compressed answer is unfolded in pieces, for which a task waits.
    private func unfold(_ attempt: ClientCall) {
        Task.immediate(executorPreference: call.context.loop) {
            do {
                guard let message = try await attempt.next() else { preconditionFailure("an answer without a message") }
                call.keeper.leave(failure: nil)
                call.context.finish(.success(message))
            } catch {
                leave(failing: error)
            }
        }
    }

    private func leave(failing error: any Error) {
        let reason = ServingError(handlerError: error)
        call.settleUntold(reason.code, request)
        call.keeper.leave(failure: reason)
        call.context.finish(.failure(error))
    }
}
