import Compression
import Foundation
import HTTP2
import RPC
import RPCTransport
import TLS
import Tenancy
import Vocabulary

extension ServerConfiguration {
    /// The threads that compute: as configured, or one a core.
    var computeThreadCountOrCores: Int {
        computeThreadCount ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
    }

    /// The tenants; over plaintext, which only loopback has, everybody is the tenant `local`.
    var effectiveTenants: TenantTable {
        var tenants = tenants
        if isPlaintext { tenants.anonymousTenant = TenantID("local") }
        return tenants
    }

    /// What the listener is told.
    func transport(_ tls: TLSContext?) -> RPCServerConfiguration {
        var transport = RPCServerConfiguration()
        transport.host = address.host
        transport.port = UInt16(address.port)
        transport.tls = tls
        transport.connectionCountMax = limits.connectionCountMax
        transport.connections = connections
        transport.callsPerConnectionMax = limits.streamCountMax
        transport.http2.concurrentStreamCountMax = UInt32(limits.streamCountMax)
        transport.calls.requestByteCountMax = limits.messageByteCountMax
        transport.calls.compression.format =
            switch compression.format {
            case .off: nil
            case .gzip: .gzip
            case .deflate: .deflate
            }
        transport.calls.compression.messageByteCountMin = compression.messageByteCountMin
        return transport
    }
}

extension ServerProcess {
    /// Where certificates are made on first start, relative to the working folder.
    package static let localCertificateFolder = "Certs/local"

    /// The context for the configured certificates; nil for plaintext.
    ///
    /// - Throws: `StartError` naming the file.
    static func tlsContext(for configuration: ServerConfiguration) throws -> TLSContext? {
        guard !configuration.isPlaintext else { return nil }
        do {
            guard let files = configuration.certificates else {
                let folder = CertificateFolder(path: localCertificateFolder)
                _ = try folder.prepare(CertificateFolderPlan(), now: Int64(Date().timeIntervalSince1970))
                return try TLSContext(server: folder.serverConfiguration())
            }
            return try TLSContext(
                server: TLSServerConfiguration(
                    certificateChain: PEM(contentsOf: files.certificate), privateKey: PEM(contentsOf: files.key),
                    clientAuthorities: PEM(contentsOf: files.clientAuthorities)))
        } catch {
            throw StartError(["\(error)"])
        }
    }
}
