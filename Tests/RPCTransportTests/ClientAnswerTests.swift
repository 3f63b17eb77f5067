import EventLoops
import HTTP2
import RPC
import RPCTransport
import TestSupport
import Testing
import Vocabulary

@Suite("What callers learn of answers that are odd, early or late")
struct ClientAnswerTests {
    private static let interim = [(":status", "100")]

    private static func headers(
        _ request: RawServer.Request, _ fields: [(String, String)], end: Bool
    ) -> [UInt8] {
        Frames.headers(UInt32(request.stream.id), fields, end: end)
    }

    private static func finish(_ bench: ChannelBench, _ request: RawServer.Request) throws {
        try bench.answer(
            bench.servers[0], request.stream, headers: ChannelTests.gRPCHeaders, body: ChannelTests.frame,
            trailers: [("grpc-status", "0")])
    }

    @Test("C87: a response that is not gRPC is quoted: its status, its content-type, the first KiB of its body")
    func quoted() throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        let page = "<html>" + String(repeating: "x", count: 2_000)
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream,
            headers: [(":status", "503"), ("content-type", "text/html")], body: Array(page.utf8), trailers: nil)
        #expect(outcome.failure?.error.code == .unavailable)
        #expect(
            outcome.failure?.error.message
                == "not a gRPC response: HTTP status 503, content-type text/html, body: \(page.prefix(1_024))")
    }

    @Test("C87: a page whose end does not come is not waited for longer than a second")
    func endlessPage() throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try bench.speak(server) {
            let list = try ChannelBench.list([(":status", "404"), ("content-type", "text/plain")])
            try server.session.submitHeaders(server.requests[0].stream, list, .more)
            server.session.submitData(server.requests[0].stream, Bytes(utf8: "no such"), .more)
        }
        bench.advance(seconds: 0.9)
        #expect(!outcome.isFinished)
        bench.advance(seconds: 0.2)
        #expect(outcome.failure?.error.code == .unimplemented)
        #expect(outcome.failure?.error.message.hasSuffix("text/plain, body: no such") == true)
        #expect(server.requests[0].closeCode == .cancel)
    }

    @Test("C84: a status that nobody knows is named in the message", arguments: [("99", "99"), ("x", "unreadable")])
    func unknownStatus(text: String, shown: String) throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream, headers: ChannelTests.gRPCHeaders, body: nil,
            trailers: [("grpc-status", text), ("grpc-message", "why")])
        #expect(outcome.failure?.error.code == .unknown)
        #expect(outcome.failure?.error.message == "unknown grpc-status (\(shown)): why")
    }

    @Test("C86: an interim response is passed over; one that ends the stream is INTERNAL")
    func interimResponse() throws {
        let bench = try ChannelBench()
        let outcomes = [bench.call(), bench.call()]
        let requests = bench.servers[0].requests
        bench.say(bench.servers[0], Self.headers(requests[0], Self.interim, end: false))
        #expect(!outcomes[0].isFinished)
        try Self.finish(bench, requests[0])
        #expect(outcomes[0].response?.message == Bytes([42]))
        bench.say(bench.servers[0], Self.headers(requests[1], Self.interim, end: true))
        #expect(outcomes[1].failure?.error.code == .internal)
    }

    @Test("S73: a client that has its status before it has sent everything resets its stream with NO_ERROR")
    func earlyStatus() throws {
        let bench = try ChannelBench()
        let conversation = bench.converse()
        bench.act(conversation) { try await $0.call.write(Bytes([1])) }
        let server = bench.servers[0]
        server.keepsReceived = true
        bench.say(
            server, Self.headers(server.requests[0], ChannelTests.gRPCHeaders + [("grpc-status", "9")], end: true))
        bench.act(conversation) { _ = try await $0.call.next() }
        #expect(conversation.failure?.error.code == .failedPrecondition)
        #expect(
            RawFrame.all(in: server.received) == [RawFrame(type: RawFrame.reset, stream: 1, payload: [0, 0, 0, 0])])
    }

    @Test("C74: behind the trailers writing returns at once, and the status is what the caller sees")
    func writingBehindTheTrailers() throws {
        let bench = try ChannelBench()
        bench.serversConsume = false
        let conversation = bench.converse()
        bench.act(conversation) { try await $0.call.write(Bytes([1])) }
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream,
            headers: ChannelTests.gRPCHeaders + [("grpc-status", "9")], body: nil, trailers: nil)
        bench.act(conversation) { conversation in
            // More than any window or queue takes.
            for _ in 0..<10 { try await conversation.call.write(Bytes([UInt8](repeating: 1, count: 1 << 20))) }
            try await conversation.call.finishWriting()
        }
        #expect(conversation.isAtRest && conversation.failure == nil)
        bench.act(conversation) { _ = try await $0.call.next() }
        #expect(conversation.failure?.error.code == .failedPrecondition)
    }

    @Test("B75: messages that came before the status are read before it, however late, and then it stays")
    func messagesBeforeTheStatus() throws {
        let bench = try ChannelBench()
        let conversation = bench.converse()
        bench.act(conversation) { try await $0.call.write(Bytes([1])) }
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream, headers: ChannelTests.gRPCHeaders,
            body: ChannelTests.frame + ChannelTests.frame, trailers: [("grpc-status", "10")])
        for _ in 0..<2 {
            bench.act(conversation) { conversation in
                while try await conversation.call.next() != nil { conversation.count += 1 }
            }
            #expect(conversation.count == 2 && conversation.failure?.error.code == .aborted)
        }
    }

    @Test("C103: a reset before the trailers fails the call, behind what came before it")
    func resetInTheMiddle() throws {
        let bench = try ChannelBench()
        let conversation = bench.converse()
        bench.act(conversation) { try await $0.call.write(Bytes([1])) }
        let server = bench.servers[0]
        let stream = server.requests[0].stream
        try bench.speak(server) {
            try server.session.submitHeaders(stream, ChannelBench.list(ChannelTests.gRPCHeaders), .more)
            server.session.submitData(stream, Bytes(ChannelTests.frame + [0, 0, 0, 0, 9, 1]), .more)
        }
        try bench.speak(server) { server.session.reset(stream, .noError) }
        bench.act(conversation) { conversation in
            while try await conversation.call.next() != nil { conversation.count += 1 }
        }
        #expect(conversation.count == 1 && conversation.failure?.error.code == .internal)
    }

    @Test("B58: an OK behind half a message is INTERNAL, whatever came before", arguments: [1, 4, 5, 6])
    func endInsideAMessage(byteCount: Int) throws {
        let bench = try ChannelBench()
        let conversation = bench.converse()
        bench.act(conversation) { try await $0.call.write(Bytes([1])) }
        let body = ChannelTests.frame + [0, 0, 0, 0, 9, 1].prefix(byteCount)
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream, headers: ChannelTests.gRPCHeaders, body: body,
            trailers: [("grpc-status", "0")])
        bench.act(conversation) { conversation in
            while try await conversation.call.next() != nil { conversation.count += 1 }
        }
        #expect(conversation.count == 1 && conversation.failure?.error.code == .internal)
        #expect(conversation.failure?.error.label == "truncated_message")
    }

    @Test("B110: what comes behind the deadline changes nothing")
    func late() throws {
        let bench = try ChannelBench()
        let outcome = bench.call { $0.deadline = bench.deadline(seconds: 1) }
        bench.advance(seconds: 1.1)
        #expect(outcome.failure?.error.code == .deadlineExceeded)
        let server = bench.servers[0]
        bench.say(
            server, Self.headers(server.requests[0], ChannelTests.gRPCHeaders + [("grpc-status", "0")], end: true))
        #expect(outcome.response == nil)
        let next = bench.call()
        try Self.finish(bench, try #require(server.requests.last))
        #expect(next.response != nil && bench.servers.count == 1, "the connection goes on")
    }

    @Test(
        "C6 C14: the deadline runs while a call waits for its turn, and what is left of it is what the server is told")
    func waiting() throws {
        let bench = try ChannelBench()
        bench.serverConfiguration.concurrentStreamCountMax = 1
        _ = bench.call()
        let patient = bench.call { $0.deadline = bench.deadline(seconds: 5) }
        let hasty = bench.call { $0.deadline = bench.deadline(seconds: 1) }
        bench.advance(seconds: 2)
        #expect(hasty.failure?.error.code == .deadlineExceeded && !patient.isFinished)
        let server = bench.servers[0]
        #expect(server.requests.count == 1)
        try Self.finish(bench, server.requests[0])
        try #require(server.requests.count == 2)
        #expect(server.requests[1].fields.contains { $0 == ("grpc-timeout", "3000000u") })
    }
}
