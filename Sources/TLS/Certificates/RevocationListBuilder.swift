import COpenSSL
import Vocabulary

/// Makes and signs a revocation list, version 2, from an older one.
///
/// - Source: RFC 5280, section 5; X509_CRL_sign(3).
struct RevocationListBuilder {
    let authority: Certificate
    let key: PrivateKey
    /// From when until when the list is believed.
    let validity: CertificateValidity

    /// A list that names what `old` named, and `certificate`.
    ///
    /// - Throws: `TLSError.issuing`.
    func sign(after old: RevocationList?, adding certificate: Certificate?) throws(TLSError) -> RevocationList {
        ERR_clear_error()
        guard let pointer = X509_CRL_new() else { throw issuingFailure("revocation list") }
        let list = RevocationList(owning: pointer)
        // Version 2 is written as 1.
        guard X509_CRL_set_version(pointer, 1) == 1,
            X509_CRL_set_issuer_name(pointer, X509_get_subject_name(authority.pointer)) == 1
        else { throw issuingFailure("revocation list") }
        try setTimes(pointer)
        try copyEntries(of: old, to: pointer)
        if let certificate, old?.revokes(certificate.pointer) != true { try add(certificate, to: pointer) }
        try addExtensions(pointer, number: (old?.number ?? 0) + 1)
        guard X509_CRL_sort(pointer) == 1, X509_CRL_sign(pointer, key.pointer, EVP_sha256()) > 0 else {
            throw issuingFailure("signature")
        }
        return list
    }

    private func setTimes(_ list: OpaquePointer) throws(TLSError) {
        guard let begin = ASN1_TIME_set(nil, Int(validity.notBefore)) else { throw issuingFailure("time") }
        defer { ASN1_STRING_free(begin) }
        guard let end = ASN1_TIME_set(nil, Int(validity.notAfter)) else { throw issuingFailure("time") }
        defer { ASN1_STRING_free(end) }
        guard X509_CRL_set1_lastUpdate(list, begin) == 1, X509_CRL_set1_nextUpdate(list, end) == 1 else {
            throw issuingFailure("time")
        }
    }

    private func copyEntries(of old: RevocationList?, to list: OpaquePointer) throws(TLSError) {
        guard let old, let entries = X509_CRL_get_REVOKED(old.pointer) else { return }
        for index in 0..<apus_sk_X509_REVOKED_num(entries) {
            guard let copy = X509_REVOKED_dup(apus_sk_X509_REVOKED_value(entries, index)) else {
                throw issuingFailure("entry")
            }
            // add0: the list owns the entry from here on.
            guard X509_CRL_add0_revoked(list, copy) == 1 else {
                X509_REVOKED_free(copy)
                throw issuingFailure("entry")
            }
        }
    }

    private func add(_ certificate: Certificate, to list: OpaquePointer) throws(TLSError) {
        guard let entry = X509_REVOKED_new() else { throw issuingFailure("entry") }
        guard let now = ASN1_TIME_set(nil, Int(validity.notBefore)) else {
            X509_REVOKED_free(entry)
            throw issuingFailure("time")
        }
        defer { ASN1_STRING_free(now) }
        guard X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.pointer)) == 1,
            X509_REVOKED_set_revocationDate(entry, now) == 1, X509_CRL_add0_revoked(list, entry) == 1
        else {
            X509_REVOKED_free(entry)
            throw issuingFailure("entry")
        }
    }

    /// The number, which grows from list to list, and whose key has signed it.
    private func addExtensions(_ list: OpaquePointer, number: Int) throws(TLSError) {
        guard let value = ASN1_INTEGER_new(), ASN1_INTEGER_set(value, number) == 1 else {
            throw issuingFailure("list number")
        }
        defer { ASN1_INTEGER_free(value) }
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, authority.pointer, nil, nil, list, 0)
        guard X509_CRL_add1_ext_i2d(list, NID_crl_number, UnsafeMutableRawPointer(value), 0, 0) == 1,
            let identifier = X509V3_EXT_conf_nid(nil, &context, NID_authority_key_identifier, "keyid:always")
        else { throw issuingFailure("extension") }
        defer { X509_EXTENSION_free(identifier) }
        guard X509_CRL_add_ext(list, identifier, -1) == 1 else { throw issuingFailure("extension") }
    }
}

extension RevocationList {
    /// Its place in the sequence of its authority's lists; nil when it has none.
    var number: Int? {
        guard let value = X509_CRL_get_ext_d2i(pointer, NID_crl_number, nil, nil) else { return nil }
        let integer = value.assumingMemoryBound(to: ASN1_INTEGER.self)
        defer { ASN1_INTEGER_free(integer) }
        let number = ASN1_INTEGER_get(integer)
        return number >= 0 ? number : nil
    }

    /// The list as PEM text.
    func pem() throws(TLSError) -> Bytes {
        guard let text = memoryText({ PEM_write_bio_X509_CRL($0, pointer) == 1 ? 0 : -1 }) else {
            throw issuingFailure("PEM of a revocation list")
        }
        return Bytes(utf8: text)
    }
}
