import EventLoops
import HTTP2
import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("A client holds back its server, and is held back")
struct ClientBackpressureTests {
    static let messageByteCount = 10_000
    static let windowByteCount = 65_536

    @Test("B120: a caller that does not read stops its server at the stream's window, and no other call")
    func slowCaller() throws {
        let bench = try ChannelBench { $0.http2.streamWindowByteCount = Int32(Self.windowByteCount) }
        let conversation = bench.converse()
        bench.act(conversation) { try await $0.call.write(Bytes([1])) }
        let server = bench.servers[0]
        let stream = server.requests[0].stream
        let body = (0..<100).flatMap { _ in RawClient.frame([UInt8](repeating: 7, count: Self.messageByteCount)).array }
        try bench.answer(
            server, stream, headers: ChannelTests.gRPCHeaders, body: body, trailers: [("grpc-status", "0")])
        // What a message and a half-used window round up to.
        let sent = body.count - server.session.pendingOutboundByteCount(stream)
        #expect(sent <= 2 * Self.windowByteCount + Self.messageByteCount)
        let other = bench.call()
        try bench.answer(
            server, server.requests[1].stream, headers: ChannelTests.gRPCHeaders, body: ChannelTests.frame,
            trailers: [("grpc-status", "0")])
        #expect(other.response != nil)
        bench.act(conversation) { conversation in
            while let message = try await conversation.call.next() { conversation.count += message.count }
        }
        #expect(conversation.isAtRest && conversation.failure == nil)
        #expect(conversation.count == 100 * Self.messageByteCount)
    }

    @Test("B123: a server that does not read stops its caller's writes; cancelling wakes the caller")
    func slowServer() throws {
        let bench = try ChannelBench()
        bench.serversConsume = false
        bench.serverConfiguration.streamWindowByteCount = Int32(Self.windowByteCount)
        let conversation = bench.converse()
        bench.act(conversation) { conversation in
            for _ in 0..<1_000 {
                try await conversation.call.write(Bytes([UInt8](repeating: 1, count: Self.messageByteCount)))
                conversation.count += 1
            }
            _ = try await conversation.call.next()
        }
        let bound = Self.windowByteCount + HTTP2Configuration().outboundHighWaterByteCount + 2 * Self.messageByteCount
        #expect(conversation.count > 0 && conversation.count * Self.messageByteCount <= bound)
        #expect(!conversation.isAtRest)
        bench.loop.becomeCurrent { conversation.task?.cancel() }
        bench.settle()
        #expect(conversation.isAtRest && conversation.failure?.error.code == .cancelled)
        #expect(bench.servers[0].requests[0].closeCode == .cancel)
    }
}
