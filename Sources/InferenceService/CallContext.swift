package import Vocabulary

/// What a service knows about the call it answers: who asks, and until when the answer is of use.
package struct CallContext: Sendable {
    /// Nil on a plaintext listener, which only loopback has.
    package let peer: PeerIdentity?
    /// Whom the call is for; nil for an admin or a router that asks for itself.
    package let tenant: TenantID?
    package let deadline: Deadline
    package let requestID: RequestID
    /// Where the call says what it uses; nil where nobody counts.
    package let meter: (any CallMeter)?

    package init(
        peer: PeerIdentity?, tenant: TenantID?, deadline: Deadline, requestID: RequestID,
        meter: (any CallMeter)? = nil
    ) {
        self.peer = peer
        self.tenant = tenant
        self.deadline = deadline
        self.requestID = requestID
        self.meter = meter
    }
}
