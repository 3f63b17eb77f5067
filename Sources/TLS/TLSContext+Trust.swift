import COpenSSL

/// Own certificate, and whose certificates are believed.
extension TLSContext {
    /// Presents `certificateChain` to the peer.
    ///
    /// - Throws: `TLSError.unusableFile` when a file does not parse or the key is not the first certificate's.
    func use(certificateChain: PEM, privateKey: PEM) throws(TLSError) {
        let certificates = try Certificate.list(in: certificateChain)
        guard let leaf = certificates.first else {
            throw .unusableFile(source: certificateChain.source, reason: "holds no certificate")
        }
        let key = try PrivateKey(privateKey)
        guard SSL_CTX_use_certificate(pointer, leaf.pointer) == 1 else {
            throw .unusableFile(source: certificateChain.source, reason: OpenSSLFailure.take().text)
        }
        for intermediate in certificates.dropFirst() {
            // add1: the context takes a reference of its own.
            guard apus_SSL_CTX_add1_chain_cert(pointer, intermediate.pointer) == 1 else {
                throw .unusableFile(source: certificateChain.source, reason: OpenSSLFailure.take().text)
            }
        }
        guard X509_check_private_key(leaf.pointer, key.pointer) == 1 else {
            ERR_clear_error()
            throw .unusableFile(
                source: privateKey.source, reason: "is not the key of the certificate in \(certificateChain.source)")
        }
        guard SSL_CTX_use_PrivateKey(pointer, key.pointer) == 1 else {
            throw .unusableFile(source: privateKey.source, reason: OpenSSLFailure.take().text)
        }
    }

    /// Believes certificates signed by `authorities`, and by nobody else: the store starts empty and the system's
    /// authorities are never loaded.
    func trust(_ authorities: PEM) throws(TLSError) {
        let certificates = try Certificate.list(in: authorities)
        guard !certificates.isEmpty, let store = SSL_CTX_get_cert_store(pointer) else {
            throw .unusableFile(source: authorities.source, reason: "holds no certificate")
        }
        for certificate in certificates {
            guard certificate.isAuthority else {
                throw .unusableFile(
                    source: authorities.source, reason: "\(certificate.subject) is not a certificate authority")
            }
            guard X509_STORE_add_cert(store, certificate.pointer) == 1 else {
                throw .unusableFile(source: authorities.source, reason: OpenSSLFailure.take().text)
            }
        }
    }

    /// Tells clients which authorities the server believes, so that one with several certificates picks the right one.
    func offerAuthorities(_ authorities: PEM) throws(TLSError) {
        for certificate in try Certificate.list(in: authorities) {
            guard SSL_CTX_add_client_CA(pointer, certificate.pointer) == 1 else {
                throw .unusableFile(source: authorities.source, reason: OpenSSLFailure.take().text)
            }
        }
    }
}
