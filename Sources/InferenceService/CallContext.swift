package import Vocabulary

/// What a service knows about the call it answers: who asks, and until when the answer is of use.
package struct CallContext: Sendable {
    /// Nil on a plaintext listener, which only loopback has.
    package let peer: PeerIdentity?
    /// Whom the call is for; nil for an admin or a router that asks for itself.
    package let tenant: TenantID?
    /// The tenant's, where tenants compete.
    package let weight: Int
    package let deadline: Deadline
    package let requestID: RequestID

    package init(
        peer: PeerIdentity?, tenant: TenantID?, weight: Int = 1, deadline: Deadline, requestID: RequestID
    ) {
        self.peer = peer
        self.tenant = tenant
        self.weight = weight
        self.deadline = deadline
        self.requestID = requestID
    }

    /// Its claim on the engine.
    package var share: TenantShare { TenantShare(tenant: tenant, weight: weight) }
}
