import RPC
import RPCTransport
import Vocabulary

/// Cases of several messages.
extension ClientCases {
    static let streamingCases = [
        InteropClient.Case(name: "client_streaming") { try await $0.clientStreaming() },
        InteropClient.Case(name: "server_streaming") { try await $0.serverStreaming() },
        InteropClient.Case(name: "ping_pong") { try await $0.pingPong() },
        InteropClient.Case(name: "empty_stream") { try await $0.emptyStream() },
    ]

    static let requestByteCounts: [Int32] = [27_182, 8, 1_828, 45_904]
    static let responseByteCounts: [Int32] = [31_415, 9, 2_653, 58_979]

    private func clientStreaming() async throws {
        let call = await stream("StreamingInputCall")
        for count in Self.requestByteCounts {
            try await call.write(StreamingInputRequest(payload: Payload.zeros(count)).bytes)
        }
        try await call.finishWriting()
        guard let message = try await call.next() else { throw CaseFailure(description: "no response came") }
        let sum = try StreamingInputResponse(message).payloadByteCount
        try expect(sum == 74_922, "74922 bytes were sent, \(sum) counted")
        try await expectEnd(call)
    }

    private func serverStreaming() async throws {
        let call = await stream("StreamingOutputCall")
        let request = StreamingOutputRequest(
            responses: Self.responseByteCounts.map { ResponseParameters(byteCount: $0) })
        try await call.write(request.bytes)
        try await call.finishWriting()
        for count in Self.responseByteCounts { try expectZeros(await call.next(), count) }
        try await expectEnd(call)
    }

    private func pingPong() async throws {
        let call = await stream("FullDuplexCall")
        for (requestCount, responseCount) in zip(Self.requestByteCounts, Self.responseByteCounts) {
            let request = StreamingOutputRequest(
                responses: [ResponseParameters(byteCount: responseCount)], payload: Payload.zeros(requestCount))
            try await call.write(request.bytes)
            try expectZeros(await call.next(), responseCount)
        }
        try await call.finishWriting()
        try await expectEnd(call)
    }

    private func emptyStream() async throws {
        let call = await stream("FullDuplexCall")
        try await call.finishWriting()
        try await expectEnd(call)
    }
}
