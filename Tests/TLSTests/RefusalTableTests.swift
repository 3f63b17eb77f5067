import COpenSSL
import Testing
import Vocabulary

@testable import TLS

/// A client that a server of ours must not let in, and how the two ends learn of it.
enum OddClient: CaseIterable, CustomTestStringConvertible {
    case withoutCertificate
    case ofAnotherAuthority
    case selfSigned
    case expired
    case notYetValid
    case withAServersCertificate
    case withoutDigitalSignature
    case withAnAuthoritysCertificate
    case withoutIdentity
    case withTwoIdentities
    case withAnotherURI
    case ofAnotherTrustDomain
    case withoutHTTP2
    case withTLS11
    case withCBCCiphers
    case withAnotherGroup

    var testDescription: String { "\(self)" }

    /// The bounded word for metrics and logs.
    var label: String {
        switch self {
        case .withoutCertificate: "no_certificate"
        case .ofAnotherAuthority, .selfSigned: "unknown_authority"
        case .expired: "certificate_expired"
        case .notYetValid: "certificate_not_yet_valid"
        case .withAServersCertificate, .withoutDigitalSignature, .withAnAuthoritysCertificate:
            "certificate_wrong_usage"
        case .withoutIdentity: "no_spiffe_identity"
        case .withTwoIdentities: "several_spiffe_identities"
        case .withAnotherURI: "unknown_spiffe_identity"
        case .ofAnotherTrustDomain: "foreign_trust_domain"
        case .withoutHTTP2: "no_common_protocol"
        case .withTLS11: "no_common_version"
        case .withCBCCiphers, .withAnotherGroup: "no_common_cipher"
        }
    }

    /// What the client hears.
    var alert: String {
        switch self {
        case .withoutCertificate: "certificate required"
        case .ofAnotherAuthority, .selfSigned: "unknown CA"
        case .expired: "certificate expired"
        case .notYetValid: "bad certificate"
        case .withAServersCertificate: "unsupported certificate"
        case .withAnAuthoritysCertificate: "handshake failure"
        case .withoutDigitalSignature, .withoutIdentity, .withTwoIdentities, .withAnotherURI, .ofAnotherTrustDomain:
            "handshake failure"
        case .withoutHTTP2: "no application protocol"
        case .withTLS11: "protocol version"
        case .withCBCCiphers, .withAnotherGroup: "handshake failure"
        }
    }

    /// Whether a certificate was seen that has a subject.
    var hasSubject: Bool {
        switch self {
        case .withoutCertificate, .withoutHTTP2, .withTLS11, .withCBCCiphers, .withAnotherGroup: false
        default: true
        }
    }

    func certificate(_ fixtures: Fixtures) throws -> IssuedCertificate? {
        let identity = "URI:spiffe://apus.local/tenant/acme"
        let now = Fixtures.now
        return switch self {
        case .withoutCertificate: nil
        case .ofAnotherAuthority: try Fixtures().client
        case .selfSigned: try Fixtures().authority.export()
        case .expired:
            try fixtures.client(validity: CertificateValidity(notBefore: now - 7_200, notAfter: now - 3_600))
        case .notYetValid:
            try fixtures.client(validity: CertificateValidity(notBefore: now + 3_600, notAfter: now + 7_200))
        case .withAServersCertificate: try fixtures.client(usage: "serverAuth")
        case .withoutDigitalSignature: try fixtures.client(keyUsage: "critical,keyAgreement")
        case .withAnAuthoritysCertificate:
            try fixtures.client(keyUsage: "critical,digitalSignature,keyCertSign", constraints: "critical,CA:TRUE")
        case .withoutIdentity: try fixtures.client(names: "DNS:acme.example")
        case .withTwoIdentities: try fixtures.client(names: "\(identity),URI:spiffe://apus.local/tenant/b")
        case .withAnotherURI: try fixtures.client(names: "URI:https://apus.local/tenant/acme")
        case .ofAnotherTrustDomain: try fixtures.client(names: "URI:spiffe://example.org/tenant/acme")
        case .withoutHTTP2, .withTLS11, .withCBCCiphers, .withAnotherGroup: fixtures.client
        }
    }

    func context(_ fixtures: Fixtures) throws -> TLSContext {
        let context = try fixtures.clientContext(certificate(fixtures))
        switch self {
        case .withoutHTTP2: _ = SSL_CTX_set_alpn_protos(context.pointer, nil, 0)
        case .withTLS11:
            SSL_CTX_set_security_level(context.pointer, 0)
            _ = apus_SSL_CTX_set_min_proto_version(context.pointer, TLS1_VERSION)
            _ = SSL_CTX_ctrl(context.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_1_VERSION), nil)
            _ = SSL_CTX_set_cipher_list(context.pointer, "ALL")
        case .withCBCCiphers:
            _ = SSL_CTX_ctrl(context.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
            _ = SSL_CTX_set_cipher_list(context.pointer, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA")
        case .withAnotherGroup: _ = apus_SSL_CTX_set1_groups_list(context.pointer, "P-384")
        default: break
        }
        return context
    }
}

@Suite("Every reason to refuse a client")
struct RefusalTableTests {
    let fixtures: Fixtures

    init() throws { fixtures = try Fixtures() }

    @Test("has a label of its own, an alert that the client understands, and a subject", arguments: OddClient.allCases)
    func refusal(client: OddClient) throws {
        let pair = try SessionPair(
            client: client.context(fixtures), server: fixtures.serverContext(trustDomain: "apus.local"))
        let outcomes = pair.handshakeOutcomes()
        #expect(outcomes.server?.label == client.label, "\(String(describing: outcomes.server))")
        #expect(outcomes.client == .alertReceived(client.alert))
        #expect((pair.server.refusedSubject != nil) == client.hasSubject)
        if client.hasSubject, client != .ofAnotherAuthority, client != .selfSigned {
            #expect(pair.server.refusedSubject == "O = Apus, CN = odd client")
        }
        #expect(outcomes.server.map { !$0.description.isEmpty } == true)
    }

    @Test("is told apart from every other by its label")
    func labels() {
        let labels = PeerRejection.allCases.map { TLSError.peerRejected($0, "").label }
        #expect(Set(labels).count == labels.count)
        // Those that concern a client need no entry in the table when nothing but a list can cause them.
        let covered = Set(OddClient.allCases.map(\.label))
        let elsewhere: [PeerRejection] = [.revoked, .revocationUnknown, .wrongServerName, .malformed]
        #expect(Set(labels).subtracting(elsewhere.map(\.rawValue)).isSubset(of: covered))
    }
}
