import EventLoops
import RPC
import RPCTransport
import Vocabulary

/// A call of streams whose caller acts when the test wants it to.
final class Conversation: @unchecked Sendable {
    // @unchecked: written by tasks on the loop, read by the test that turns it: one thread.
    fileprivate(set) var call: ClientCall!
    fileprivate(set) var task: Task<Void, Never>?
    fileprivate(set) var failure: RPCFailure?
    /// Whether the last thing the caller did has come to its end.
    fileprivate(set) var isAtRest = false
    /// For the caller's notes.
    var count = 0
}

extension ChannelBench {
    /// Begins a call.
    func converse() -> Conversation {
        let conversation = Conversation()
        act(conversation) { [channel] _ in conversation.call = await channel!.stream(Bytes(utf8: "/s/m")) }
        return conversation
    }

    /// Lets the caller do something, as far as it comes; what it throws becomes the conversation's failure.
    func act(
        _ conversation: Conversation, _ body: @escaping @Sendable (Conversation) async throws -> Void
    ) {
        conversation.isAtRest = false
        loop.becomeCurrent {
            conversation.task = Task.immediate(executorPreference: loop) {
                do { try await body(conversation) } catch { conversation.failure = error as? RPCFailure }
                conversation.isAtRest = true
            }
        }
        settle()
    }

    /// Sends bytes that the server's session knows nothing of.
    func say(_ server: RawServer, _ bytes: [UInt8]) {
        loop.becomeCurrent { server.send(raw: bytes) }
        settle()
    }
}
