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
    /// Digests of the keys of the authorities that can let a client in.
    let authorityKeys: Set<String>
    /// Whether one of these authorities has signed the server's certificate too.
    let isSelfContained: Bool

    /// Whether no client that `old` lets in would be let in any more.
    ///
    /// A set of files whose server's certificate is of the new authorities is another set as a whole, and meant;
    /// authorities that nothing of the old or the new set knows are a mistake, or half of a change.
    package func locksOutEveryone(letInBy old: ServerCredentialReport) -> Bool {
        !isSelfContained && authorityKeys.isDisjoint(with: old.authorityKeys)
    }
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
        let lists = try inspectLists(at: now)
        let authorities = try usableAuthorities(at: now, lists.all)
        return ServerCredentialReport(
            certificateExpiry: certificateExpiry,
            authorityExpiry: authorities.compactMap { $0.validity?.notAfter }.max() ?? now,
            revocationListExpiry: lists.expiry, revokedCount: lists.all.reduce(0) { $0 + $1.count },
            authorityKeys: Set(authorities.map(\.keyDigest)),
            isSelfContained: authorities.contains { authority in chain.contains(where: authority.hasSigned) })
    }

    /// The authorities whose clients can get in now: they hold, and have a list where lists are in use.
    ///
    /// - Throws: `TLSError.unusableFile` when there is none, which would lock everyone out.
    private func usableAuthorities(
        at now: Int64, _ lists: [RevocationList]
    ) throws(TLSError) -> [Certificate] {
        let valid = try Certificate.list(in: clientAuthorities).filter { authority in
            authority.validity.map { $0.notBefore <= now && now <= $0.notAfter } ?? false
        }
        guard !valid.isEmpty else {
            throw .unusableFile(
                source: clientAuthorities.source, reason: "no authority in it holds now: every client would be refused")
        }
        guard let source = revocationLists.first?.source else { return valid }
        let usable = valid.filter { authority in lists.contains { $0.isIssued(by: authority) } }
        guard !usable.isEmpty else {
            throw .unusableFile(
                source: source,
                reason: "no list is of an authority in \(clientAuthorities.source): every client would be refused")
        }
        return usable
    }

    private func inspectLists(at now: Int64) throws(TLSError) -> (expiry: Int64?, all: [RevocationList]) {
        var expiry: Int64?
        var all: [RevocationList] = []
        for file in revocationLists {
            for list in try RevocationList.list(in: file) {
                all.append(list)
                guard let end = list.nextUpdate else { continue }
                guard end >= now else {
                    throw .unusableFile(
                        source: file.source, reason: "the list of \(list.issuer) has expired: \(list.nextUpdateText)")
                }
                expiry = min(expiry ?? end, end)
            }
        }
        return (expiry, all)
    }
}

extension Certificate {
    /// The SHA-256 of the public key, as text.
    fileprivate var keyDigest: String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var byteCount: UInt32 = 0
        guard X509_pubkey_digest(pointer, EVP_sha256(), &digest, &byteCount) == 1 else { return "" }
        return digest.prefix(Int(byteCount)).map { String($0, radix: 16) }.joined(separator: " ")
    }

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
