import Dispatch
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import RawMessages

/// Serves `grpc.testing.TestService` until SIGTERM.
enum PeerServer {
    static func run(_ flags: Flags) async throws {
        var security = HTTP2ServerTransport.Posix.TransportSecurity.plaintext
        if flags.isSecure {
            security = .tls(
                certificateChain: [.file(path: try flags.certificate("server.pem"), format: .pem)],
                privateKey: .file(path: try flags.certificate("server.key"), format: .pem))
        }
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: flags.port), transportSecurity: security,
            config: .defaults { $0.compression.enabledAlgorithms = .all })
        let server = GRPCServer(transport: transport, services: [TestService()])

        signal(SIGTERM, SIG_IGN)
        let end = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
        end.setEventHandler { server.beginGracefulShutdown() }
        end.resume()
        try await withThrowingTaskGroup { group in
            group.addTask { try await server.serve() }
            guard let address = try await transport.listeningAddress.ipv4 else { throw Failure("no address") }
            print("listening on 127.0.0.1:\(address.port)")
            // The reader at the other end of a pipe waits for this line.
            fflush(nil)
            try await group.waitForAll()
        }
        end.cancel()
    }
}

/// The methods that the test cases call.
///
/// Each answers message by message, so the unary ones are streams of one.
private struct TestService: RegistrableRPCService {
    private typealias Requests = RPCAsyncSequence<[UInt8], any Error>

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        register("EmptyCall", in: &router) { requests, writer in
            for try await _ in requests { try await writer.write([]) }
        }
        register("UnaryCall", in: &router) { requests, writer in
            for try await request in requests {
                try check(TestMessage.contents(7, of: request).last)
                let byteCount = try TestMessage.number(2, of: request)
                try await writer.write(TestMessage().payload(1, byteCount).bytes)
            }
        }
        register("StreamingInputCall", in: &router) { requests, writer in
            var byteCount = 0
            for try await request in requests { byteCount += try TestMessage.payload(1, of: request).count }
            try await writer.write(TestMessage().number(1, byteCount).bytes)
        }
        for name in ["StreamingOutputCall", "FullDuplexCall"] {
            register(name, in: &router) { requests, writer in
                for try await request in requests { try await answer(request, to: writer) }
            }
        }
    }

    private func register<Transport: ServerTransport>(
        _ name: String, in router: inout RPCRouter<Transport>,
        _ handler: @escaping @Sendable (Requests, RPCWriter<[UInt8]>) async throws -> Void
    ) {
        router.registerHandler(forMethod: .test(name), deserializer: RawBytes(), serializer: RawBytes()) { request, _ in
            let initial = Metadata(request.metadata.filter { $0.key == EchoKey.initial })
            let trailing = Metadata(request.metadata.filter { $0.key == EchoKey.trailing })
            return StreamingServerResponse(of: [UInt8].self, metadata: initial) { writer in
                try await handler(request.messages, writer)
                return trailing
            }
        }
    }

    private func answer(_ request: [UInt8], to writer: RPCWriter<[UInt8]>) async throws {
        try check(TestMessage.contents(7, of: request).last)
        for parameters in try TestMessage.contents(2, of: request) {
            try await Task.sleep(for: .microseconds(TestMessage.number(2, of: parameters)))
            try await writer.write(TestMessage().payload(1, TestMessage.number(1, of: parameters)).bytes)
        }
    }

    /// Ends the call with the status that the request asks for.
    private func check(_ status: [UInt8]?) throws {
        guard let status, let code = Status.Code(rawValue: try TestMessage.number(1, of: status)),
            let code = RPCError.Code(code)
        else { return }
        throw RPCError(
            code: code, message: String(decoding: try TestMessage.contents(2, of: status).joined(), as: UTF8.self))
    }
}
