import Glibc
import Vocabulary

@testable import TLS

/// One authority, made once for all tests, and certificates of every kind from it.
struct Fixtures {
    let authority: CertificateAuthority
    let root: PEM
    let server: IssuedCertificate
    let client: IssuedCertificate

    /// Now, for certificates that OpenSSL will compare with the real clock.
    static let now = Int64(time(nil))
    static let validity = CertificateValidity(dayCount: 2, from: now)

    init() throws {
        authority = try CertificateAuthority(validity: Fixtures.validity)
        root = PEM(source: "root", bytes: try authority.export().certificate)
        let names = [ServerName.dns("localhost"), .address("127.0.0.1"), .address("::1")]
        server = try authority.issue(.server(names), validity: Fixtures.validity)
        client = try authority.issue(.client(.tenant(TenantID("acme")!)), validity: Fixtures.validity)
    }

    /// A server's context with the fixtures' certificates, or with those given.
    func serverContext(clientAuthorities: PEM? = nil, trustDomain: String? = nil) throws -> TLSContext {
        var configuration = TLSServerConfiguration(
            certificateChain: PEM(source: "server certificate", bytes: server.certificate),
            privateKey: PEM(source: "server key", bytes: server.privateKey),
            clientAuthorities: clientAuthorities ?? root)
        configuration.trustDomain = trustDomain
        return try TLSContext(server: configuration)
    }

    /// A client's context that shows `certificate`, or none.
    func clientContext(_ certificate: IssuedCertificate?, serverAuthorities: PEM? = nil) throws -> TLSContext {
        try TLSContext(
            client: TLSClientConfiguration(
                serverAuthorities: serverAuthorities ?? root,
                certificateChain: certificate.map { PEM(source: "client certificate", bytes: $0.certificate) },
                privateKey: certificate.map { PEM(source: "client key", bytes: $0.privateKey) }))
    }

    /// A client's certificate with any alternative names, in the notation of x509v3_config(5).
    func client(
        names: String? = "URI:spiffe://apus.local/tenant/acme", usage: String = "clientAuth",
        keyUsage: String = "critical,digitalSignature", constraints: String = "critical,CA:FALSE",
        validity: CertificateValidity = Fixtures.validity
    ) throws -> IssuedCertificate {
        try authority.issueLeaf(
            commonName: "odd client", usage: usage, names: names, validity: validity, keyUsage: keyUsage,
            constraints: constraints)
    }
}

/// A folder of its own for one test, removed with it.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/apus-tls-tests.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { preconditionFailure("no temporary folder: errno \(errno)") }
        path = String(cString: made)
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// What lies in the folder.
    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func mode(of name: String) -> mode_t? {
        var status = stat()
        guard stat("\(path)/\(name)", &status) == 0 else { return nil }
        return status.st_mode & 0o7777
    }
}
