import Testing
import Vocabulary

@testable import TLS

@Suite("A TLS context")
struct TLSContextTests {
    let fixtures: Fixtures

    init() throws { fixtures = try Fixtures() }

    private func reason(certificate: Bytes, key: Bytes, authorities: Bytes) -> TLSError? {
        do throws(TLSError) {
            _ = try TLSContext(
                server: TLSServerConfiguration(
                    certificateChain: PEM(source: "cert.pem", bytes: certificate),
                    privateKey: PEM(source: "cert.key", bytes: key),
                    clientAuthorities: PEM(source: "ca.pem", bytes: authorities)))
            return nil
        } catch {
            return error
        }
    }

    @Test("names the file that cannot be used, and why")
    func unusableFiles() throws {
        let (server, root) = (fixtures.server, fixtures.root.bytes)
        let text = Bytes(utf8: "not a certificate\n")
        let broken = Bytes(utf8: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        #expect(
            reason(certificate: text, key: server.privateKey, authorities: root)
                == .unusableFile(source: "cert.pem", reason: "holds no certificate"))
        guard case .unusableFile("cert.pem", let detail)? = reason(certificate: broken, key: text, authorities: root)
        else {
            Issue.record("a broken certificate was taken")
            return
        }
        #expect(detail.hasPrefix("certificate 1: "))
        #expect(
            reason(certificate: server.certificate, key: fixtures.client.privateKey, authorities: root)
                == .unusableFile(source: "cert.key", reason: "is not the key of the certificate in cert.pem"))
        #expect(
            reason(certificate: server.certificate, key: text, authorities: root)?.description
                == "cert.key: no usable unencrypted private key: unsupported")
        #expect(
            reason(certificate: server.certificate, key: server.privateKey, authorities: server.certificate)
                == .unusableFile(
                    source: "ca.pem", reason: "O = Apus, CN = localhost is not a certificate authority"))
        #expect(
            reason(certificate: server.certificate, key: server.privateKey, authorities: text)
                == .unusableFile(source: "ca.pem", reason: "holds no certificate"))
        #expect(
            reason(certificate: Bytes(), key: server.privateKey, authorities: root)
                == .unusableFile(source: "cert.pem", reason: "empty, or more than 1048576 bytes"))
    }

    @Test("takes a certificate cut at any byte as an error or as the whole")
    func truncatedCertificate() throws {
        let whole = fixtures.server.certificate
        for count in 0..<whole.count - 1 {
            let cut = reason(
                certificate: whole[0..<count], key: fixtures.server.privateKey, authorities: fixtures.root.bytes)
            #expect(cut != nil, "\(count) of \(whole.count) bytes")
        }
    }

    @Test("refuses a client's certificate without its key")
    func halfAnIdentity() {
        #expect(throws: TLSError.configuration("a client certificate and its key come together or not at all")) {
            try TLSContext(
                client: TLSClientConfiguration(
                    serverAuthorities: fixtures.root,
                    certificateChain: PEM(source: "client", bytes: fixtures.client.certificate)))
        }
    }

    @Test("says which file is missing")
    func missingFile() {
        #expect(throws: TLSError.unusableFile(source: "/nowhere/ca.pem", reason: "No such file or directory")) {
            try CertificateFolder(path: "/nowhere/").clientConfiguration()
        }
    }
}
