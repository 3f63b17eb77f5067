import EventLoops
import HTTP2
import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("Statuses, trailers and the messages before them", .timeLimit(.minutes(10)))
struct StatusOrderTests {
    @Test(
        "B75: what a handler throws after its messages follows them, whatever its code",
        arguments: [StatusCode.deadlineExceeded, .aborted, .unavailable])
    func statusBehindMessages(code: StatusCode) async throws {
        try await Loopback.with(isSecure: false) { loopback in
            let call = await loopback.channel.stream(EchoService.failAfterMessages)
            try await call.write(Bytes([UInt8(code.rawValue)]))
            try await call.finishWriting()
            #expect(try await call.next()?.count == 1)
            #expect(try await call.next()?.count == 1)
            let failure = await #expect(throws: RPCFailure.self) { try await call.next() }
            #expect(failure?.error.code == code && failure?.error.message == "after two messages")
            let again = await #expect(throws: RPCFailure.self) { try await call.next() }
            #expect(again?.error.code == code, "a call that has failed stays failed")
        }
    }

    @Test("B46: trailers keep fields of one name apart")
    func equalNames() throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream, headers: ChannelTests.gRPCHeaders,
            body: RawClient.frame([1]).array, trailers: [("x-bin", "AQ"), ("grpc-status", "0"), ("x-bin", "Ag==")])
        let values = outcome.response?.trailingMetadata.values(of: "x-bin")
        #expect(values == [.binary(Bytes([1])), .binary(Bytes([2]))])
    }

    @Test(
        "C89: status details reach the caller when their code is that of the status",
        arguments: [("CAU", true), ("CAU=", true), ("CAY", false), ("/w", false), ("", false)])
    func statusDetails(value: String, arrives: Bool) throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream, headers: ChannelTests.gRPCHeaders, body: nil,
            trailers: [("grpc-status", "5"), ("grpc-status-details-bin", value)])
        #expect(outcome.failure?.error.code == .notFound)
        #expect(outcome.failure?.statusDetails == (arrives ? Bytes([8, 5]) : nil))
    }

    @Test("C88: headers in the middle of a response that do not end it are INTERNAL")
    func headersInTheMiddle() throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        let server = bench.servers[0]
        let stream = server.requests[0].stream
        try bench.speak(server) {
            try server.session.submitHeaders(stream, ChannelBench.list(ChannelTests.gRPCHeaders), .more)
        }
        #expect(!outcome.isFinished)
        // HEADERS with END_HEADERS alone; the block is ":status: 200" of the static table.
        bench.loop.becomeCurrent { server.send(raw: [0, 0, 1, 1, 4, 0, 0, 0, UInt8(stream.id), 0x88]) }
        bench.settle()
        #expect(outcome.failure?.error.code == .internal)
        #expect(server.requests[0].closeCode == .protocolError)
    }
}
