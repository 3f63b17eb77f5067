import Messages
import RPC
import Vocabulary

/// The answers to one call, decoded one by one; a call that nobody listens to any more is cancelled.
final class ResponseStream<Response: Message>: Sendable {
    private let call: ClientCall

    init(_ call: ClientCall) { self.call = call }

    deinit { call.cancel() }

    /// Sends the one request message.
    func send(_ message: Bytes) async throws(ApusError) {
        do throws(RPCFailure) {
            try await call.write(message)
            try await call.finishWriting()
        } catch {
            throw ApusError(error)
        }
    }

    /// The next answer; nil after the last.
    func next() async throws(ApusError) -> Response? {
        let message: Bytes?
        do throws(RPCFailure) {
            message = try await call.next()
        } catch {
            throw ApusError(error)
        }
        guard let message else { return nil }
        return try decode(message)
    }
}
