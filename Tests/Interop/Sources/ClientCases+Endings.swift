import RPC
import RPCTransport
import Vocabulary

/// Cases that end with another status than OK.
extension ClientCases {
    static let statusCases = [
        InteropClient.Case(name: "status_code_and_message") { try await $0.statusCodeAndMessage() },
        InteropClient.Case(name: "special_status_message") { try await $0.specialStatusMessage() },
        InteropClient.Case(name: "unimplemented_method") { try await $0.unimplementedMethod() },
        InteropClient.Case(name: "unimplemented_service") { try await $0.unimplementedService() },
    ]

    static let endingCases = [
        InteropClient.Case(name: "cancel_after_begin") { try await $0.cancelAfterBegin() },
        InteropClient.Case(name: "cancel_after_first_response") { try await $0.cancelAfterFirstResponse() },
        InteropClient.Case(name: "timeout_on_sleeping_server") { try await $0.timeoutOnSleepingServer() },
    ]

    private func statusCodeAndMessage() async throws {
        let status = EchoStatus(code: Int32(StatusCode.unknown.rawValue), message: "test status message")
        var request = SimpleRequest()
        request.status = status
        try await expectStatus(.unknown, status.message) { _ = try await unary("UnaryCall", request.bytes) }

        try await expectStatus(.unknown, status.message) {
            let call = await stream("FullDuplexCall")
            var request = StreamingOutputRequest()
            request.status = status
            try await call.write(request.bytes)
            try await call.finishWriting()
            try await expectEnd(call)
        }
    }

    private func specialStatusMessage() async throws {
        let message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
        var request = SimpleRequest()
        request.status = EchoStatus(code: Int32(StatusCode.unknown.rawValue), message: message)
        try await expectStatus(.unknown, message) { _ = try await unary("UnaryCall", request.bytes) }
    }

    private func unimplementedMethod() async throws {
        try await expectStatus(.unimplemented) { _ = try await unary("UnimplementedCall", Bytes()) }
    }

    private func unimplementedService() async throws {
        try await expectStatus(.unimplemented) {
            _ = try await unary("/grpc.testing.UnimplementedService/UnimplementedCall", Bytes())
        }
    }

    private func cancelAfterBegin() async throws {
        let call = await stream("StreamingInputCall")
        call.cancel()
        try await expectStatus(.cancelled) { _ = try await call.next() }
    }

    private func cancelAfterFirstResponse() async throws {
        let call = await stream("FullDuplexCall")
        let request = StreamingOutputRequest(
            responses: [ResponseParameters(byteCount: 31_415)], payload: Payload.zeros(27_182))
        try await call.write(request.bytes)
        try expectZeros(await call.next(), 31_415)
        call.cancel()
        try await expectStatus(.cancelled) { _ = try await call.next() }
    }

    /// The server waits for more requests; the deadline of a millisecond ends the call.
    private func timeoutOnSleepingServer() async throws {
        let call = await stream("FullDuplexCall", options(timeoutNanoseconds: 1_000_000))
        try await expectStatus(.deadlineExceeded) {
            try await call.write(StreamingOutputRequest(payload: Payload.zeros(27_182)).bytes)
            _ = try await call.next()
        }
    }
}
