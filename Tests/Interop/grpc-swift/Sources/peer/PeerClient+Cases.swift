import GRPCCore

/// The test cases by their official names.
///
/// - Source: grpc/grpc `doc/interop-test-descriptions.md`.
extension PeerClient {
    static let all: [Case] = [
        ("empty_unary", { try await $0.emptyUnary() }),
        ("large_unary", { try await $0.largeUnary() }),
        ("client_streaming", { try await $0.clientStreaming() }),
        ("server_streaming", { try await $0.serverStreaming() }),
        ("ping_pong", { try await $0.pingPong() }),
        ("empty_stream", { try await $0.emptyStream() }),
        ("custom_metadata", { try await $0.customMetadata() }),
        ("status_code_and_message", { try await $0.statusCodeAndMessage() }),
        ("special_status_message", { try await $0.specialStatusMessage() }),
        ("unimplemented_method", { try await $0.unimplemented(.test("UnimplementedCall")) }),
        (
            "unimplemented_service",
            { try await $0.unimplemented(.test("UnimplementedCall", of: "UnimplementedService")) }
        ),
        ("cancel_after_begin", { try await $0.cancelAfterBegin() }),
        ("cancel_after_first_response", { try await $0.cancelAfterFirstResponse() }),
        ("timeout_on_sleeping_server", { try await $0.timeoutOnSleepingServer() }),
        ("rpc_soak", { for _ in 0..<20 { try await $0.largeUnary() } }),
        ("channel_soak", { for _ in 0..<10 { try await $0.withNewConnection { try await $0.largeUnary() } } }),
        ("concurrent_large_unary", { try await $0.concurrentLargeUnary() }),
        ("client_compressed_unary", { try await $0.clientCompressedUnary() }),
        ("client_compressed_streaming", { try await $0.clientCompressedStreaming() }),
        ("server_compressed_unary", { try await $0.serverCompressedUnary() }),
        ("server_compressed_streaming", { try await $0.serverCompressedStreaming() }),
    ]

    private static let requestByteCounts = [27_182, 8, 1_828, 45_904]
    private static let responseByteCounts = [31_415, 9, 2_653, 58_979]
    private static let metadata: Metadata = [
        EchoKey.initial: "test_initial_metadata_value", EchoKey.trailing: [0xAB, 0xAB, 0xAB],
    ]

    private static var large: TestMessage { TestMessage().number(2, 314_159).payload(3, 271_828) }

    /// A request for a response of the first size in a stream, with a payload of the second.
    private static func ask(_ responseByteCount: Int, _ requestByteCount: Int) -> TestMessage {
        TestMessage().field(2, TestMessage().number(1, responseByteCount).bytes).payload(3, requestByteCount)
    }

    private static func flag(_ isSet: Bool) -> [UInt8] { TestMessage().number(1, isSet ? 1 : 0).bytes }

    // MARK: One message

    private func emptyUnary() async throws {
        let answer = try await call("EmptyCall", TestMessage())
        try expect(answer.messages == [[]], "not one empty message: \(answer.messages)")
    }

    private func largeUnary() async throws {
        try expectZeros(await call("UnaryCall", Self.large).messages, [314_159])
    }

    private func concurrentLargeUnary() async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<50 { group.addTask { try await largeUnary() } }
            try await group.waitForAll()
        }
    }

    /// The first request is no way to ask for the answer: a server that looks refuses what is not as announced.
    private func clientCompressedUnary() async throws {
        let compressed = Self.large.field(8, Self.flag(true))
        try await expectStatus(.invalidArgument) { _ = try await call("UnaryCall", compressed) }
        try expectZeros(await call("UnaryCall", compression: .gzip, compressed).messages, [314_159])
        try expectZeros(await call("UnaryCall", compression: .deflate, compressed).messages, [314_159])
        try expectZeros(await call("UnaryCall", Self.large.field(8, Self.flag(false))).messages, [314_159])
    }

    private func serverCompressedUnary() async throws {
        for isCompressed in [true, false] {
            let request = Self.large.field(6, Self.flag(isCompressed))
            try expectZeros(await call("UnaryCall", request).messages, [314_159])
        }
    }

    // MARK: Streams

    private func clientStreaming() async throws {
        let answer = try await call(.test("StreamingInputCall")) { writer in
            for count in Self.requestByteCounts { try await writer.write(TestMessage().payload(1, count).bytes) }
        } receiving: {
            try await Answer($0)
        }
        try expect(answer.messages == [TestMessage().number(1, 74_922).bytes], "the sum is wrong")
    }

    /// All messages of a call are compressed, or none: the library has no choice for one of them.
    private func clientCompressedStreaming() async throws {
        let request = TestMessage().payload(1, 27_182).field(2, Self.flag(true))
        try await expectStatus(.invalidArgument) { _ = try await call("StreamingInputCall", request) }
        let answer = try await call("StreamingInputCall", compression: .gzip, request, request)
        try expect(answer.messages == [TestMessage().number(1, 54_364).bytes], "the sum is wrong")
    }

    private func serverStreaming() async throws {
        let request = Self.responseByteCounts.reduce(TestMessage()) { $0.field(2, TestMessage().number(1, $1).bytes) }
        try expectZeros(await call("StreamingOutputCall", request).messages, Self.responseByteCounts)
    }

    private func serverCompressedStreaming() async throws {
        let request = [(31_415, true), (92_653, false)].reduce(TestMessage()) { request, response in
            request.field(2, TestMessage().number(1, response.0).field(3, Self.flag(response.1)).bytes)
        }
        try expectZeros(await call("StreamingOutputCall", request).messages, [31_415, 92_653])
    }

    private func emptyStream() async throws {
        try expect(await call("FullDuplexCall").messages.isEmpty, "a message came")
    }

    private func pingPong() async throws {
        let (requests, continuation) = AsyncStream<TestMessage>.makeStream()
        let sizes = Array(zip(Self.responseByteCounts, Self.requestByteCounts))
        continuation.yield(Self.ask(sizes[0].0, sizes[0].1))
        try await call(.test("FullDuplexCall")) { writer in
            for await request in requests { try await writer.write(request.bytes) }
        } receiving: { response in
            var index = 0
            for try await message in response.messages {
                try expectZeros([message], [sizes[index].0])
                index += 1
                if index < sizes.count {
                    continuation.yield(Self.ask(sizes[index].0, sizes[index].1))
                } else {
                    continuation.finish()
                }
            }
            try expect(index == sizes.count, "\(index) responses came")
        }
    }

    private func customMetadata() async throws {
        for (method, request) in [("UnaryCall", Self.large), ("FullDuplexCall", Self.ask(314_159, 271_828))] {
            let answer = try await call(method, metadata: Self.metadata, request)
            try expectZeros(answer.messages, [314_159])
            try expect(
                Array(answer.initial[stringValues: EchoKey.initial]) == ["test_initial_metadata_value"],
                "\(method), initial: \(answer.initial)")
            try expect(
                Array(answer.trailing[binaryValues: EchoKey.trailing]) == [[0xAB, 0xAB, 0xAB]],
                "\(method), trailing: \(answer.trailing)")
        }
    }

    // MARK: Other ends than OK

    private func expectUnknown(_ method: String, _ message: String) async throws {
        let status = TestMessage().number(1, 2).field(2, Array(message.utf8))
        try await expectStatus(.unknown, message) { _ = try await call(method, TestMessage().field(7, status.bytes)) }
    }

    private func statusCodeAndMessage() async throws {
        for method in ["UnaryCall", "FullDuplexCall"] { try await expectUnknown(method, "test status message") }
    }

    private func specialStatusMessage() async throws {
        try await expectUnknown("UnaryCall", "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n")
    }

    private func unimplemented(_ method: MethodDescriptor) async throws {
        try await expectStatus(.unimplemented) {
            _ = try await call(method) {
                try await $0.write([])
            } receiving: {
                try await Answer($0)
            }
        }
    }

    private func cancelAfterBegin() async throws {
        let task = Task<Void, any Error> {
            _ = try await call(.test("StreamingInputCall")) { _ in
                try await Task.sleep(for: .seconds(60))
            } receiving: {
                try await Answer($0)
            }
        }
        try await expectCancellation(task)
    }

    private func cancelAfterFirstResponse() async throws {
        let (firstResponses, continuation) = AsyncStream<Void>.makeStream()
        let task = Task<Void, any Error> {
            try await call(.test("FullDuplexCall")) { writer in
                try await writer.write(Self.ask(31_415, 27_182).bytes)
                try await Task.sleep(for: .seconds(60))
            } receiving: { response in
                for try await message in response.messages {
                    try expectZeros([message], [31_415])
                    continuation.yield()
                }
            }
        }
        for await _ in firstResponses { break }
        try await expectCancellation(task)
    }

    /// The server waits for more requests; the deadline of a millisecond ends the call.
    private func timeoutOnSleepingServer() async throws {
        try await expectStatus(.deadlineExceeded) {
            _ = try await call(.test("FullDuplexCall"), timeout: .milliseconds(1)) { writer in
                try await writer.write(TestMessage().payload(3, 27_182).bytes)
                try await Task.sleep(for: .seconds(60))
            } receiving: {
                try await Answer($0)
            }
        }
    }
}
