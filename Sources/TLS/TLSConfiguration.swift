/// What a server needs: its own certificate and key, and whose client certificates it believes.
package struct TLSServerConfiguration: Sendable {
    /// The server's certificate first, then the intermediates that sign it.
    package var certificateChain: PEM
    /// The unencrypted private key of the first certificate.
    package var privateKey: PEM
    /// The authorities that may have signed a client's certificate; nobody else's client gets in.
    package var clientAuthorities: PEM
    /// Lists of certificates taken back.
    ///
    /// When there is one, every authority of a client's chain must have one that has not expired and names no
    /// certificate of the chain. Without any, nothing is looked up.
    package var revocationLists: [PEM]
    /// The trust domain that a client's identity must be of; nil for any.
    package var trustDomain: String?

    package init(certificateChain: PEM, privateKey: PEM, clientAuthorities: PEM, revocationLists: [PEM] = []) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
        self.clientAuthorities = clientAuthorities
        self.revocationLists = revocationLists
    }
}

/// What a client needs: whose server certificates it believes, and the certificate that says who it is.
package struct TLSClientConfiguration: Sendable {
    /// The authorities that may have signed the server's certificate.
    package var serverAuthorities: PEM
    /// The client's certificate, then intermediates; nil for a client that has none, which Apus servers refuse.
    package var certificateChain: PEM?
    /// The unencrypted private key of the first certificate; present exactly when `certificateChain` is.
    package var privateKey: PEM?
    /// As of a server, for the chain of the server's certificate.
    package var revocationLists: [PEM] = []

    package init(serverAuthorities: PEM, certificateChain: PEM? = nil, privateKey: PEM? = nil) {
        self.serverAuthorities = serverAuthorities
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }
}
