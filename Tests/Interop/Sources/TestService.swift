import Compression
import RPC
import Vocabulary

/// The methods of `grpc.testing.TestService`, whose answers the caller chooses.
enum TestService {
    static let path = "/grpc.testing.TestService/"

    /// The most zeros one response may be asked for: what clients accept unless told otherwise.
    private static let payloadByteCountMax: Int32 = 4 << 20

    static var methods: MethodTable {
        var methods = MethodTable()
        methods.register(unary: path + "EmptyCall") { context, _ in
            echoMetadata(context)
            return Bytes()
        }
        for name in ["UnaryCall", "CacheableUnaryCall"] { methods.register(unary: path + name, handler: answerUnary) }
        methods.register(serverStream: path + "StreamingOutputCall") { context, message, writer in
            echoMetadata(context)
            let request: StreamingOutputRequest = try decode(message)
            if request.responses.contains(where: { $0.isCompressed == true }) { context.setResponseCompression(.gzip) }
            try await answer(request, to: writer)
        }
        methods.register(clientStream: path + "StreamingInputCall", handler: addUp)
        methods.register(stream: path + "FullDuplexCall") { context, requests, writer in
            echoMetadata(context)
            while let message = try await requests.next() { try await answer(decode(message), to: writer) }
        }
        methods.register(stream: path + "HalfDuplexCall") { context, requests, writer in
            echoMetadata(context)
            var waiting: [StreamingOutputRequest] = []
            while let message = try await requests.next() { waiting.append(try decode(message)) }
            for request in waiting { try await answer(request, to: writer) }
        }
        // For the benchmarks: nothing but messages back and forth.
        methods.register(stream: "/apus.benchmarks.Echo/EchoStream") { _, requests, writer in
            while let message = try await requests.next() { try await writer.write(message) }
        }
        return methods
    }

    private static func answerUnary(_ context: ServerContext, _ message: Bytes) async throws -> Bytes {
        echoMetadata(context)
        let request: SimpleRequest = try decode(message)
        try check(request.expectsCompression, context)
        try check(request.status)
        if let isCompressed = request.responseIsCompressed {
            context.setResponseCompression(isCompressed ? .gzip : nil)
        }
        return PayloadResponse(payload: try zeros(request.responseByteCount)).bytes
    }

    private static func addUp(_ context: ServerContext, _ requests: RequestStream) async throws -> Bytes {
        echoMetadata(context)
        var byteCount = 0
        while let message = try await requests.next() {
            let request: StreamingInputRequest = try decode(message)
            try check(request.expectsCompression, context)
            byteCount += request.payload.count
        }
        return StreamingInputResponse(payloadByteCount: Int32(clamping: byteCount)).bytes
    }

    private static func answer(_ request: StreamingOutputRequest, to writer: ResponseWriter) async throws {
        try check(request.status)
        for response in request.responses {
            if response.intervalMicroseconds > 0 {
                try await Task.sleep(for: .microseconds(Int(response.intervalMicroseconds)))
            }
            try await writer.write(
                PayloadResponse(payload: try zeros(response.byteCount)).bytes,
                compression: response.isCompressed == false ? .forbidden : .allowed)
        }
    }

    private static func decode<Message: TestMessage>(_ bytes: Bytes) throws -> Message {
        do {
            return try Message(bytes)
        } catch {
            throw ServingError(.internal, "the request is no \(Message.self)", label: "malformed_request")
        }
    }

    private static func zeros(_ count: Int32) throws -> Bytes {
        guard count <= payloadByteCountMax else {
            throw ServingError(
                .invalidArgument, "\(count) bytes were asked for, at most \(payloadByteCountMax) are given")
        }
        return Payload.zeros(count)
    }

    /// Ends the call with the status that the request asks for.
    private static func check(_ status: EchoStatus?) throws {
        guard let status, status.code != 0 else { return }
        throw ServingError(StatusCode(rawValue: Int(status.code)) ?? .unknown, status.message, label: "asked_for")
    }

    /// Refuses a request that came compressed where it says that it does not, or the other way round.
    private static func check(_ expectsCompression: Bool?, _ context: ServerContext) throws {
        guard let expectsCompression, expectsCompression != context.requestWasCompressed else { return }
        throw ServingError(
            .invalidArgument, "the request came \(expectsCompression ? "as it is" : "compressed")", label: "compression"
        )
    }

    /// Sends back the two keys that the test case `custom_metadata` knows.
    private static func echoMetadata(_ context: ServerContext) {
        var initial = Metadata()
        var trailing = Metadata()
        for entry in context.requestMetadata.entries {
            switch (entry.name, entry.value) {
            case (EchoKey.initial, .text(let text)): try? initial.append(entry.name, text)
            case (EchoKey.trailing, .binary(let bytes)): try? trailing.append(entry.name, binary: bytes)
            default: break
            }
        }
        context.setInitialMetadata(initial)
        context.setTrailingMetadata(trailing)
    }
}

/// The metadata that the server sends back.
enum EchoKey {
    static let initial = "x-grpc-test-echo-initial"
    static let trailing = "x-grpc-test-echo-trailing-bin"
}
