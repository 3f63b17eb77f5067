import Compression
import RPC
import RPCTransport
import Vocabulary

/// Cases whose messages are compressed, each of them or some.
extension ClientCases {
    static let compressionCases = [
        InteropClient.Case(name: "client_compressed_unary") { try await $0.clientCompressedUnary() },
        InteropClient.Case(name: "client_compressed_streaming") { try await $0.clientCompressedStreaming() },
        InteropClient.Case(name: "server_compressed_unary") { try await $0.serverCompressedUnary() },
        InteropClient.Case(name: "server_compressed_streaming") { try await $0.serverCompressedStreaming() },
    ]

    /// The first request is no way to ask for the answer: a server that looks refuses what is not as announced.
    private func clientCompressedUnary() async throws {
        var request = Self.largeRequest
        request.expectsCompression = true
        if probesCompression {
            try await expectStatus(.invalidArgument) { _ = try await unary("UnaryCall", request.bytes) }
        }
        for format in CompressionFormat.allCases {
            let call = await stream("UnaryCall", options(format))
            try await call.write(request.bytes)
            try await call.finishWriting()
            try expectZeros(await call.next(), request.responseByteCount)
            try await expectEnd(call)
        }
        request.expectsCompression = false
        try expectZeros(await unary("UnaryCall", request.bytes).message, request.responseByteCount)
    }

    private func clientCompressedStreaming() async throws {
        if probesCompression {
            let probe = await stream("StreamingInputCall")
            try await probe.write(
                StreamingInputRequest(payload: Payload.zeros(27_182), expectsCompression: true).bytes)
            try await expectStatus(.invalidArgument) { _ = try await probe.next() }
        }

        let call = await stream("StreamingInputCall", options(.gzip))
        try await call.write(StreamingInputRequest(payload: Payload.zeros(27_182), expectsCompression: true).bytes)
        try await call.write(
            StreamingInputRequest(payload: Payload.zeros(45_904), expectsCompression: false).bytes,
            compression: .forbidden)
        try await call.finishWriting()
        guard let message = try await call.next() else { throw CaseFailure(description: "no response came") }
        let sum = try StreamingInputResponse(message).payloadByteCount
        try expect(sum == 73_086, "73086 bytes were sent, \(sum) counted")
        try await expectEnd(call)
    }

    private func serverCompressedUnary() async throws {
        for isCompressed in [true, false] {
            var request = Self.largeRequest
            request.responseIsCompressed = isCompressed
            let call = await stream("UnaryCall")
            try await call.write(request.bytes)
            try await call.finishWriting()
            try await expectZeros(call, request.responseByteCount, isCompressed: isCompressed)
            try await expectEnd(call)
        }
    }

    private func serverCompressedStreaming() async throws {
        let responses = [
            ResponseParameters(byteCount: 31_415, isCompressed: true),
            ResponseParameters(byteCount: 92_653, isCompressed: false),
        ]
        let call = await stream("StreamingOutputCall")
        try await call.write(StreamingOutputRequest(responses: responses).bytes)
        try await call.finishWriting()
        for response in responses {
            try await expectZeros(call, response.byteCount, isCompressed: response.isCompressed == true)
        }
        try await expectEnd(call)
    }

    private func options(_ format: CompressionFormat) -> CallOptions {
        var options = self.options()
        options.compression = format
        return options
    }

    /// The next payload of a call is so many zeros, and came in the way that was asked for.
    private func expectZeros(_ call: ClientCall, _ count: Int32, isCompressed: Bool) async throws {
        try expectZeros(await call.next(), count)
        let wasCompressed = await call.responseWasCompressed()
        try expect(wasCompressed == isCompressed, "the response came \(wasCompressed ? "compressed" : "as it is")")
    }
}
