import Testing
import Vocabulary

@testable import TLS

@Suite("A report on a server's files")
struct ServerCredentialReportTests {
    private let now = Fixtures.now

    private func report(_ server: Fixtures, authorities: Fixtures...) throws -> ServerCredentialReport {
        let text = authorities.flatMap { fixtures in fixtures.root.bytes.withUnsafeBytes { Array($0) } }
        return try TLSServerConfiguration(
            certificateChain: PEM(source: "server.pem", bytes: server.server.certificate),
            privateKey: PEM(source: "server.key", bytes: server.server.privateKey),
            clientAuthorities: PEM(source: "ca.pem", bytes: Bytes(text))
        ).inspect(at: now)
    }

    @Test("tells new authorities that let in nobody whom the old ones did")
    func lockout() throws {
        let (first, second, third) = (try Fixtures(), try Fixtures(), try Fixtures())
        let old = try report(first, authorities: first)
        #expect(!(try report(first, authorities: first)).locksOutEveryone(letInBy: old))
        #expect(!(try report(first, authorities: first, second)).locksOutEveryone(letInBy: old), "one more")
        #expect(try report(first, authorities: second).locksOutEveryone(letInBy: old), "the wrong file")
        #expect(try report(third, authorities: second).locksOutEveryone(letInBy: old))
        #expect(!(try report(second, authorities: second)).locksOutEveryone(letInBy: old), "another set as a whole")
    }

    @Test("refuses a bundle none of whose authorities holds yet, or any more")
    func deadBundle() throws {
        let fixtures = try Fixtures()
        for (from, to) in [(-7_200, -3_600), (3_600, 7_200)] as [(Int64, Int64)] {
            let authority = try CertificateAuthority(
                validity: CertificateValidity(notBefore: now + from, notAfter: now + to))
            let configuration = TLSServerConfiguration(
                certificateChain: PEM(source: "server.pem", bytes: fixtures.server.certificate),
                privateKey: PEM(source: "server.key", bytes: fixtures.server.privateKey),
                clientAuthorities: PEM(source: "ca.pem", bytes: try authority.export().certificate))
            #expect(
                throws: TLSError.unusableFile(
                    source: "ca.pem", reason: "no authority in it holds now: every client would be refused")
            ) { try configuration.inspect(at: now) }
        }
    }
}

@Suite("A PEM text")
struct PEMTests {
    @Test("that is cut short anywhere is not read as a shorter list")
    func cutBundle() throws {
        let (first, second) = (try Fixtures().root.bytes, try Fixtures().root.bytes)
        let all = [first, second].flatMap { bytes in bytes.withUnsafeBytes { Array($0) } }
        #expect(try Certificate.list(in: PEM(source: "ca.pem", bytes: Bytes(all))).count == 2)
        // From the first byte of the second certificate to the last but its newline.
        for count in first.count + 1..<all.count - 1 {
            let cut = PEM(source: "ca.pem", bytes: Bytes(Array(all[..<count])))
            #expect(throws: TLSError.self, "\(count) of \(all.count) bytes") { try Certificate.list(in: cut) }
        }
    }

    @Test("may have words around its objects, also between lines of hyphens and with CRLF")
    func comments() throws {
        let root = try Fixtures().root.bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        let text = "The old one\n--- until 2027 ---\n\(root)\n- a note\n\(root)and no more"
        #expect(try Certificate.list(in: PEM(source: "ca.pem", bytes: Bytes(utf8: text))).count == 2)
        let windows = root.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
        #expect(try Certificate.list(in: PEM(source: "ca.pem", bytes: Bytes(utf8: windows))).count == 1)
    }
}

@Suite("A context source")
struct TLSContextSourceTests {
    let temporary = TemporaryFolder()
    private let now = Fixtures.now

    private func copy(_ from: String, _ to: String) throws {
        try FileWriter.write(PEM(contentsOf: from).bytes, to: to, mode: 0o600, onConflict: .replace)
    }

    @Test("that follows a client's files shows the new certificate once it and its key are there, and not before")
    func following() throws {
        let folder = CertificateFolder(path: temporary.path)
        try folder.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        let issued = try folder.issue(.client(.tenant(TenantID("acme")!)), now: now, onConflict: .refuse)
        let server = try TLSContext(server: folder.serverConfiguration())
        let source = try TLSContextSource(
            following: ClientCredentialFiles(
                serverAuthoritiesPath: folder.authorityCertificatePath, certificatePath: folder.clientCertificatePath,
                keyPath: folder.clientKeyPath))
        func tenant() throws -> PeerIdentity.Principal? {
            let pair = try SessionPair(client: source.current, server: server)
            try pair.handshake()
            return pair.server.peerIdentity?.principal
        }
        let first = source.current
        #expect(source.current === first, "nothing has changed")
        #expect(try tenant() == .tenant(TenantID("local")!))
        try copy(issued.certificatePath, folder.clientCertificatePath)
        #expect(source.current === first, "the key is still the old one's")
        try copy(issued.keyPath, folder.clientKeyPath)
        #expect(source.current !== first)
        #expect(try tenant() == .tenant(TenantID("acme")!))
        FileWriter.remove(folder.clientCertificatePath)
        #expect(try tenant() == .tenant(TenantID("acme")!), "a file that is gone leaves the old context")
    }
}
