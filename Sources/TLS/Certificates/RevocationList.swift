import COpenSSL
import Glibc
import Vocabulary

/// The certificates that an authority has taken back: a certificate revocation list.
///
/// - Source: RFC 5280, section 5.
final class RevocationList {
    let pointer: OpaquePointer

    /// Takes over a reference that the caller held.
    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    deinit { X509_CRL_free(pointer) }

    /// Every list of a PEM text.
    ///
    /// - Throws: `TLSError.unusableFile` when one of them does not parse, or there is none.
    static func list(in pem: PEM) throws(TLSError) -> [RevocationList] {
        var lists: [RevocationList] = []
        try pem.readAll(kind: "revocation list") { bio in
            guard let pointer = PEM_read_bio_X509_CRL(bio, nil, nil, nil) else { return false }
            lists.append(RevocationList(owning: pointer))
            return true
        }
        guard !lists.isEmpty else { throw .unusableFile(source: pem.source, reason: "holds no revocation list") }
        return lists
    }

    /// Who says so, in one line.
    var issuer: String {
        memoryText { X509_NAME_print_ex($0, X509_CRL_get_issuer(pointer), 0, apus_XN_FLAG_ONELINE()) } ?? "?"
    }

    /// When the next list is due, in seconds since 1970; nil when it does not say, or not legibly.
    ///
    /// From then on this one is not believed any more.
    var nextUpdate: Int64? { X509_CRL_get0_nextUpdate(pointer).flatMap(secondsSince1970) }

    /// How many certificates it names.
    var count: Int { Int(apus_sk_X509_REVOKED_num(X509_CRL_get_REVOKED(pointer))) }

    /// Whether `certificate` is one that the list is for: it has the same issuer.
    func isIssued(by certificate: Certificate) -> Bool {
        X509_NAME_cmp(X509_CRL_get_issuer(pointer), X509_get_subject_name(certificate.pointer)) == 0
    }

    /// Whether `authority` has signed the list.
    func isSigned(by authority: Certificate) -> Bool {
        guard let key = X509_get0_pubkey(authority.pointer) else { return false }
        defer { ERR_clear_error() }
        return X509_CRL_verify(pointer, key) == 1
    }

    /// Whether it names a certificate.
    func revokes(_ certificate: OpaquePointer) -> Bool {
        var entry: OpaquePointer?
        // 2 stands for an entry that takes a revocation back, as for a certificate on hold.
        return X509_CRL_get0_by_cert(pointer, &entry, certificate) == 1
    }
}

/// The seconds since 1970 of a time as certificates and lists have them.
func secondsSince1970(_ time: UnsafePointer<ASN1_TIME>) -> Int64? {
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    return Int64(timegm(&parts))
}
