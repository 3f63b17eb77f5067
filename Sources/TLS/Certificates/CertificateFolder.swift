package import Vocabulary

/// A folder of certificates as `apus serve` and `apus call` use them: an authority, a server's and a client's.
///
/// ```
/// ca.pem      what every peer must have       ca.key      signs certificates; a secret
/// server.pem  the server's certificate        server.key  a secret
/// client.pem  the client's certificate        client.key  a secret
/// ca.crl      certificates taken back; only once one was
/// ```
package struct CertificateFolder: Hashable, Sendable {
    /// Without a slash at its end.
    package let path: String

    package init(path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    package var authorityCertificatePath: String { "\(path)/ca.pem" }
    package var authorityKeyPath: String { "\(path)/ca.key" }
    package var serverCertificatePath: String { "\(path)/server.pem" }
    package var serverKeyPath: String { "\(path)/server.key" }
    package var clientCertificatePath: String { "\(path)/client.pem" }
    package var clientKeyPath: String { "\(path)/client.key" }
    package var revocationListPath: String { "\(path)/ca.crl" }

    /// What a server reads; a revocation list is used from when there is one.
    package var serverFiles: ServerCredentialFiles {
        ServerCredentialFiles(
            certificatePath: serverCertificatePath, keyPath: serverKeyPath,
            clientAuthoritiesPath: authorityCertificatePath, revocationPath: revocationListPath,
            revocationIsOptional: true)
    }

    /// What the server's and the client's context are made of.
    ///
    /// - Throws: `TLSError.unusableFile` naming the file that cannot be read.
    package func serverConfiguration() throws(TLSError) -> TLSServerConfiguration {
        try serverFiles.read()
    }

    /// What a client's context is made of.
    ///
    /// - Throws: `TLSError.unusableFile` naming the file that cannot be read.
    package func clientConfiguration() throws(TLSError) -> TLSClientConfiguration {
        TLSClientConfiguration(
            serverAuthorities: try PEM(contentsOf: authorityCertificatePath),
            certificateChain: try PEM(contentsOf: clientCertificatePath),
            privateKey: try PEM(contentsOf: clientKeyPath))
    }

    /// The authority, to issue more certificates.
    ///
    /// - Throws: `TLSError.unusableFile`.
    package func authority() throws(TLSError) -> CertificateAuthority {
        try CertificateAuthority(
            certificate: try PEM(contentsOf: authorityCertificatePath),
            privateKey: try PEM(contentsOf: authorityKeyPath))
    }

    /// The six files.
    var paths: [String] {
        [
            authorityCertificatePath, authorityKeyPath, serverCertificatePath, serverKeyPath, clientCertificatePath,
            clientKeyPath,
        ]
    }
}

/// Whom the certificates of a new folder are for.
package struct CertificateFolderPlan: Hashable, Sendable {
    package var trustDomain = CertificateAuthority.defaultTrustDomain
    /// The names the server is reached by; unless told otherwise, this machine as it calls itself.
    package var serverNames: [ServerName] = [.dns("localhost"), .address("127.0.0.1"), .address("::1")]
    /// The tenant of `client.pem`.
    package var tenant = TenantID("local")!
    package var authorityDayCount = CertificateValidity.authorityDayCount
    package var leafDayCount = CertificateValidity.leafDayCount

    package init() {}
}
