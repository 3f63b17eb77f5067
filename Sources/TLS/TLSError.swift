/// Why a TLS context could not be made, a handshake failed or a session broke.
///
/// A session that threw is over: it throws the same error again, and only `drainOutput` still works, so that the
/// alert for the peer can be sent.
package enum TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A PEM file, certificate or key cannot be used. `source` names the file, `reason` says what is wrong with it.
    case unusableFile(source: String, reason: String)
    /// OpenSSL refused a setting of ours.
    case configuration(String)
    /// The server name to be verified is neither a DNS name nor an IP address, nor a SPIFFE identity.
    case invalidServerName(String)
    /// We refused the peer's certificate, or it sent none; the text is the verifier's.
    case peerRejected(PeerRejection, String)
    /// The peer does not speak HTTP/2 (ALPN `h2`).
    case noCommonProtocol
    /// The peer offers no version of TLS from 1.2 on.
    case noCommonVersion
    /// The peer offers no cipher, or no group of keys, that we take.
    case noCommonCipher
    /// The handshake, or the ClientHello alone, was longer than any honest one.
    case handshakeTooLong(byteCountMax: Int)
    /// More handshake messages and alerts came after the handshake than data accounts for.
    case handshakeFlood
    /// The peer asked for a second handshake within the session, which HTTP/2 forbids.
    case renegotiation
    /// The peer ended the session with this alert, e.g. `unknown CA`.
    case alertReceived(String)
    /// What the peer sent is not TLS, or breaks its rules.
    case protocolViolation(String)
    /// The transport ended without a `close_notify`: what came may be cut short.
    case truncated
    /// A name cannot stand in a certificate; the text says which and why.
    case invalidName(String)
    /// A file that must not be replaced is there already.
    case fileExists(path: String)
    /// A set of certificate files has gaps.
    case incompleteFolder(path: String, missing: [String])
    /// OpenSSL could not make a key or a certificate.
    case issuing(String)
    /// More ciphertext was received than read; the caller lets it pile up.
    case receiveBufferFull(byteCountMax: Int)

    package var description: String {
        switch self {
        case .unusableFile(let source, let reason): "\(source): \(reason)"
        case .configuration(let reason): "TLS configuration: \(reason)"
        case .invalidServerName(let name): "\"\(name)\" is neither a DNS name nor an IP address, nor a SPIFFE identity"
        case .peerRejected(_, let reason): "peer certificate rejected: \(reason)"
        case .noCommonProtocol: "the peer does not offer HTTP/2 (ALPN \"h2\")"
        case .noCommonVersion: "the peer offers neither TLS 1.3 nor 1.2"
        case .noCommonCipher: "the peer offers no cipher or group of ours"
        case .handshakeTooLong(let byteCountMax): "a TLS handshake of more than \(byteCountMax) bytes"
        case .handshakeFlood: "the peer sent too many TLS handshake messages and alerts"
        case .renegotiation: "the peer asked for another TLS handshake (renegotiation)"
        case .alertReceived(let name): "the peer ended the TLS session: \(name)"
        case .protocolViolation(let reason): "TLS protocol violation: \(reason)"
        case .truncated: "the connection ended without a TLS close_notify"
        case .invalidName(let reason): reason
        case .fileExists(let path): "\(path) exists already and was not replaced"
        case .incompleteFolder(let path, let missing):
            "\(path) lacks \(missing.joined(separator: ", ")); put it back, or make a new set and replace this one"
        case .issuing(let reason): "no certificate could be made: \(reason)"
        case .receiveBufferFull(let byteCountMax): "more than \(byteCountMax) bytes of ciphertext wait to be read"
        }
    }

    /// A short constant for metrics; never contains anything a peer sent.
    package var label: String {
        switch self {
        case .unusableFile: "unusable_file"
        case .configuration: "configuration"
        case .invalidServerName: "invalid_server_name"
        case .peerRejected(let rejection, _): rejection.rawValue
        case .noCommonProtocol: "no_common_protocol"
        case .noCommonVersion: "no_common_version"
        case .noCommonCipher: "no_common_cipher"
        case .handshakeTooLong: "handshake_too_long"
        case .handshakeFlood: "handshake_flood"
        case .renegotiation: "renegotiation"
        case .alertReceived: "alert_received"
        case .protocolViolation: "protocol_violation"
        case .truncated: "truncated"
        case .invalidName: "invalid_name"
        case .fileExists: "file_exists"
        case .incompleteFolder: "incomplete_folder"
        case .issuing: "issuing"
        case .receiveBufferFull: "receive_buffer_full"
        }
    }
}
