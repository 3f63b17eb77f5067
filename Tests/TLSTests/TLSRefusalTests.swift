import COpenSSL
import Testing
import Vocabulary

@testable import TLS

@Suite("A TLS handshake is refused")
struct TLSRefusalTests {
    let fixtures: Fixtures

    init() throws { fixtures = try Fixtures() }

    private func outcomes(client: IssuedCertificate?) throws -> (client: TLSError?, server: TLSError?) {
        try SessionPair(client: fixtures.clientContext(client), server: fixtures.serverContext()).handshakeOutcomes()
    }

    @Test("to a client whose authority has the right name and another key")
    func impostor() throws {
        // Both authorities are called the same; key identifiers and signatures tell them apart.
        let other = try Fixtures()
        #expect(
            try CertificateDescription.list(in: other.root)[0].subject
                == CertificateDescription.list(in: fixtures.root)[0].subject)
        #expect(try outcomes(client: other.client).server?.label == "unknown_authority")
    }

    @Test(
        "to a client without exactly one SPIFFE identity",
        arguments: [
            (nil, .noIdentity, "\(expectedOne), found 0"),
            ("DNS:acme.example", .noIdentity, "\(expectedOne), found 0"),
            (
                "URI:spiffe://apus.local/tenant/a,URI:spiffe://apus.local/tenant/b", .severalIdentities,
                "\(expectedOne), found 2"
            ),
            (
                "URI:spiffe://apus.local/tenant/a,URI:https://apus.local/", .severalIdentities,
                "\(expectedOne), found 2"
            ),
            ("URI:https://apus.local/tenant/a", .unknownIdentity, notOurs),
            ("URI:spiffe://apus.local/tenant/a?x=1", .unknownIdentity, notOurs),
            ("URI:spiffe://apus.local/tenant/a#x", .unknownIdentity, notOurs),
            ("URI:spiffe://user@apus.local/tenant/a", .unknownIdentity, notOurs),
            ("URI:spiffe://apus.local:8461/tenant/a", .unknownIdentity, notOurs),
            ("URI:spiffe://apus.local/role/king", .unknownIdentity, notOurs),
            ("URI:spiffe://apus.local/tenant/a/", .unknownIdentity, notOurs),
            ("URI:spiffe://Apus.local/tenant/a", .unknownIdentity, notOurs),
        ] as [(String?, PeerRejection, String)])
    func identity(names: String?, rejection: PeerRejection, reason: String) throws {
        let outcomes = try outcomes(client: fixtures.client(names: names))
        #expect(outcomes.server == .peerRejected(rejection, reason))
        #expect(outcomes.client == .alertReceived("handshake failure"))
    }

    @Test("to a client of another trust domain than the server's, when it has one")
    func trustDomain() throws {
        let client = try fixtures.clientContext(fixtures.client(names: "URI:spiffe://example.org/tenant/a"))
        let strict = try SessionPair(client: client, server: fixtures.serverContext(trustDomain: "apus.local"))
        #expect(
            strict.handshakeOutcomes().server
                == .peerRejected(
                    .foreignTrustDomain, "the certificate is of the trust domain example.org, not apus.local"))
        for domain in ["example.org", nil] {
            let pair = try SessionPair(client: client, server: fixtures.serverContext(trustDomain: domain))
            #expect(pair.handshakeOutcomes().server == nil)
        }
    }

    @Test("by a client that believes another authority")
    func foreignServer() throws {
        let context = try fixtures.clientContext(fixtures.client, serverAuthorities: Fixtures().root)
        let outcomes = try SessionPair(client: context, server: fixtures.serverContext()).handshakeOutcomes()
        #expect(outcomes.client == .peerRejected(.unknownAuthority, "unable to get local issuer certificate"))
        #expect(outcomes.server == .alertReceived("unknown CA"))
    }

    @Test(
        "by a client that expects another server",
        arguments: [
            ("example.org", "hostname mismatch"), ("127.0.0.2", "IP address mismatch"), ("::2", "IP address mismatch"),
        ])
    func wrongServerName(name: String, reason: String) throws {
        let pair = try SessionPair(
            client: fixtures.clientContext(fixtures.client), server: fixtures.serverContext(), serverName: name)
        #expect(pair.handshakeOutcomes().client == .peerRejected(.wrongServerName, reason))
    }

    @Test("by a client to a server that shows a client's certificate, although its name would fit")
    func clientAsServer() throws {
        let certificate = try fixtures.authority.issueLeaf(
            commonName: "localhost", usage: "clientAuth", names: "DNS:localhost", validity: Fixtures.validity)
        let server = try TLSContext(
            server: TLSServerConfiguration(
                certificateChain: PEM(source: "certificate", bytes: certificate.certificate),
                privateKey: PEM(source: "key", bytes: certificate.privateKey), clientAuthorities: fixtures.root))
        let pair = try SessionPair(client: fixtures.clientContext(fixtures.client), server: server)
        #expect(pair.handshakeOutcomes().client == .peerRejected(.wrongUsage, "unsuitable certificate purpose"))
    }

    @Test(
        "B4: to a client that does not offer h2",
        arguments: [[], [8] + Array("http/1.1".utf8), [3] + Array("h2c".utf8)] as [[UInt8]])
    func noHTTP2(protocols: [UInt8]) throws {
        let context = try fixtures.clientContext(fixtures.client)
        _ = SSL_CTX_set_alpn_protos(context.pointer, protocols, UInt32(protocols.count))
        let outcomes = try SessionPair(client: context, server: fixtures.serverContext()).handshakeOutcomes()
        #expect(outcomes.server == .noCommonProtocol)
        #expect(outcomes.client == .alertReceived("no application protocol"))
    }

    @Test("B4: to a client that offers TLS 1.1 at most")
    func oldVersion() throws {
        let context = try fixtures.clientContext(fixtures.client)
        _ = apus_SSL_CTX_set_min_proto_version(context.pointer, TLS1_VERSION)
        _ = SSL_CTX_ctrl(context.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_1_VERSION), nil)
        SSL_CTX_set_security_level(context.pointer, 0)
        _ = SSL_CTX_set_cipher_list(context.pointer, "ALL")
        let outcomes = try SessionPair(client: context, server: fixtures.serverContext()).handshakeOutcomes()
        #expect(outcomes.server == .noCommonVersion)
    }

    @Test(
        "to bytes that are not TLS",
        arguments: [
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            String(repeating: "\u{0}", count: 300), String(repeating: "\u{16}\u{3}\u{1}\u{7f}\u{7f}", count: 300),
        ])
    func garbage(text: String) throws {
        let session = try TLSSession(accepting: fixtures.serverContext())
        try Array(text.utf8).withUnsafeBytes { try session.receive($0) }
        let error = #expect(throws: TLSError.self) { try session.handshake() }
        guard case .protocolViolation(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty && !reason.hasPrefix("unknown failure"))
    }

    @Test(
        "B4: by a client whose server chooses no protocol, or another",
        arguments: [
            (nil, .noCommonProtocol), ([8] + Array("http/1.1".utf8), .protocolViolation("bad extension")),
        ] as [([UInt8]?, TLSError)])
    func serverWithoutHTTP2(choice: [UInt8]?, outcome: TLSError) throws {
        let server = try fixtures.serverContext()
        let protocols = choice.map { choice in
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: choice.count)
            _ = copy.initialize(from: choice)
            return copy
        }
        // The callback runs in the handshakes below, and not after them.
        defer { protocols?.deallocate() }
        SSL_CTX_set_client_hello_cb(server.pointer, nil, nil)
        SSL_CTX_set_alpn_select_cb(
            server.pointer,
            { _, chosen, chosenByteCount, _, _, protocols in
                guard let protocols else { return SSL_TLSEXT_ERR_NOACK }
                let choice = protocols.assumingMemoryBound(to: UInt8.self)
                chosen?.pointee = UnsafePointer(choice + 1)
                chosenByteCount?.pointee = choice[0]
                return SSL_TLSEXT_ERR_OK
            }, protocols.map { UnsafeMutableRawPointer($0.baseAddress!) })
        let pair = try SessionPair(client: fixtures.clientContext(fixtures.client), server: server)
        #expect(pair.handshakeOutcomes().client == outcome)
    }

    @Test("by a client that wants a server of one SPIFFE identity, unless it has that and no other")
    func serverIdentity() throws {
        let wanted = "spiffe://apus.local/server/a"
        let refused = TLSError.peerRejected(.wrongServerName, "the server's one identity is not \(wanted)")
        for (names, outcome) in [
            ("URI:\(wanted)", nil), ("URI:\(wanted),DNS:anything.example", nil), ("DNS:localhost", refused),
            ("URI:\(wanted),URI:spiffe://apus.local/other", refused), ("URI:\(wanted)/b", refused),
        ] as [(String, TLSError?)] {
            let certificate = try fixtures.authority.issueLeaf(
                commonName: "server", usage: "serverAuth", names: names, validity: Fixtures.validity)
            let server = try TLSContext(
                server: TLSServerConfiguration(
                    certificateChain: PEM(source: "certificate", bytes: certificate.certificate),
                    privateKey: PEM(source: "key", bytes: certificate.privateKey), clientAuthorities: fixtures.root))
            let client = try fixtures.clientContext(fixtures.client)
            let pair = try SessionPair(client: client, server: server, serverName: wanted)
            #expect(pair.handshakeOutcomes().client == outcome, "\(names)")
        }
    }

    @Test(
        "without a name that could be verified",
        arguments: [
            "", "a b", "host:8461", "-,URI:x", ".", "a..b", "spiffe://", "spiffe://apus.local", "spiffe:///a",
            "spiffe://apus.local/a?b", "spiffe://apus.local/a/", "spiffe://apus.local/../a",
        ])
    func badServerName(name: String) throws {
        let context = try fixtures.clientContext(fixtures.client)
        #expect(throws: TLSError.invalidServerName(name)) { try TLSSession(connecting: context, serverName: name) }
    }
}

private let expectedOne = "expected exactly one URI (a SPIFFE identity) among the certificate's names"
private let notOurs = "the certificate's URI is not spiffe://DOMAIN/tenant/NAME or spiffe://DOMAIN/role/router|admin"

@Suite("A TLS 1.2 session")
struct TLS12Tests {
    private func context(_ fixtures: Fixtures, ciphers: String) throws -> TLSContext {
        let context = try fixtures.clientContext(fixtures.client)
        _ = SSL_CTX_ctrl(context.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        _ = SSL_CTX_set_cipher_list(context.pointer, ciphers)
        return context
    }

    @Test("works with ECDHE and an AEAD cipher", arguments: ["ECDHE+AESGCM", "ECDHE+CHACHA20"])
    func modernCiphers(ciphers: String) throws {
        let fixtures = try Fixtures()
        let pair = try SessionPair(client: context(fixtures, ciphers: ciphers), server: fixtures.serverContext())
        try pair.handshake()
        #expect(pair.server.cipherDescription.hasPrefix("TLSv1.2 ECDHE-ECDSA-"))
        #expect(pair.server.peerIdentity?.principal == .tenant(TenantID("acme")!))
        let text = Array("over 1.2".utf8)
        #expect(try pair.send(text, from: pair.client, to: pair.server) == text)
    }

    @Test("is refused with CBC ciphers or plain RSA", arguments: ["ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"])
    func oldCiphers(ciphers: String) throws {
        let fixtures = try Fixtures()
        let pair = try SessionPair(client: context(fixtures, ciphers: ciphers), server: fixtures.serverContext())
        let outcomes = pair.handshakeOutcomes()
        #expect(outcomes.server == .noCommonCipher)
        #expect(outcomes.client == .alertReceived("handshake failure"))
    }
}
