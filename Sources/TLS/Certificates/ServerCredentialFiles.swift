import Glibc
package import Vocabulary

/// The files that a server's context is made of, by their paths: read at start, and again when they change.
package struct ServerCredentialFiles: Hashable, Sendable {
    package var certificatePath: String
    package var keyPath: String
    package var clientAuthoritiesPath: String
    /// A file of revocation lists, or a folder whose `.crl` and `.pem` files hold some; nil for none.
    package var revocationPath: String?
    /// Whether nothing at `revocationPath` means no list, instead of an error.
    package var revocationIsOptional = false

    /// The most files that a folder of revocation lists may hold.
    package static let revocationFileCountMax = 256

    package init(
        certificatePath: String, keyPath: String, clientAuthoritiesPath: String, revocationPath: String? = nil,
        revocationIsOptional: Bool = false
    ) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.clientAuthoritiesPath = clientAuthoritiesPath
        self.revocationPath = revocationPath
        self.revocationIsOptional = revocationIsOptional
    }

    /// Reads all of them.
    ///
    /// - Throws: `TLSError.unusableFile` naming the file that cannot be read, or a folder without lists.
    package func read() throws(TLSError) -> TLSServerConfiguration {
        var lists: [PEM] = []
        for path in try revocationListPaths() { lists.append(try PEM(contentsOf: path)) }
        return TLSServerConfiguration(
            certificateChain: try PEM(contentsOf: certificatePath), privateKey: try PEM(contentsOf: keyPath),
            clientAuthorities: try PEM(contentsOf: clientAuthoritiesPath), revocationLists: lists)
    }

    /// What tells the files from those that were there before, without reading them.
    ///
    /// Symbolic links are followed, so that a link that now leads elsewhere counts as a change.
    package var fingerprint: FileFingerprint {
        let lists = (try? revocationListPaths()) ?? revocationPath.map { [$0] } ?? []
        return FileFingerprint(paths: [certificatePath, keyPath, clientAuthoritiesPath] + lists)
    }

    private func revocationListPaths() throws(TLSError) -> [String] {
        guard let path = revocationPath, !(revocationIsOptional && !FileWriter.exists(path)) else { return [] }
        guard FileWriter.isFolder(path) else { return [path] }
        guard let names = FileWriter.names(inFolder: path) else {
            throw .unusableFile(source: path, reason: String(cString: strerror(errno)))
        }
        // A leading dot is how a folder that is replaced by a link hides its older contents.
        let lists = names.filter { !$0.hasPrefix(".") && ($0.hasSuffix(".crl") || $0.hasSuffix(".pem")) }
        guard (1...Self.revocationFileCountMax).contains(lists.count) else {
            throw .unusableFile(
                source: path,
                reason: "expected 1 to \(Self.revocationFileCountMax) files .crl or .pem, found \(lists.count)")
        }
        return lists.sorted().map { "\(path)/\($0)" }
    }
}
