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
    ///
    /// - Throws: `TLSError.unusableFile`, also for a list in the name of an authority that has not signed it.
    func trust(_ authorities: PEM, revocationLists: [PEM]) throws(TLSError) {
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
        try check(with: revocationLists, store, certificates)
    }

    /// Has every certificate of a chain looked up, not only the leaf, once there is a list at all.
    private func check(with files: [PEM], _ store: OpaquePointer, _ authorities: [Certificate]) throws(TLSError) {
        guard !files.isEmpty else { return }
        for file in files {
            for list in try RevocationList.list(in: file) {
                let issuers = authorities.filter(list.isIssued)
                // A list of an intermediate is checked with the chain that brings the intermediate.
                guard issuers.isEmpty || issuers.contains(where: list.isSigned) else {
                    throw .unusableFile(source: file.source, reason: "\(list.issuer) has not signed the list")
                }
                guard X509_STORE_add_crl(store, list.pointer) == 1 else {
                    throw .unusableFile(source: file.source, reason: OpenSSLFailure.take().text)
                }
                revocationLists.append(list)
            }
        }
        X509_VERIFY_PARAM_set_flags(
            SSL_CTX_get0_param(pointer), UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
    }

    /// Whether a list of this context names the certificate of a session's peer, or one of those that it sent with it.
    ///
    /// For sessions that began under an older context, whose lists did not.
    package func revokesPeer(of session: TLSSession) -> Bool {
        guard !revocationLists.isEmpty else { return false }
        return session.peerCertificates.contains { certificate in
            revocationLists.contains { $0.revokes(certificate) }
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
