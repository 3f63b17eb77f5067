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
    func transport(_ tls: TLSContextSource?) -> RPCServerConfiguration {
        var transport = RPCServerConfiguration()
        transport.host = address.host
        transport.port = UInt16(address.port)
        transport.tlsSource = tls
        transport.connectionCountMax = limits.connectionCountMax
        transport.connections = connections
        transport.callsPerConnectionMax = limits.streamCountMax
        transport.http2.concurrentStreamCountMax = UInt32(limits.streamCountMax)
        transport.calls.requestByteCountMax = limits.messageByteCountMax
        transport.calls.compression.format = compression.format.codecFormat
        transport.calls.compression.messageByteCountMin = compression.messageByteCountMin
        // Two of the largest messages on one connection are never too much.
        let heldByteCountMax = max(limits.heldByteCountMax, 2 * limits.messageByteCountMax)
        transport.requestBudget.connectionByteCountMax = heldByteCountMax
        transport.requestBudget.totalByteCountMax = max(transport.requestBudget.totalByteCountMax, heldByteCountMax)
        transport.calls.queuedResponseByteCountMax = heldByteCountMax
        return transport
    }
}

extension ServerConfiguration.Compression.Format {
    var codecFormat: CompressionFormat? {
        switch self {
        case .off: nil
        case .gzip: .gzip
        case .deflate: .deflate
        }
    }
}
