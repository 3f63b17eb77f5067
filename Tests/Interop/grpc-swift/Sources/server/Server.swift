import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// The grpc-swift-2 server to compare with, over its NIO transport.
///
///     server [--certs FOLDER]
///
/// ModelInfer answers with the tensors it was given; EchoStream echoes messages. Neither goes through a protobuf
/// library, which flatters grpc-swift-2.
@main
struct Server {
    static func main() async throws {
        let words = CommandLine.arguments
        let folder = words.firstIndex(of: "--certs").map { words[$0 + 1] }
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: folder.map(security) ?? .plaintext)
        try await withThrowingTaskGroup { group in
            let server = GRPCServer(transport: transport, services: [EchoService()])
            group.addTask { try await server.serve() }
            guard let address = try await transport.listeningAddress.ipv4 else { return }
            print("127.0.0.1:\(address.port)")
            // The reader at the other end of a pipe waits for this line.
            fflush(nil)
            try await group.waitForAll()
        }
    }

    /// Mutual TLS with the certificates of a folder that `apus certs` made.
    private static func security(_ folder: String) -> HTTP2ServerTransport.Posix.TransportSecurity {
        .mTLS(
            certificateChain: [.file(path: folder + "/server.pem", format: .pem)],
            privateKey: .file(path: folder + "/server.key", format: .pem)
        ) { $0.trustRoots = .certificates([.file(path: folder + "/ca.pem", format: .pem)]) }
    }
}
