import HTTP2
import TLS
package import Vocabulary

/// How one connection to a server ended: for logs and metrics.
package struct ConnectionRecord: Sendable {
    /// How far a connection had come when it ended.
    package enum Stage: String, Hashable, Sendable {
        /// Too many were open, or no descriptors left: it was closed on arrival.
        case turnedAway = "turned_away"
        /// During TLS; `label` says why, and nobody is known at the other end.
        case handshake
        /// TLS was complete, or there was none.
        case established
    }

    package let stage: Stage
    /// A bounded word for the reason, such as `closed_by_peer` or `certificate_expired`; never what a peer sent.
    package let label: String
    /// Whether the peer did what it must not do, or could not show who it is.
    package let isFaultOfPeer: Bool
    /// The reason in words.
    package let reason: String
    /// The address at the other end, such as `127.0.0.1:50432`.
    package let peerAddress: String
    /// Nil before TLS is complete, and without it.
    package let peer: PeerIdentity?
    /// The subject of a certificate that was refused; anybody may have written it.
    package let refusedSubject: String?

    package init(
        stage: Stage, label: String, isFaultOfPeer: Bool, reason: String, peerAddress: String, peer: PeerIdentity?,
        refusedSubject: String?
    ) {
        self.stage = stage
        self.label = label
        self.isFaultOfPeer = isFaultOfPeer
        self.reason = reason
        self.peerAddress = peerAddress
        self.peer = peer
        self.refusedSubject = refusedSubject
    }
}

/// Is told about every connection to a server that ends.
package struct ConnectionObserver: Sendable {
    /// Called on the connection's event loop; returns quickly.
    package let connectionDidEnd: @Sendable (ConnectionRecord) -> Void

    package init(connectionDidEnd: @escaping @Sendable (ConnectionRecord) -> Void) {
        self.connectionDidEnd = connectionDidEnd
    }
}

extension ConnectionRecord {
    /// A connection that was closed on arrival.
    static func turnedAway(_ peerAddress: String, _ shortage: Shortage) -> ConnectionRecord {
        ConnectionRecord(
            stage: .turnedAway, label: shortage.rawValue, isFaultOfPeer: false, reason: shortage.text,
            peerAddress: peerAddress, peer: nil, refusedSubject: nil)
    }

    /// What there was too little of for one more connection.
    enum Shortage: String {
        case connections = "connection_limit"
        case descriptors = "descriptor_limit"

        fileprivate var text: String {
            switch self {
            case .connections: "too many connections are open"
            case .descriptors: "the process has no file descriptors left"
            }
        }
    }

    init(_ end: ConnectionEnd, of connection: Connection) {
        self.init(
            stage: connection.tlsIsComplete ? .established : .handshake, label: end.label,
            isFaultOfPeer: end.isFaultOfPeer, reason: end.description, peerAddress: connection.peerName,
            peer: connection.tls?.peerIdentity,
            refusedSubject: connection.tls?.refusedSubject)
    }
}

extension ConnectionEnd {
    /// Whether the peer did what it must not do, or could not show who it is; leaving early is no fault.
    var isFaultOfPeer: Bool {
        switch self {
        case .tls(.truncated), .finished, .closedByPeer, .stream, .keepaliveTimeout, .aborted: false
        case .tls, .http2, .handshakeTimeout, .tooManyPings, .writeStall, .halfOpenLimit: true
        }
    }

    /// A short constant for metrics; never contains anything a peer sent.
    var label: String {
        switch self {
        case .finished: "finished"
        case .closedByPeer: "closed_by_peer"
        case .stream: "network_error"
        case .tls(let error): error.label
        case .http2(let error): error.label
        case .handshakeTimeout: "handshake_timeout"
        case .keepaliveTimeout: "keepalive_timeout"
        case .tooManyPings: "too_many_pings"
        case .writeStall: "write_stall"
        case .halfOpenLimit: "half_open_limit"
        case .aborted: "aborted"
        }
    }
}
