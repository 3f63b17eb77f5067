import RPC
import RPCTransport
import Vocabulary

/// Cases of one request and one response.
extension ClientCases {
    static let unaryCases = [
        InteropClient.Case(name: "empty_unary") { try await $0.emptyUnary() },
        InteropClient.Case(name: "large_unary") { try await $0.largeUnary() },
        InteropClient.Case(name: "concurrent_large_unary") { try await $0.concurrentLargeUnary() },
        InteropClient.Case(name: "custom_metadata") { try await $0.customMetadata() },
    ]

    /// The request of `large_unary`.
    static var largeRequest: SimpleRequest {
        var request = SimpleRequest()
        request.responseByteCount = 314_159
        request.payload = Payload.zeros(271_828)
        return request
    }

    private func emptyUnary() async throws {
        let response = try await unary("EmptyCall", Bytes())
        try expect(response.message.isEmpty, "Empty has \(response.message.count) bytes")
    }

    func largeUnary() async throws {
        try expectZeros(await unary("UnaryCall", Self.largeRequest.bytes).message, Self.largeRequest.responseByteCount)
    }

    /// A hundred at once share one connection and its window.
    private func concurrentLargeUnary() async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<100 { group.addTask { try await largeUnary() } }
            try await group.waitForAll()
        }
    }

    private func customMetadata() async throws {
        var metadata = Metadata()
        try metadata.append(EchoKey.initial, "test_initial_metadata_value")
        try metadata.append(EchoKey.trailing, binary: Bytes([0xAB, 0xAB, 0xAB]))

        let response = try await unary("UnaryCall", Self.largeRequest.bytes, metadata)
        try expectZeros(response.message, Self.largeRequest.responseByteCount)
        try expectEcho(response.initialMetadata, response.trailingMetadata)

        let call = await stream("FullDuplexCall", options(metadata))
        let request = StreamingOutputRequest(
            responses: [ResponseParameters(byteCount: 314_159)], payload: Payload.zeros(271_828))
        try await call.write(request.bytes)
        try await call.finishWriting()
        try expectZeros(await call.next(), 314_159)
        try await expectEnd(call)
        try expectEcho(await call.responseMetadata(), await call.responseTrailers())
    }

    private func expectEcho(_ initial: Metadata, _ trailing: Metadata) throws {
        try expect(
            initial.firstText(of: EchoKey.initial) == "test_initial_metadata_value", "initial metadata: \(initial)")
        try expect(
            trailing.firstBinary(of: EchoKey.trailing) == Bytes([0xAB, 0xAB, 0xAB]), "trailing metadata: \(trailing)")
    }
}
