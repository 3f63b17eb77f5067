package import Vocabulary

/// The files that a client's context is made of, by their paths: read at start, and again when they have changed.
package struct ClientCredentialFiles: Hashable, Sendable {
    /// The authorities that may have signed the server's certificate.
    package var serverAuthoritiesPath: String
    /// Nil for a client that has none.
    package var certificatePath: String?
    /// Present exactly when `certificatePath` is.
    package var keyPath: String?

    package init(serverAuthoritiesPath: String, certificatePath: String?, keyPath: String?) {
        self.serverAuthoritiesPath = serverAuthoritiesPath
        self.certificatePath = certificatePath
        self.keyPath = keyPath
    }

    /// Reads all of them.
    ///
    /// - Throws: `TLSError.unusableFile` naming the file that cannot be read.
    package func read() throws(TLSError) -> TLSClientConfiguration {
        TLSClientConfiguration(
            serverAuthorities: try PEM(contentsOf: serverAuthoritiesPath),
            certificateChain: try certificatePath.map { path throws(TLSError) in try PEM(contentsOf: path) },
            privateKey: try keyPath.map { path throws(TLSError) in try PEM(contentsOf: path) })
    }

    /// What tells the files from those that were there before, without reading them.
    package var fingerprint: FileFingerprint {
        FileFingerprint(paths: [serverAuthoritiesPath] + [certificatePath, keyPath].compactMap(\.self))
    }
}
