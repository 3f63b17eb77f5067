package import Vocabulary

/// What became of one call: for access logs and metrics.
package struct CallRecord: Sendable {
    package let requestID: RequestID
    /// The registered path, or nil for a call of no known method (what the client sent is not repeated here).
    package let method: String?
    package let status: StatusCode
    /// `ok`, or the error's label.
    package let label: String
    package let peer: PeerIdentity?
    /// Sums of message lengths as they travelled, compressed or not, without prefixes.
    package let requestByteCount: Int
    package let responseByteCount: Int
    /// From the arrival of the headers until the handler had returned.
    package let durationNanoseconds: UInt64
}

/// Is told about every call that ends.
package struct CallObserver: Sendable {
    /// Called on the connection's event loop; returns quickly.
    package let callDidEnd: @Sendable (CallRecord) -> Void

    package init(callDidEnd: @escaping @Sendable (CallRecord) -> Void) {
        self.callDidEnd = callDidEnd
    }
}

extension CallRecord {
    /// A request that never became a call of a known method.
    package init(refused error: ServingError, requestID: RequestID, peer: PeerIdentity?) {
        self.init(
            requestID: requestID, method: nil, status: error.code, label: error.label, peer: peer, requestByteCount: 0,
            responseByteCount: 0, durationNanoseconds: 0)
    }
}
