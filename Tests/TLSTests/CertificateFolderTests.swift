import Foundation
import Testing
import Vocabulary

@testable import TLS

@Suite("A folder of certificates")
struct CertificateFolderTests {
    let temporary = TemporaryFolder()
    var folder: CertificateFolder { CertificateFolder(path: temporary.path) }
    let plan = CertificateFolderPlan()

    @Test("is made once, with keys that only the owner may read")
    func prepare() throws {
        #expect(try folder.prepare(plan, now: Fixtures.now) == .created)
        let names = ["ca.key", "ca.pem", "client.key", "client.pem", "server.key", "server.pem"]
        #expect(temporary.names == names, "no temporary file is left")
        for name in names {
            #expect(temporary.mode(of: name) == (name.hasSuffix(".key") ? 0o600 : 0o644), "\(name)")
        }
        let before = try PEM(contentsOf: folder.authorityKeyPath).bytes
        #expect(try folder.prepare(plan, now: Fixtures.now) == .found)
        #expect(try PEM(contentsOf: folder.authorityKeyPath).bytes == before)
    }

    @Test("makes the folders above it")
    func nestedFolder() throws {
        let nested = CertificateFolder(path: "\(temporary.path)/a/b/")
        defer { try? FileManager.default.removeItem(atPath: "\(temporary.path)/a") }
        #expect(try nested.prepare(plan, now: Fixtures.now) == .created)
        #expect(try nested.prepare(plan, now: Fixtures.now) == .found)
    }

    @Test("serves and calls: its own contexts agree, and the client is the tenant local")
    func contexts() throws {
        _ = try folder.prepare(plan, now: Fixtures.now)
        let pair = try SessionPair(
            client: TLSContext(client: folder.clientConfiguration()),
            server: TLSContext(server: folder.serverConfiguration()), serverName: "127.0.0.1")
        try pair.handshake()
        #expect(pair.server.peerIdentity?.principal == .tenant(TenantID("local")!))
    }

    @Test("is never overwritten unasked, and replaced as a whole when asked")
    func noOverwrite() throws {
        try folder.create(plan, now: Fixtures.now, onConflict: .refuse)
        let before = try PEM(contentsOf: folder.serverCertificatePath).bytes
        #expect(throws: TLSError.fileExists(path: folder.authorityCertificatePath)) {
            try folder.create(plan, now: Fixtures.now, onConflict: .refuse)
        }
        #expect(try PEM(contentsOf: folder.serverCertificatePath).bytes == before)
        try folder.create(plan, now: Fixtures.now, onConflict: .replace)
        #expect(try PEM(contentsOf: folder.serverCertificatePath).bytes != before)
        #expect(temporary.mode(of: "server.key") == 0o600)
        #expect(temporary.names.count == 6)
    }

    @Test("with a gap is reported, not mended")
    func gap() throws {
        try folder.create(plan, now: Fixtures.now, onConflict: .refuse)
        unlink(folder.serverKeyPath)
        #expect(throws: TLSError.incompleteFolder(path: temporary.path, missing: ["server.key"])) {
            try folder.prepare(plan, now: Fixtures.now)
        }
    }

    @Test("writes a file that appeared in the meantime only when told to")
    func raceForAName() throws {
        let path = "\(temporary.path)/one.key"
        try FileWriter.write(Bytes(utf8: "first"), to: path, mode: 0o600, onConflict: .refuse)
        #expect(throws: TLSError.fileExists(path: path)) {
            try FileWriter.write(Bytes(utf8: "second"), to: path, mode: 0o600, onConflict: .refuse)
        }
        #expect(try PEM(contentsOf: path).bytes == Bytes(utf8: "first"))
        try FileWriter.write(Bytes(utf8: "third"), to: path, mode: 0o600, onConflict: .replace)
        #expect(try PEM(contentsOf: path).bytes == Bytes(utf8: "third"))
        #expect(temporary.names == ["one.key"])
    }

    @Test(
        "issues certificates for tenants and roles that its server believes",
        arguments: [
            (PeerIdentity.Principal.tenant(TenantID("acme")!), "tenant-acme"), (.router, "role-router"),
            (.admin, "role-admin"),
        ])
    func issue(principal: PeerIdentity.Principal, name: String) throws {
        try folder.create(plan, now: Fixtures.now, onConflict: .refuse)
        let files = try folder.issue(.client(principal), now: Fixtures.now, onConflict: .refuse)
        #expect(files.certificatePath == "\(temporary.path)/\(name).pem")
        #expect(temporary.mode(of: "\(name).key") == 0o600)
        let configuration = TLSClientConfiguration(
            serverAuthorities: try PEM(contentsOf: folder.authorityCertificatePath),
            certificateChain: try PEM(contentsOf: files.certificatePath),
            privateKey: try PEM(contentsOf: files.keyPath))
        let pair = try SessionPair(
            client: TLSContext(client: configuration), server: TLSContext(server: folder.serverConfiguration()))
        try pair.handshake()
        #expect(pair.server.peerIdentity?.principal == principal)
        #expect(throws: TLSError.fileExists(path: files.certificatePath)) {
            try folder.issue(.client(principal), now: Fixtures.now, onConflict: .refuse)
        }
    }

    @Test("keeps its trust domain through being loaded")
    func trustDomain() throws {
        var plan = plan
        plan.trustDomain = "example.org"
        try folder.create(plan, now: Fixtures.now, onConflict: .refuse)
        #expect(try folder.authority().trustDomain == "example.org")
        let description = try CertificateDescription.list(in: PEM(contentsOf: folder.clientCertificatePath))[0]
        #expect(description.spiffeURI == "spiffe://example.org/tenant/local")
        plan.trustDomain = "Example,DNS:evil"
        #expect(throws: TLSError.self) { try folder.create(plan, now: Fixtures.now, onConflict: .replace) }
    }

    @Test("describes its certificates")
    func describe() throws {
        try folder.create(plan, now: 1_700_000_000, onConflict: .refuse)
        let server = try CertificateDescription.list(in: PEM(contentsOf: folder.serverCertificatePath))[0]
        #expect(server.subject == "O = Apus, CN = localhost")
        #expect(server.issuer == "O = Apus, CN = Apus certificate authority of apus.local")
        #expect(server.names == ["localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"])
        #expect(server.spiffeURI == nil && !server.isAuthority)
        #expect(
            server.validity
                == CertificateValidity(notBefore: 1_700_000_000 - 300, notAfter: 1_700_000_000 + 365 * 86_400))
        #expect(server.isValid(at: 1_700_000_000) && !server.isValid(at: 1_700_000_000 + 366 * 86_400))
        #expect((24...34).contains(server.serial.count))
        let root = try CertificateDescription.list(in: PEM(contentsOf: folder.authorityCertificatePath))[0]
        #expect(root.isAuthority && root.spiffeURI == "spiffe://apus.local" && root.issuer == root.subject)
        #expect(root.serial != server.serial)
    }

    @Test("tells server names from other text")
    func serverNames() {
        #expect(ServerName("localhost") == .dns("localhost"))
        #expect(ServerName("*.apus.example") == .dns("*.apus.example"))
        #expect(ServerName("10.0.0.1") == .address("10.0.0.1"))
        #expect(ServerName("fe80::1") == .address("fe80::1"))
        for text in ["", "a b", "a,DNS:b", "*.*.a", "a/b", "[::1]", String(repeating: "a", count: 254)] {
            #expect(ServerName(text) == nil, "\(text)")
        }
    }
}

@Suite("The openssl program")
struct OpenSSLProgramTests {
    static let path = ["/usr/bin/openssl", "/usr/local/bin/openssl", "/bin/openssl"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// Runs the program; the arguments hold no character that a shell would read otherwise.
    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let command = ([try #require(Self.path)] + arguments + ["2>&1"]).joined(separator: " ")
        let pipe = try #require(popen(command, "r"))
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while case let count = fread(&chunk, 1, chunk.count, pipe), count > 0 { output += chunk[..<count] }
        return (pclose(pipe), String(decoding: output, as: UTF8.self))
    }

    @Test(
        "accepts our certificates strictly, for their purpose and for no other",
        .enabled(if: path != nil, "no openssl program on this machine"))
    func verify() throws {
        let temporary = TemporaryFolder()
        let folder = CertificateFolder(path: temporary.path)
        try folder.create(CertificateFolderPlan(), now: Fixtures.now, onConflict: .refuse)
        let common = [
            "verify", "-x509_strict", "-check_ss_sig", "-CAfile", folder.authorityCertificatePath, "-purpose",
        ]
        for (purpose, right, wrong) in [
            ("sslserver", folder.serverCertificatePath, folder.clientCertificatePath),
            ("sslclient", folder.clientCertificatePath, folder.serverCertificatePath),
        ] {
            let accepted = try run(common + [purpose, right])
            #expect(accepted.status == 0 && accepted.output == "\(right): OK\n", "\(accepted.output)")
            #expect(try run(common + [purpose, wrong]).status != 0)
        }
        let root = try run(
            ["verify", "-x509_strict", "-CAfile"] + Array(repeating: folder.authorityCertificatePath, count: 2))
        #expect(root.status == 0, "\(root.output)")
        let names = try run(["x509", "-in", folder.clientCertificatePath, "-noout", "-ext", "subjectAltName"])
        #expect(names.output.contains("URI:spiffe://apus.local/tenant/local"), "\(names.output)")
        let key = try run(["pkey", "-in", folder.serverKeyPath, "-noout", "-text"])
        #expect(key.output.contains("NIST CURVE: P-256"), "\(key.output.prefix(200))")
    }
}
