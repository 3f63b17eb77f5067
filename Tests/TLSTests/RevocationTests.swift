import COpenSSL
import Glibc
import Testing
import Vocabulary

@testable import TLS

@Suite("A revocation list")
struct RevocationTests {
    let fixtures: Fixtures
    private let now = Fixtures.now

    init() throws { fixtures = try Fixtures() }

    private func validity(_ from: Int64 = -60, _ to: Int64 = 3_600) -> CertificateValidity {
        CertificateValidity(notBefore: now + from, notAfter: now + to)
    }

    /// A list of `authority` that names `certificates`.
    private func list(
        _ certificates: [IssuedCertificate] = [], by authority: CertificateAuthority? = nil,
        validity: CertificateValidity? = nil
    ) throws -> PEM {
        var pem: PEM?
        let authority = authority ?? fixtures.authority
        for issued in certificates.map(Optional.some) + (certificates.isEmpty ? [nil] : []) {
            let added = try issued.map {
                (try #require(Certificate.list(in: PEM(source: "leaf", bytes: $0.certificate)).first), "leaf")
            }
            let made = try authority.list(after: pem, adding: added, validity: validity ?? self.validity())
            pem = PEM(source: "ca.crl", bytes: try made.pem())
        }
        return try #require(pem)
    }

    private func serverConfiguration(_ lists: [PEM], authorities: PEM? = nil) -> TLSServerConfiguration {
        TLSServerConfiguration(
            certificateChain: PEM(source: "server.pem", bytes: fixtures.server.certificate),
            privateKey: PEM(source: "server.key", bytes: fixtures.server.privateKey),
            clientAuthorities: authorities ?? fixtures.root, revocationLists: lists)
    }

    private func outcomes(_ client: IssuedCertificate, _ lists: [PEM], authorities: PEM? = nil) throws -> (
        client: TLSError?, server: TLSError?
    ) {
        let server = try TLSContext(server: serverConfiguration(lists, authorities: authorities))
        return try SessionPair(client: fixtures.clientContext(client), server: server).handshakeOutcomes()
    }

    @Test("shuts out whom it names, and nobody else")
    func revoked() throws {
        let other = try fixtures.client(names: "URI:spiffe://apus.local/tenant/other")
        let lists = [try list([fixtures.client])]
        let refused = try outcomes(fixtures.client, lists)
        #expect(refused.server == .peerRejected(.revoked, "certificate revoked"))
        #expect(refused.client == .alertReceived("certificate revoked"))
        let welcome = try outcomes(other, lists)
        #expect(welcome.server == nil && welcome.client == nil)
        #expect(try outcomes(fixtures.client, [list()]).server == nil, "an empty list names nobody")
    }

    @Test("grows: the next one names what the last one did, once, and has the next number")
    func growth() throws {
        let other = try fixtures.client(names: "URI:spiffe://apus.local/tenant/other")
        let pem = try list([fixtures.client, other, fixtures.client])
        let grown = try #require(RevocationList.list(in: pem).first)
        #expect(grown.count == 2 && grown.number == 3)
        #expect(grown.nextUpdate == now + 3_600)
        #expect(grown.issuer == "O = Apus, CN = Apus certificate authority of apus.local")
        for client in [fixtures.client, other] {
            #expect(try outcomes(client, [pem]).server?.label == "certificate_revoked")
        }
    }

    @Test("that has expired, or is missing for an authority, lets nobody in")
    func failsClosed() throws {
        let expired = try list(validity: validity(-7_200, -3_600))
        #expect(
            try outcomes(fixtures.client, [expired]).server == .peerRejected(.revocationUnknown, "CRL has expired"))
        let early = try list(validity: validity(3_600, 7_200))
        #expect(try outcomes(fixtures.client, [early]).server?.label == "revocation_unknown")
        // Two authorities, and a list of the other one only; they have different names, as real ones do.
        let stranger = try CertificateAuthority(creatingFor: "example.org", validity: Fixtures.validity)
        let both = PEM(
            source: "both.pem", bytes: joined(fixtures.root.bytes, try stranger.export().certificate))
        let lists = [try list(by: stranger)]
        #expect(
            try outcomes(fixtures.client, lists, authorities: both).server
                == .peerRejected(.revocationUnknown, "unable to get certificate CRL"))
        #expect(try outcomes(fixtures.client, lists + [list()], authorities: both).server == nil)
    }

    @Test("reaches intermediates: one that is taken back takes its leaves along")
    func intermediate() throws {
        let chain = try IntermediateChain()
        func label(_ lists: PEM...) throws -> String? {
            try outcomes(chain.client, lists, authorities: chain.rootPEM).server?.label
        }
        let leafList = try list(by: chain.intermediate)
        let rootList = try list(by: chain.root)
        #expect(try label(rootList, leafList) == nil)
        #expect(
            try label(list([chain.intermediateCertificate], by: chain.root), leafList) == "certificate_revoked")
        #expect(try label(list([chain.client], by: chain.intermediate), rootList) == "certificate_revoked")
        #expect(try label(rootList) == "revocation_unknown", "the intermediate has to have a list too")
    }

    @Test("is refused, with its file's name, when it is broken, empty or another's")
    func unusable() throws {
        func reason(_ pem: PEM) -> String? {
            do throws(TLSError) {
                _ = try TLSContext(server: serverConfiguration([pem]))
                return nil
            } catch {
                return error.description
            }
        }
        #expect(reason(PEM(source: "a.crl", bytes: Bytes(utf8: "x"))) == "a.crl: holds no revocation list")
        #expect(
            reason(PEM(source: "b.crl", bytes: fixtures.server.certificate)) == "b.crl: holds no revocation list")
        let impostor = PEM(source: "c.crl", bytes: try list(by: Fixtures().authority).bytes)
        #expect(
            reason(impostor)
                == "c.crl: O = Apus, CN = Apus certificate authority of apus.local has not signed the list")
        let whole = try list().bytes
        for count in stride(from: 1, to: whole.count - 1, by: 7) {
            #expect(reason(PEM(source: "d.crl", bytes: whole[0..<count])) != nil, "\(count) of \(whole.count) bytes")
        }
    }

    @Test("of a newer context is held against a session that began before it")
    func standingSession() throws {
        let pair = try SessionPair(client: fixtures.clientContext(fixtures.client), server: fixtures.serverContext())
        try pair.handshake()
        let leaf = try #require(pair.server.peerCertificates.first)
        #expect(X509_get_ext_count(leaf) == 0, "of the certificate only what a list looks for is left")
        #expect(try !TLSContext(server: serverConfiguration([])).revokesPeer(of: pair.server))
        #expect(try !TLSContext(server: serverConfiguration([list()])).revokesPeer(of: pair.server))
        #expect(try TLSContext(server: serverConfiguration([list([fixtures.client])])).revokesPeer(of: pair.server))
        let stranger = try CertificateAuthority(creatingFor: "example.org", validity: Fixtures.validity)
        #expect(try !TLSContext(server: serverConfiguration([list(by: stranger)])).revokesPeer(of: pair.server))
    }

    @Test("holds for a client and its server as well")
    func revokedServer() throws {
        var configuration = TLSClientConfiguration(
            serverAuthorities: fixtures.root,
            certificateChain: PEM(source: "client.pem", bytes: fixtures.client.certificate),
            privateKey: PEM(source: "client.key", bytes: fixtures.client.privateKey))
        configuration.revocationLists = [try list([fixtures.server])]
        let pair = try SessionPair(client: TLSContext(client: configuration), server: fixtures.serverContext())
        #expect(pair.handshakeOutcomes().client == .peerRejected(.revoked, "certificate revoked"))
    }

    @Test("is inspected with the rest of a server's files")
    func inspection() throws {
        let configuration = serverConfiguration([try list([fixtures.client])])
        let report = try configuration.inspect(at: now)
        #expect(report.certificateExpiry == Fixtures.validity.notAfter)
        #expect(report.authorityExpiry == Fixtures.validity.notAfter)
        #expect(report.revocationListExpiry == now + 3_600 && report.revokedCount == 1)
        for (time, file) in [
            (now + 3_601, "ca.crl: the list of "), (Fixtures.validity.notAfter + 1, "server.pem: O = Apus"),
            (now - 86_400, "server.pem: O = Apus"),
        ] {
            let error = #expect(throws: TLSError.self) { try configuration.inspect(at: time) }
            #expect(error?.description.hasPrefix(file) == true, "\(String(describing: error))")
        }
        let stranger = try CertificateAuthority(creatingFor: "example.org", validity: Fixtures.validity)
        let listOfAnother = serverConfiguration([try list(by: stranger)])
        #expect(
            throws: TLSError.unusableFile(
                source: "ca.crl", reason: "no list is of an authority in root: every client would be refused")
        ) { try listOfAnother.inspect(at: now) }
        var wrong = configuration
        wrong.certificateChain = PEM(source: "client.pem", bytes: fixtures.client.certificate)
        #expect(
            throws: TLSError.unusableFile(
                source: "client.pem", reason: "O = Apus, CN = tenant/acme is not for a server")
        ) { try wrong.inspect(at: now) }
    }
}

/// One PEM text behind another.
private func joined(_ first: Bytes, _ second: Bytes) -> Bytes {
    first.withUnsafeBytes { first in second.withUnsafeBytes { Bytes(Array(first) + Array($0)) } }
}

/// A root, an intermediate that it signed, and a client that the intermediate signed.
private struct IntermediateChain {
    let root: CertificateAuthority
    let rootPEM: PEM
    let intermediate: CertificateAuthority
    let intermediateCertificate: IssuedCertificate
    /// With the intermediate behind its leaf.
    let client: IssuedCertificate

    init() throws {
        // A root of our own making allows no intermediate: its path length is 0.
        let key = try PrivateKey.generate()
        let builder = CertificateBuilder(
            commonName: "Root", validity: Fixtures.validity,
            extensions: [
                (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
                (NID_subject_key_identifier, "hash"), (NID_subject_alt_name, "URI:spiffe://apus.local"),
            ])
        let certificate = try builder.sign(key: key, issuer: nil, issuerKey: key).pem()
        root = try CertificateAuthority(
            certificate: PEM(source: "root.pem", bytes: certificate),
            privateKey: PEM(source: "root.key", bytes: key.pem()))
        rootPEM = PEM(source: "root.pem", bytes: certificate)
        intermediateCertificate = try root.issueLeaf(
            commonName: "Intermediate", usage: "clientAuth", names: "URI:spiffe://apus.local",
            validity: Fixtures.validity, keyUsage: "critical,keyCertSign,cRLSign",
            constraints: "critical,CA:TRUE")
        intermediate = try CertificateAuthority(
            certificate: PEM(source: "intermediate.pem", bytes: intermediateCertificate.certificate),
            privateKey: PEM(source: "intermediate.key", bytes: intermediateCertificate.privateKey))
        let leaf = try intermediate.issue(.client(.tenant(TenantID("acme")!)), validity: Fixtures.validity)
        client = IssuedCertificate(
            certificate: joined(leaf.certificate, intermediateCertificate.certificate), privateKey: leaf.privateKey)
    }
}

@Suite("The revocation list of a folder")
struct FolderRevocationTests {
    let temporary = TemporaryFolder()
    var folder: CertificateFolder { CertificateFolder(path: temporary.path) }
    private let now = Fixtures.now

    @Test("is made by the first revocation, used from then on, and renewed")
    func life() throws {
        try folder.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        #expect(try folder.serverConfiguration().revocationLists.isEmpty)
        let first = try folder.revoke(certificateAt: "client.pem", now: now)
        #expect(first.path == "\(temporary.path)/ca.crl" && first.count == 1)
        #expect(first.nextUpdate == now + 365 * 86_400)
        #expect(temporary.mode(of: "ca.crl") == 0o644)
        let pair = try SessionPair(
            client: TLSContext(client: folder.clientConfiguration()),
            server: TLSContext(server: folder.serverConfiguration()))
        #expect(pair.handshakeOutcomes().server?.label == "certificate_revoked")
        #expect(try folder.renewRevocationList(dayCount: 7, now: now).count == 1)
        #expect(try folder.serverConfiguration().inspect(at: now).revocationListExpiry == now + 7 * 86_400)
    }

    @Test("can be empty, and is dropped with its authority")
    func replacement() throws {
        try folder.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        #expect(try folder.renewRevocationList(now: now).count == 0)
        #expect(throws: TLSError.fileExists(path: folder.authorityCertificatePath)) {
            try folder.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        }
        try folder.create(CertificateFolderPlan(), now: now, onConflict: .replace)
        #expect(!temporary.names.contains("ca.crl"))
    }

    @Test("takes no certificate of another authority, and no list of one")
    func strangers() throws {
        try folder.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        let other = TemporaryFolder()
        let stranger = CertificateFolder(path: other.path)
        try stranger.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        let path = stranger.clientCertificatePath
        #expect(
            throws: TLSError.unusableFile(
                source: path, reason: "was not issued by the authority of this folder")
        ) { try folder.revoke(certificateAt: path, now: now) }
        #expect(!temporary.names.contains("ca.crl"))
        _ = try stranger.renewRevocationList(now: now)
        try FileWriter.write(
            PEM(contentsOf: stranger.revocationListPath).bytes, to: folder.revocationListPath, mode: 0o644,
            onConflict: .refuse)
        #expect(throws: TLSError.self) { try folder.revoke(certificateAt: "client.pem", now: now) }
    }
}

@Suite("The files of a server")
struct ServerCredentialFilesTests {
    let temporary = TemporaryFolder()
    private let now = Fixtures.now

    @Test("have a fingerprint that changes when one is written, replaced, linked elsewhere, removed or added")
    func fingerprint() throws {
        let folder = CertificateFolder(path: temporary.path)
        try folder.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        let files = folder.serverFiles
        var seen = [files.fingerprint]
        func expectChange(_ what: String) {
            #expect(!seen.contains(files.fingerprint), "\(what)")
            #expect(files.fingerprint == files.fingerprint)
            seen.append(files.fingerprint)
        }
        #expect(files.fingerprint == seen[0])
        _ = try folder.issue(.server([.dns("localhost")]), now: now, onConflict: .replace)
        expectChange("replaced")
        _ = try folder.renewRevocationList(now: now)
        expectChange("added")
        unlink(folder.revocationListPath)
        #expect(files.fingerprint == seen[1], "as before the list")
        rename(folder.serverKeyPath, "\(temporary.path)/other.key")
        expectChange("removed")
        symlink("other.key", folder.serverKeyPath)
        expectChange("a link")
        _ = try folder.issue(.client(.admin), now: now, onConflict: .refuse)
        #expect(files.fingerprint == seen.last, "another file is nothing to it")
    }

    @Test("may take their lists from a folder, where names with a dot first do not count")
    func folderOfLists() throws {
        let folder = CertificateFolder(path: temporary.path)
        try folder.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        let lists = TemporaryFolder()
        var files = folder.serverFiles
        (files.revocationPath, files.revocationIsOptional) = (lists.path, false)
        #expect(
            throws: TLSError.unusableFile(source: lists.path, reason: "expected 1 to 256 files .crl or .pem, found 0")
        ) { try files.read() }
        let list = try PEM(contentsOf: folder.renewRevocationList(now: now).path).bytes
        try FileWriter.write(list, to: "\(lists.path)/b.crl", mode: 0o644, onConflict: .refuse)
        let before = files.fingerprint
        try FileWriter.write(list, to: "\(lists.path)/a.pem", mode: 0o644, onConflict: .refuse)
        try FileWriter.write(list, to: "\(lists.path)/.hidden.crl", mode: 0o644, onConflict: .refuse)
        try FileWriter.write(list, to: "\(lists.path)/README", mode: 0o644, onConflict: .refuse)
        #expect(
            try files.read().revocationLists.map(\.source) == ["\(lists.path)/a.pem", "\(lists.path)/b.crl"])
        #expect(files.fingerprint != before)
        files.revocationPath = "\(lists.path)/absent.crl"
        #expect(throws: TLSError.self) { try files.read() }
    }
}
