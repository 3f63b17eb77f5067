import COpenSSL
import Vocabulary

/// A small certificate authority: one self-signed root, ECDSA P-256 throughout, that issues leaves directly.
///
/// The root carries the trust domain as its URI (`spiffe://apus.local`), so that a loaded authority knows it.
///
/// - Isolation: one thread at a time; it is used from the command line and at start.
/// - Source: SPIFFE X.509-SVID; RFC 5280.
package final class CertificateAuthority {
    /// Such as `apus.local`.
    package let trustDomain: String
    let root: Certificate
    let key: PrivateKey

    /// The trust domain used unless told otherwise.
    package static let defaultTrustDomain = "apus.local"

    /// A new authority with a new key.
    ///
    /// - Throws: `TLSError.invalidName` for a trust domain that SPIFFE does not allow, `.issuing`.
    package convenience init(
        creatingFor trustDomain: String = CertificateAuthority.defaultTrustDomain, validity: CertificateValidity
    ) throws(TLSError) {
        try checkTrustDomain(trustDomain)
        let key = try PrivateKey.generate()
        let builder = CertificateBuilder(
            commonName: "Apus certificate authority of \(trustDomain)", validity: validity,
            extensions: [
                (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
                (NID_key_usage, "critical,keyCertSign,cRLSign"),
                (NID_subject_key_identifier, "hash"),
                (NID_subject_alt_name, "URI:spiffe://\(trustDomain)"),
            ])
        let root = try builder.sign(key: key, issuer: nil, issuerKey: key)
        self.init(root: root, key: key, trustDomain: trustDomain)
    }

    /// The authority that a folder's `ca.pem` and `ca.key` hold.
    ///
    /// - Throws: `TLSError.unusableFile` when they do not parse, do not belong together, or are not an authority's.
    package convenience init(certificate: PEM, privateKey: PEM) throws(TLSError) {
        guard let root = try Certificate.list(in: certificate).first else {
            throw .unusableFile(source: certificate.source, reason: "holds no certificate")
        }
        guard root.isAuthority else {
            throw .unusableFile(source: certificate.source, reason: "\(root.subject) is not a certificate authority")
        }
        let key = try PrivateKey(privateKey)
        guard X509_check_private_key(root.pointer, key.pointer) == 1 else {
            ERR_clear_error()
            throw .unusableFile(
                source: privateKey.source, reason: "is not the key of the certificate in \(certificate.source)")
        }
        let scheme = "spiffe://"
        guard let uri = uriNames(of: root.pointer).first ?? nil, uri.hasPrefix(scheme) else {
            throw .unusableFile(source: certificate.source, reason: "names no trust domain (spiffe://DOMAIN)")
        }
        let trustDomain = String(uri.dropFirst(scheme.count))
        try checkTrustDomain(trustDomain)
        self.init(root: root, key: key, trustDomain: trustDomain)
    }

    private init(root: Certificate, key: PrivateKey, trustDomain: String) {
        self.root = root
        self.key = key
        self.trustDomain = trustDomain
    }

    /// The authority's certificate and key as PEM text.
    ///
    /// - Throws: `TLSError.issuing`.
    package func export() throws(TLSError) -> IssuedCertificate {
        IssuedCertificate(certificate: try root.pem(), privateKey: try key.pem())
    }

    /// Issues a certificate with a new key.
    ///
    /// - Throws: `TLSError.invalidName` for a server without a name, `.issuing`.
    package func issue(_ purpose: CertificatePurpose, validity: CertificateValidity) throws(TLSError)
        -> IssuedCertificate
    {
        switch purpose {
        case .server(let names):
            guard let first = names.first else { throw .invalidName("a server's certificate needs at least one name") }
            return try issueLeaf(
                commonName: first.description, usage: "serverAuth",
                names: names.map(\.configuration).joined(separator: ","), validity: validity)
        case .client(let principal):
            let path = principal.spiffePath
            return try issueLeaf(
                commonName: String(path.dropFirst()), usage: "clientAuth",
                names: "URI:spiffe://\(trustDomain)\(path)", validity: validity)
        }
    }

    /// Issues a leaf whose alternative names are given in the notation of x509v3_config(5).
    ///
    /// Below `package`, because it would sign anything: the tests make wrong certificates with it.
    func issueLeaf(
        commonName: String, usage: String, names: String?, validity: CertificateValidity,
        keyUsage: String = "critical,digitalSignature", constraints: String = "critical,CA:FALSE"
    ) throws(TLSError) -> IssuedCertificate {
        let leafKey = try PrivateKey.generate()
        var builder = CertificateBuilder(
            commonName: commonName, validity: validity,
            extensions: [
                (NID_basic_constraints, constraints),
                (NID_key_usage, keyUsage),
                (NID_ext_key_usage, usage),
                (NID_subject_key_identifier, "hash"),
                (NID_authority_key_identifier, "keyid:always"),
            ])
        if let names { builder.extensions.append((NID_subject_alt_name, names)) }
        let leaf = try builder.sign(key: leafKey, issuer: root, issuerKey: key)
        return IssuedCertificate(certificate: try leaf.pem(), privateKey: try leafKey.pem())
    }
}

/// Refuses what could not stand in a SPIFFE URI, asking the one judge of such URIs.
private func checkTrustDomain(_ trustDomain: String) throws(TLSError) {
    guard PeerIdentity(spiffeURI: "spiffe://\(trustDomain)/role/admin") != nil else {
        throw .invalidName(
            "\"\(trustDomain)\" is no trust domain: expected 1 to 255 lower-case letters, digits, dots, hyphens or "
                + "underscores"
        )
    }
}
