import EventLoops
import RPC
import RPCTransport
import Vocabulary

/// The test cases of a client, with what they share.
///
/// - Source: grpc/grpc `doc/interop-test-descriptions.md`.
struct ClientCases: Sendable {
    let channel: RPCChannel
    /// Calls that the soak cases make.
    let soakIterationCount: Int
    /// Whether the server can see that a request came otherwise than announced, and refuses it.
    let probesCompression: Bool
    /// Another channel to the same server.
    let newChannel: @Sendable () -> RPCChannel

    /// A server that does not answer within this time fails the case, instead of hanging it.
    private static let timeoutNanoseconds: UInt64 = 60_000_000_000

    static let all: [InteropClient.Case] =
        unaryCases + streamingCases + statusCases + endingCases + soakCases

    // MARK: Calls

    func options(timeoutNanoseconds: UInt64 = timeoutNanoseconds, _ metadata: Metadata = Metadata()) -> CallOptions {
        var options = CallOptions()
        options.deadline = Deadline(SystemClock().now().advanced(byNanoseconds: timeoutNanoseconds))
        options.metadata = metadata
        return options
    }

    func unary(_ method: String, _ request: Bytes, _ metadata: Metadata = Metadata()) async throws -> UnaryResponse {
        try await channel.unary(Self.path(method), request, options: options(metadata))
    }

    func stream(_ method: String, _ options: CallOptions? = nil) async -> ClientCall {
        await channel.stream(Self.path(method), options: options ?? self.options())
    }

    private static func path(_ method: String) -> Bytes {
        Bytes(utf8: method.hasPrefix("/") ? method : TestService.path + method)
    }

    // MARK: Expectations

    func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) throws {
        guard isTrue else { throw CaseFailure(description: what()) }
    }

    /// The payload of a response: so many zeros.
    func expectZeros(_ message: Bytes?, _ count: Int32) throws {
        guard let message else { throw CaseFailure(description: "the stream ended before a payload of \(count)") }
        let payload = try PayloadResponse(message).payload
        try expect(payload.count == count, "a payload of \(count) bytes was expected, \(payload.count) came")
        try expect(payload.withUnsafeBytes { $0.allSatisfy { $0 == 0 } }, "the payload is not zeros")
    }

    /// The stream ends here, with OK.
    func expectEnd(_ call: ClientCall) async throws {
        let extra = try await call.next()
        try expect(extra == nil, "another message came where the end was expected")
    }

    /// `body` fails with this status, and this message unless it is nil.
    func expectStatus(
        _ code: StatusCode, _ message: String? = nil, _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let failure as RPCFailure {
            try expect(failure.error.code == code, "\(code.name) was expected, but it was \(failure)")
            if let message {
                try expect(failure.error.message == message, "the message is '\(failure.error.message)'")
            }
            return
        }
        throw CaseFailure(description: "\(code.name) was expected, but the call succeeded")
    }
}
