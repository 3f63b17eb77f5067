import ApusClient
import EventLoops
import Foundation
import RPC
import RPCTransport
import TLS
import Vocabulary

/// A server of a few handlers on the loopback interface, and how to reach it.
struct TestServer {
    /// Serves `methods` in the clear for the length of `body`, which gets a client.
    static func with(
        _ methods: MethodTable, serviceConfig: String? = nil, _ body: (ApusClient) async throws -> Void
    ) async throws {
        try await run(methods, tls: nil) { port in
            var configuration = ApusClientConfiguration(host: "127.0.0.1", port: port, security: .plaintext)
            configuration.serviceConfig = serviceConfig
            try await ApusClient.withClient(configuration, body)
        }
    }

    /// Serves `methods` over mutual TLS for the length of `body`, which gets the port and the folder of certificates.
    static func withTLS(_ methods: MethodTable, _ body: (UInt16, String) async throws -> Void) async throws {
        try await withCertificates { folder in
            let tls = try TLSContext(server: folder.serverConfiguration())
            try await run(methods, tls: tls) { try await body($0, folder.path) }
        }
    }

    /// Makes a new authority and its certificates in a folder that is removed afterwards.
    static func withCertificates(_ body: (CertificateFolder) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID().uuidString)").path
        let folder = CertificateFolder(path: path)
        try folder.create(CertificateFolderPlan(), now: Int64(Date().timeIntervalSince1970), onConflict: .refuse)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(folder)
    }

    private static func run(
        _ methods: MethodTable, tls: TLSContext?, _ body: (UInt16) async throws -> Void
    ) async throws {
        let loops = try EventLoopGroup(name: "server", loopCount: 1)
        var configuration = RPCServerConfiguration()
        configuration.tls = tls
        let server = try await RPCServer(configuration: configuration, methods: methods, loops: loops)
        let result: Result<Void, any Error>
        do { result = .success(try await body(server.address.port)) } catch { result = .failure(error) }
        await server.drain(deadline: Deadline(SystemClock().now()))
        loops.stop()
        try result.get()
    }
}
