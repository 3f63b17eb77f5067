import Foundation
import Logging
import RPCTransport
import TLS
import Telemetry
import Tenancy

extension ServerProcess {
    /// Where certificates are made on first start, relative to the working folder.
    package static let localCertificateFolder = "Certs/local"

    /// Reads the configured certificates; nil for plaintext.
    ///
    /// - Throws: `StartError` naming the file.
    static func certificates(
        for configuration: ServerConfiguration, metrics: MetricsRegistry, logger: Logger
    ) throws -> CertificateReloader? {
        guard !configuration.isPlaintext else { return nil }
        let now: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
        do {
            let files: ServerCredentialFiles
            if let configured = configuration.certificates {
                files = configured
            } else {
                let folder = CertificateFolder(path: localCertificateFolder)
                _ = try folder.prepare(CertificateFolderPlan(), now: now())
                files = folder.serverFiles
            }
            return try CertificateReloader(
                files: files, trustDomain: configuration.effectiveTenants.trustDomain, metrics: metrics, now: now,
                logger: logger)
        } catch {
            throw StartError(["\(error)"])
        }
    }

    /// Reads everything now that may change while the server runs, as after `SIGHUP`: certificates, authorities,
    /// revocation lists, and the tenants.
    package func reload() async {
        await tenancy?.reload()
        guard let certificates else { return }
        if let context = await certificates.reload() { await publish(context) }
    }

    /// Looks for changed files until the task is cancelled.
    func watchFiles(intervalNanoseconds: UInt64) async {
        while !Task.isCancelled {
            try? await Task.sleep(nanoseconds: intervalNanoseconds)
            guard !Task.isCancelled else { return }
            await tenancy?.look()
            if let context = await certificates?.look() { await publish(context) }
        }
    }

    /// New connections begin with `context` already; those of certificates that it revokes are ended.
    private func publish(_ context: TLSContext) async {
        guard closesRevoked else { return }
        let count = await server.endConnections(revokedBy: context)
        if count > 0 {
            logger.notice("connections of revoked certificates ended", metadata: ["connections": "\(count)"])
        }
    }
}
