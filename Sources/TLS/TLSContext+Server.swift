import COpenSSL
import Vocabulary

/// What a server demands of a client during the handshake.
///
/// The callbacks run inside `SSL_do_handshake`, on the session's loop; they record what they found in the session.
extension TLSContext {
    /// Demands a certificate, meant for a client, strictly conforming, with exactly one SPIFFE identity.
    func requireClientCertificate() {
        let parameters = SSL_CTX_get0_param(pointer)
        X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_X509_STRICT))
        X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT)
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT) { isValid, verification in
            // Called once for each certificate, the root first; OpenSSL's own verdict stands unless we know worse.
            let ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx())
            guard let ssl, let leaf = X509_STORE_CTX_get0_cert(verification) else { return 0 }
            let session = TLSSession.of(OpaquePointer(ssl))
            guard isValid == 1 else {
                session.refusedSubject = Certificate.subject(of: leaf)
                return 0
            }
            guard X509_STORE_CTX_get_error_depth(verification) == 0 else { return 1 }
            let trustDomain = session.context.trustDomain
            switch Result(catching: { () throws(TLSError) in
                try PeerIdentity(verifiedLeaf: leaf, trustDomain: trustDomain)
            }) {
            case .success(let identity):
                session.peerIdentity = identity
                return 1
            case .failure(let error):
                session.refusal = error
                session.refusedSubject = Certificate.subject(of: leaf)
                X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION)
                return 0
            }
        }
    }

    /// Ends the handshake with the alert `no_application_protocol` unless the client offers `h2`.
    ///
    /// Two callbacks, because OpenSSL asks the ALPN one only when the client sent the extension at all.
    func requireHTTP2FromClient() {
        SSL_CTX_set_client_hello_cb(
            pointer,
            { ssl, alert, _ in
                if let ssl, !TLSSession.of(ssl).clientHelloDidComplete() {
                    alert?.pointee = SSL_AD_RECORD_OVERFLOW
                    return SSL_CLIENT_HELLO_ERROR
                }
                let extensionType = UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation)
                guard let ssl, SSL_client_hello_get0_ext(ssl, extensionType, nil, nil) == 1 else {
                    if let ssl { TLSSession.of(ssl).refusal = .noCommonProtocol }
                    alert?.pointee = SSL_AD_NO_APPLICATION_PROTOCOL
                    return SSL_CLIENT_HELLO_ERROR
                }
                return SSL_CLIENT_HELLO_SUCCESS
            }, nil)
        SSL_CTX_set_alpn_select_cb(
            pointer,
            { ssl, chosen, chosenByteCount, offered, offeredByteCount, _ in
                let list = UnsafeBufferPointer(start: offered, count: Int(offeredByteCount))
                guard let index = indexOfHTTP2(in: list) else {
                    if let ssl { TLSSession.of(ssl).refusal = .noCommonProtocol }
                    return SSL_TLSEXT_ERR_ALERT_FATAL
                }
                // Points into the client's own list, which OpenSSL copies from before it lets go of it.
                chosen?.pointee = offered.map { $0 + index }
                chosenByteCount?.pointee = UInt8(alpnHTTP2.count - 1)
                return SSL_TLSEXT_ERR_OK
            }, nil)
    }
}

/// Where the name `h2` begins in a client's list of protocols, each with its length before it.
///
/// - Source: RFC 7301, section 3.1.
private func indexOfHTTP2(in list: UnsafeBufferPointer<UInt8>) -> Int? {
    var index = 0
    while index < list.count {
        let end = index + 1 + Int(list[index])
        guard end <= list.count else { return nil }
        if list[index..<end].elementsEqual(alpnHTTP2) { return index + 1 }
        index = end
    }
    return nil
}
