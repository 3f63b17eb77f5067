package import Vocabulary

/// What a service knows about the call it answers: who asks, and until when the answer is of use.
package struct CallContext: Sendable {
    /// Nil on a plaintext listener, which only loopback has.
    package let peer: PeerIdentity?
    package let deadline: Deadline
    package let requestID: RequestID

    package init(peer: PeerIdentity?, deadline: Deadline, requestID: RequestID) {
        self.peer = peer
        self.deadline = deadline
        self.requestID = requestID
    }
}
