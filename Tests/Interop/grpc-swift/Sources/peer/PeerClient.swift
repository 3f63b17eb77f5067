import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import RawMessages

/// Runs test cases against a server; the first that fails ends the program with 1.
struct PeerClient: Sendable {
    typealias Response = StreamingClientResponse<[UInt8]>
    typealias Case = (name: String, run: @Sendable (PeerClient) async throws -> Void)

    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    /// Runs something with another connection to the same server.
    let withNewConnection: @Sendable (@Sendable (PeerClient) async throws -> Void) async throws -> Void

    static func run(_ flags: Flags) async throws {
        let name = flags["test_case"] ?? "all"
        let names = name.split(separator: ",").map(String.init)
        let cases = name == "all" ? all : all.filter { names.contains($0.name) }
        guard !cases.isEmpty else { throw Failure("no test case '\(name)'") }
        for test in cases {
            // A connection for each, as the official clients have.
            do {
                try await withConnection(flags, test.run)
            } catch {
                throw Failure("\(test.name): \(error)")
            }
            print("passed: \(test.name)")
        }
    }

    private static func withConnection(
        _ flags: Flags, _ body: @Sendable (PeerClient) async throws -> Void
    ) async throws {
        try await withGRPCClient(transport: transport(flags)) { client in
            try await body(PeerClient(client: client) { try await withConnection(flags, $0) })
        }
    }

    private static func transport(_ flags: Flags) throws -> HTTP2ClientTransport.Posix {
        var security = HTTP2ClientTransport.Posix.TransportSecurity.plaintext
        if flags.isSecure {
            let authority = try flags.certificate("ca.pem")
            security = .tls { $0.trustRoots = .certificates([.file(path: authority, format: .pem)]) }
        }
        return try .http2NIOPosix(
            target: .ipv4(address: flags["server_host"] ?? "127.0.0.1", port: flags.port), transportSecurity: security,
            config: .defaults {
                $0.http2.authority = flags["server_host_override"]
                $0.compression.enabledAlgorithms = .all
            })
    }

    // MARK: Calls

    /// Makes a call and returns what `receive` makes of its response.
    ///
    /// A server that does not answer within a minute fails the case, instead of hanging it.
    func call<Result: Sendable>(
        _ method: MethodDescriptor, metadata: Metadata = [:], timeout: Duration = .seconds(60),
        compression: CompressionAlgorithm? = nil,
        sending producer: @escaping @Sendable (RPCWriter<[UInt8]>) async throws -> Void,
        receiving receive: @escaping @Sendable (Response) async throws -> Result
    ) async throws -> Result {
        var options = CallOptions.defaults
        options.timeout = timeout
        options.compression = compression
        return try await client.bidirectionalStreaming(
            request: StreamingClientRequest(metadata: metadata, producer: producer), descriptor: method,
            serializer: RawBytes(), deserializer: RawBytes(), options: options, onResponse: receive)
    }

    /// A call whose requests are known before; returns all responses.
    func call(
        _ method: String, metadata: Metadata = [:], compression: CompressionAlgorithm? = nil, _ requests: TestMessage...
    ) async throws -> Answer {
        try await call(.test(method), metadata: metadata, compression: compression) { writer in
            for request in requests { try await writer.write(request.bytes) }
        } receiving: {
            try await Answer($0)
        }
    }

    /// Everything a server answered.
    struct Answer: Sendable {
        let initial: Metadata
        var messages: [[UInt8]] = []
        var trailing: Metadata = [:]

        /// - Throws: `RPCError`, which is the call's status when it is not OK.
        init(_ response: Response) async throws {
            initial = response.metadata
            for try await part in response.bodyParts {
                switch part {
                case .message(let message): messages.append(message)
                case .trailingMetadata(let metadata): trailing = metadata
                }
            }
        }
    }

    // MARK: Expectations

    func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) throws {
        guard isTrue else { throw Failure(what()) }
    }

    /// The messages are payloads of so many zeros each.
    func expectZeros(_ messages: [[UInt8]], _ byteCounts: [Int]) throws {
        let bodies = try messages.map { try TestMessage.payload(1, of: $0) }
        try expect(bodies.map(\.count) == byteCounts, "payloads of \(bodies.map(\.count)) instead of \(byteCounts)")
        try expect(bodies.allSatisfy { $0.allSatisfy { $0 == 0 } }, "a payload is not zeros")
    }

    /// `body` fails with this status, and this message unless it is nil.
    func expectStatus(_ code: RPCError.Code, _ message: String? = nil, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as RPCError {
            try expect(error.code == code && message.map { $0 == error.message } ?? true, "it was \(error)")
            return
        }
        throw Failure("\(code) was expected, but the call succeeded")
    }

    /// Cancels the task of a call, which then fails.
    ///
    /// Which status the library gives to a call that its own side cancelled depends on where the task was: CANCELLED,
    /// UNKNOWN and UNAVAILABLE occur, and a bare `CancellationError`.
    func expectCancellation(_ task: Task<Void, any Error>) async throws {
        task.cancel()
        do {
            try await task.value
        } catch is RPCError {
            return
        } catch is CancellationError {
            return
        }
        throw Failure("the call succeeded although it was cancelled")
    }
}
