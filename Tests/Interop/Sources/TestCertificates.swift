import Foundation
import TLS
import Vocabulary

/// The certificates of `--use_tls`, in a folder as `apus certs init` makes it.
///
/// The official programs carry an authority whose key everybody knows; ours is made on first use and known to nobody
/// else. Any folder with `ca.pem`, `server.pem` and `server.key` can be given instead, those of the official programs
/// among them.
struct TestCertificates {
    private let folder: CertificateFolder

    /// The folder of `--certificates`, or of the variable APUS_INTEROP_CERTIFICATES, or one among the temporary files.
    init(_ flags: Flags) {
        let path =
            flags.text("certificates") ?? ProcessInfo.processInfo.environment["APUS_INTEROP_CERTIFICATES"]
            ?? FileManager.default.temporaryDirectory.appendingPathComponent("apus-interop-certificates").path
        folder = CertificateFolder(path: path)
    }

    /// A server's context: it asks for no client certificate, since the official clients have none.
    func server() throws -> TLSContext {
        if !FileManager.default.fileExists(atPath: folder.serverCertificatePath) { try make() }
        return try TLSContext(
            serverOfAnyone: PEM(contentsOf: folder.serverCertificatePath),
            privateKey: PEM(contentsOf: folder.serverKeyPath))
    }

    /// A client's context that believes the test authority, with the folder's client certificate if there is one.
    func client() throws -> TLSContext {
        if !FileManager.default.fileExists(atPath: folder.authorityCertificatePath) { try make() }
        guard !FileManager.default.fileExists(atPath: folder.clientCertificatePath) else {
            return try TLSContext(client: folder.clientConfiguration())
        }
        return try TLSContext(
            client: TLSClientConfiguration(serverAuthorities: PEM(contentsOf: folder.authorityCertificatePath)))
    }

    /// A client's context that believes the authorities of the machine.
    static func publicClient() throws -> TLSContext {
        let path = ProcessInfo.processInfo.environment["SSL_CERT_FILE"] ?? "/etc/ssl/certs/ca-certificates.crt"
        return try TLSContext(client: TLSClientConfiguration(serverAuthorities: PEM(contentsOf: path)))
    }

    private func make() throws {
        var plan = CertificateFolderPlan()
        // The names that the official clients ask for, besides this machine's own.
        plan.serverNames += [.dns("*.test.google.fr"), .dns("waterzooi.test.google.be")]
        _ = try folder.prepare(plan, now: Int64(Date().timeIntervalSince1970))
    }
}
