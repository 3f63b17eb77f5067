import COpenSSL

/// Assembles and signs one X.509 certificate, version 3.
///
/// - Source: RFC 5280, section 4; X509_new(3), X509V3_EXT_conf_nid(3).
struct CertificateBuilder {
    /// The common name; for people, nothing is decided by it.
    var commonName: String
    var validity: CertificateValidity
    /// Extensions by OpenSSL's number, in the notation of x509v3_config(5).
    var extensions: [(identifier: Int32, value: String)]

    /// A certificate for `key`, signed by `issuerKey`.
    ///
    /// - Throws: `TLSError.issuing`.
    func sign(key: PrivateKey, issuer: Certificate?, issuerKey: PrivateKey) throws(TLSError) -> Certificate {
        ERR_clear_error()
        guard let pointer = X509_new() else { throw issuingFailure("certificate") }
        let certificate = Certificate(owning: pointer)
        // Version 3 is written as 2.
        guard X509_set_version(pointer, 2) == 1, X509_set_pubkey(pointer, key.pointer) == 1 else {
            throw issuingFailure("public key")
        }
        try setSerial(pointer)
        try setNames(pointer, issuer: issuer)
        try setValidity(pointer)
        try addExtensions(pointer, issuer: issuer ?? certificate)
        guard X509_sign(pointer, issuerKey.pointer, EVP_sha256()) > 0 else { throw issuingFailure("signature") }
        return certificate
    }

    /// 128 random bits: never the same twice, and nobody can guess it beforehand.
    private func setSerial(_ certificate: OpaquePointer) throws(TLSError) {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard RAND_bytes(&bytes, Int32(bytes.count)) == 1, let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else {
            throw issuingFailure("serial number")
        }
        defer { BN_free(number) }
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
            throw issuingFailure("serial number")
        }
    }

    private func setNames(_ certificate: OpaquePointer, issuer: Certificate?) throws(TLSError) {
        guard let subject = X509_get_subject_name(certificate) else { throw issuingFailure("subject") }
        for (field, value) in [("O", "Apus"), ("CN", commonName)] {
            // X.520 ends a common name at 64 characters; OpenSSL refuses longer ones.
            let text = Array(value.utf8.prefix(64))
            guard X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, text, Int32(text.count), -1, 0) == 1
            else { throw issuingFailure("subject") }
        }
        let issuerName = issuer.map { X509_get_subject_name($0.pointer) } ?? subject
        guard X509_set_issuer_name(certificate, issuerName) == 1 else { throw issuingFailure("issuer") }
    }

    private func setValidity(_ certificate: OpaquePointer) throws(TLSError) {
        guard ASN1_TIME_set(X509_getm_notBefore(certificate), Int(validity.notBefore)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(certificate), Int(validity.notAfter)) != nil
        else { throw issuingFailure("validity") }
    }

    private func addExtensions(_ certificate: OpaquePointer, issuer: Certificate) throws(TLSError) {
        // Key identifiers are made from both certificates, so the context needs them.
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer.pointer, certificate, nil, nil, 0)
        for (identifier, value) in extensions {
            guard let made = X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
                throw issuingFailure("extension \(String(cString: OBJ_nid2sn(identifier)))")
            }
            defer { X509_EXTENSION_free(made) }
            guard X509_add_ext(certificate, made, -1) == 1 else { throw issuingFailure("extension") }
        }
    }
}

/// What OpenSSL says went wrong while making `part`.
func issuingFailure(_ part: String) -> TLSError {
    .issuing("\(part): \(OpenSSLFailure.take().text)")
}
