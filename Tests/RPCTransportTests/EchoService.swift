import Compression
import RPC
import Synchronization
import Vocabulary

/// The methods the tests call, and what they saw.
final class EchoService: Sendable {
    static let unary = Bytes(utf8: "/test.Echo/Unary")
    static let serverStream = Bytes(utf8: "/test.Echo/ServerStream")
    static let clientStream = Bytes(utf8: "/test.Echo/ClientStream")
    static let bidirectional = Bytes(utf8: "/test.Echo/Bidirectional")
    static let fail = Bytes(utf8: "/test.Echo/Fail")
    static let failAfterMessages = Bytes(utf8: "/test.Echo/FailAfterMessages")
    static let hang = Bytes(utf8: "/test.Echo/Hang")

    struct ForeignError: Error {}

    /// Opens when a `Hang` handler has started, and when it saw its cancellation.
    let hangDidStart = Gate()
    let hangWasCancelled = Gate()
    /// Lets `Hang` handlers answer.
    let hangMayEnd = Gate()
    /// Lets `Stubborn` handlers answer.
    let stubbornMayEnd = Gate()
    /// Messages `ServerStream` has written.
    let writtenMessageCount = Atomic(0)
    let records = Mutex<[CallRecord]>([])

    var observer: CallObserver {
        CallObserver { record in self.records.withLock { $0.append(record) } }
    }

    var methods: MethodTable {
        var methods = MethodTable()
        methods.register(unary: "/test.Echo/Unary") { context, message in
            self.echoMetadata(context)
            return message
        }
        // "COUNT LENGTH": so many messages of that length.
        methods.register(serverStream: "/test.Echo/ServerStream") { _, message, writer in
            let numbers = (message.utf8String ?? "").split(separator: " ").compactMap { Int($0) }
            let answer = Bytes([UInt8](repeating: 7, count: numbers[1]))
            for _ in 0..<numbers[0] {
                try await writer.write(answer)
                self.writtenMessageCount.add(1, ordering: .relaxed)
            }
        }
        methods.register(clientStream: "/test.Echo/ClientStream") { _, requests in
            var byteCount = 0
            while let message = try await requests.next() { byteCount += message.count }
            return Bytes(utf8: String(byteCount))
        }
        methods.register(stream: "/test.Echo/Bidirectional") { context, requests, writer in
            self.echoMetadata(context)
            while let message = try await requests.next() { try await writer.write(message) }
        }
        // As `Bidirectional`, but the headers do not wait for a message.
        methods.register(stream: "/test.Echo/HeadersFirst") { context, requests, writer in
            self.echoMetadata(context)
            context.sendInitialMetadata()
            while let message = try await requests.next() { try await writer.write(message) }
        }
        methods.register(stream: "/test.Echo/WasCompressed") { context, requests, writer in
            while try await requests.next() != nil {
                try await writer.write(Bytes(utf8: context.requestWasCompressed ? "compressed" : "plain"))
            }
        }
        // Its message three times, the second never compressed; "x-wish" is the encoding.
        methods.register(serverStream: "/test.Echo/Compressed") { context, message, writer in
            let wish = context.requestMetadata.firstText(of: "x-wish") ?? ""
            context.setResponseCompression(CompressionFormat(rawValue: wish))
            try await writer.write(message)
            try await writer.write(message, compression: .forbidden)
            try await writer.write(message)
        }
        methods.register(unary: "/test.Echo/Fail") { context, message in
            var trailers = Metadata()
            try trailers.append("x-detail-bin", binary: Bytes([0xAB, 0xAB, 0xAB]))
            context.setTrailingMetadata(trailers)
            guard let code = StatusCode(rawValue: Int(message[0])) else { throw ForeignError() }
            throw ServingError(
                code, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n", label: "asked_for")
        }
        // Two messages, then the status whose number is the request.
        methods.register(serverStream: "/test.Echo/FailAfterMessages") { _, message, writer in
            try await writer.write(Bytes([1]))
            try await writer.write(Bytes([2]))
            throw ServingError(StatusCode(rawValue: Int(message[0])) ?? .unknown, "after two messages")
        }
        methods.register(unary: "/test.Echo/Hang") { _, message in
            self.hangDidStart.open()
            await withTaskCancellationHandler {
                await self.hangMayEnd.wait()
            } onCancel: {
                self.hangWasCancelled.open()
                self.hangMayEnd.open()
            }
            return message
        }
        // Does not care whether its call was cancelled.
        methods.register(unary: "/test.Echo/Stubborn") { _, message in
            await self.stubbornMayEnd.wait()
            return message
        }
        return methods
    }

    private func echoMetadata(_ context: ServerContext) {
        let request = context.requestMetadata
        var initial = Metadata()
        var trailing = Metadata()
        for value in request.values(of: "x-grpc-test-echo-initial") {
            if case .text(let text) = value { try? initial.append("x-grpc-test-echo-initial", text) }
        }
        for value in request.values(of: "x-grpc-test-echo-trailing-bin") {
            if case .binary(let bytes) = value { try? trailing.append("x-grpc-test-echo-trailing-bin", binary: bytes) }
        }
        context.setInitialMetadata(initial)
        context.setTrailingMetadata(trailing)
    }
}
