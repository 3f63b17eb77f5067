package import HTTP2
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
    package let requestMessageCount: Int
    package let responseMessageCount: Int
    /// From the turn in which the headers came until the status was on its way, or the stream was lost; the handler may
    /// have returned later.
    package let durationNanoseconds: UInt64
    /// The request's headers; nil when it was refused for them.
    package let headers: HeaderBlock?
    /// What an upper layer has left in `ServerContext.callNote`.
    package let note: (any AnyObject & Sendable)?
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
    /// As metrics count it, seen from the server.
    package var extent: CallExtent {
        CallExtent(
            durationNanoseconds: durationNanoseconds, sentByteCount: responseByteCount,
            receivedByteCount: requestByteCount)
    }

    /// A request that never became a call of a known method.
    package init(refused error: ServingError, requestID: RequestID, peer: PeerIdentity?) {
        self.init(
            requestID: requestID, method: nil, status: error.code, label: error.label, peer: peer, requestByteCount: 0,
            responseByteCount: 0, requestMessageCount: 0, responseMessageCount: 0, durationNanoseconds: 0,
            headers: nil, note: nil)
    }
}
