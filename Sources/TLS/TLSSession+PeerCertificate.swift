import COpenSSL

extension TLSSession {
    /// What the peer has shown, the leaf first; they live as long as the session.
    ///
    /// Of a client's leaf only the issuer and the serial number are left when the handshake is complete.
    var peerCertificates: [OpaquePointer] {
        let chain = SSL_get_peer_cert_chain(pointer)
        // A server's list of what its client sent lacks the leaf: SSL_get_peer_cert_chain(3).
        let leaf = context.role == .server ? SSL_get0_peer_certificate(pointer).map { [$0] } ?? [] : []
        return leaf + (0..<apus_sk_X509_num(chain)).compactMap { apus_sk_X509_value(chain, $0) }
    }

    /// Lets go of everything in the client's certificate that nobody asks for once its identity is known.
    ///
    /// Why: OpenSSL keeps the certificate for life, with its key ready for use: 8 KB of some 35 for an idle connection.
    /// Whether it is revoked later is a matter of issuer and serial number.
    func trimPeerCertificate() {
        guard let certificate = SSL_get0_peer_certificate(pointer), let smallKey = Self.smallKey else { return }
        // All of it copies or counts references, and what fails leaves the certificate as it was.
        _ = X509_set_pubkey(certificate, smallKey)
        if let nobody = X509_NAME_new() {
            _ = X509_set_subject_name(certificate, nobody)
            X509_NAME_free(nobody)
        }
        while let removed = X509_delete_ext(certificate, 0) { X509_EXTENSION_free(removed) }
        ERR_clear_error()
    }

    /// A public key that costs next to nothing, and nobody's.
    ///
    /// `nonisolated(unsafe)`: only its count of references changes, atomically.
    nonisolated(unsafe) private static let smallKey: OpaquePointer? = {
        let bytes = [UInt8](repeating: 0, count: 32)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count)
    }()
}
