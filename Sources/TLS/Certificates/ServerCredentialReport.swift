import COpenSSL
import Vocabulary

/// Until when what a server read can be used; times in seconds since 1970.
package struct ServerCredentialReport: Hashable, Sendable {
    /// The end of the server's certificate, or of an intermediate that ends before it.
    package let certificateExpiry: Int64
    /// When the last of the clients' authorities ends.
    package let authorityExpiry: Int64
    /// When the first of the revocation lists ends, from when on its clients are refused; nil without lists.
    package let revocationListExpiry: Int64?
    /// Certificates that the lists name.
    package let revokedCount: Int
}

extension TLSServerConfiguration {
    /// Checks what only the date and the purpose can show; `TLSContext.init` checks the rest.
    ///
    /// Why refuse what has expired: clients would refuse the certificate, and the server its clients for an expired
    /// list, one by one and for hours; a start that fails, or a reload that keeps the old files, is seen at once.
    ///
    /// - Parameter now: in seconds since 1970.
    /// - Returns: until when all of it holds.
    /// - Throws: `TLSError.unusableFile`.
    package func inspect(at now: Int64) throws(TLSError) -> ServerCredentialReport {
        let chain = try Certificate.list(in: certificateChain)
        guard let leaf = chain.first else {
            throw .unusableFile(source: certificateChain.source, reason: "holds no certificate")
        }
        guard X509_check_purpose(leaf.pointer, X509_PURPOSE_SSL_SERVER, 0) == 1 else {
            ERR_clear_error()
            throw .unusableFile(source: certificateChain.source, reason: "\(leaf.subject) is not for a server")
        }
        var certificateExpiry = Int64.max
        for certificate in chain {
            certificateExpiry = min(
                certificateExpiry, try certificate.expiry(after: now, in: certificateChain.source))
        }
        var authorityExpiry: Int64?
        for authority in try Certificate.list(in: clientAuthorities) {
            guard let end = authority.validity?.notAfter else { continue }
            authorityExpiry = max(authorityExpiry ?? end, end)
        }
        guard let authorityExpiry, authorityExpiry >= now else {
            throw .unusableFile(source: clientAuthorities.source, reason: "every authority in it has expired")
        }
        let lists = try inspectLists(at: now)
        return ServerCredentialReport(
            certificateExpiry: certificateExpiry, authorityExpiry: authorityExpiry,
            revocationListExpiry: lists.expiry, revokedCount: lists.revokedCount)
    }

    private func inspectLists(at now: Int64) throws(TLSError) -> (expiry: Int64?, revokedCount: Int) {
        var expiry: Int64?
        var revokedCount = 0
        for file in revocationLists {
            for list in try RevocationList.list(in: file) {
                revokedCount += list.count
                guard let end = list.nextUpdate else { continue }
                guard end >= now else {
                    throw .unusableFile(
                        source: file.source, reason: "the list of \(list.issuer) has expired: \(list.nextUpdateText)")
                }
                expiry = min(expiry ?? end, end)
            }
        }
        return (expiry, revokedCount)
    }
}

extension Certificate {
    /// When it expires; it holds at `now`.
    fileprivate func expiry(after now: Int64, in source: String) throws(TLSError) -> Int64 {
        guard let validity else { throw .unusableFile(source: source, reason: "\(subject) has no readable validity") }
        guard now <= validity.notAfter else {
            throw .unusableFile(
                source: source,
                reason: "\(subject) has expired: \(timeText(X509_get0_notAfter(pointer)))")
        }
        guard validity.notBefore <= now else {
            throw .unusableFile(
                source: source,
                reason: "\(subject) does not hold yet: \(timeText(X509_get0_notBefore(pointer)))")
        }
        return validity.notAfter
    }
}

extension RevocationList {
    fileprivate var nextUpdateText: String { timeText(X509_CRL_get0_nextUpdate(pointer)) }
}

/// A time as OpenSSL prints it: `Jan  1 00:00:00 2026 GMT`.
private func timeText(_ time: UnsafePointer<ASN1_TIME>?) -> String {
    guard let time else { return "?" }
    return memoryText { ASN1_TIME_print($0, time) == 1 ? 0 : -1 } ?? "?"
}
