import Vocabulary

extension CertificateFolder {
    /// What a revocation list of a folder says.
    package struct RevocationSummary: Hashable, Sendable {
        /// Where it was written.
        package let path: String
        /// Certificates that it names.
        package let count: Int
        /// Until when it is believed, in seconds since 1970.
        package let nextUpdate: Int64
    }

    /// Takes back a certificate that the folder's authority has issued, by naming it in `ca.crl`.
    ///
    /// A relative path is looked for as it is, and then in the folder. Naming it twice does no harm.
    ///
    /// - Throws: `TLSError.unusableFile`, also when another authority has issued the certificate; `.issuing`.
    package func revoke(
        certificateAt path: String, dayCount: Int = CertificateValidity.listDayCount, now: Int64
    ) throws(TLSError) -> RevocationSummary {
        let inFolder = "\(self.path)/\(path)"
        let pem = try PEM(contentsOf: !FileWriter.exists(path) && FileWriter.exists(inFolder) ? inFolder : path)
        guard let certificate = try Certificate.list(in: pem).first else {
            throw .unusableFile(source: pem.source, reason: "holds no certificate")
        }
        return try writeList(adding: (certificate, pem.source), dayCount: dayCount, now: now)
    }

    /// Writes `ca.crl` anew with the certificates that it names already, none at first, for another `dayCount` days.
    ///
    /// - Throws: `TLSError.unusableFile`, `.issuing`.
    package func renewRevocationList(
        dayCount: Int = CertificateValidity.listDayCount, now: Int64
    ) throws(TLSError) -> RevocationSummary {
        try writeList(adding: nil, dayCount: dayCount, now: now)
    }

    private func writeList(
        adding added: (certificate: Certificate, source: String)?, dayCount: Int, now: Int64
    ) throws(TLSError) -> RevocationSummary {
        let path = revocationListPath
        let authority = try authority()
        let old = FileWriter.exists(path) ? try PEM(contentsOf: path) : nil
        let list = try authority.list(
            after: old, adding: added, validity: CertificateValidity(dayCount: dayCount, from: now))
        try FileWriter.write(try list.pem(), to: path, mode: 0o644, onConflict: .replace)
        return RevocationSummary(path: path, count: list.count, nextUpdate: now + Int64(dayCount) * 86_400)
    }
}

extension CertificateAuthority {
    /// The authority's next revocation list.
    ///
    /// - Throws: `TLSError.unusableFile` when the old list or the certificate is another authority's; `.issuing`.
    func list(
        after old: PEM?, adding added: (certificate: Certificate, source: String)?, validity: CertificateValidity
    ) throws(TLSError) -> RevocationList {
        var oldList: RevocationList?
        if let old {
            oldList = try RevocationList.list(in: old).first
            guard oldList?.isSigned(by: root) == true else {
                throw .unusableFile(source: old.source, reason: "is not signed by the authority of this folder")
            }
        }
        if let added, !root.hasSigned(added.certificate) {
            throw .unusableFile(source: added.source, reason: "was not issued by the authority of this folder")
        }
        return try RevocationListBuilder(authority: root, key: key, validity: validity)
            .sign(after: oldList, adding: added?.certificate)
    }
}
