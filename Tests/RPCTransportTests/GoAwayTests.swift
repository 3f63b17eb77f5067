import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import TestSupport
import Testing
import Vocabulary

@Suite("What a client makes of a server's last words")
struct GoAwayTests {
    private static func goAway(_ lastStreamID: UInt32, _ code: UInt32 = 0) -> [UInt8] {
        Frames.goAway(last: lastStreamID, code: code)
    }

    private static func finish(_ bench: ChannelBench, _ server: RawServer, _ index: Int) throws {
        try bench.answer(
            server, server.requests[index].stream, headers: ChannelTests.gRPCHeaders, body: ChannelTests.frame,
            trailers: [("grpc-status", "0")])
    }

    @Test(
        "C144 C165: calls above the last identifier are made again elsewhere, and those up to it finish where they are")
    func lastIdentifier() throws {
        let bench = try ChannelBench()
        let outcomes = (0..<3).map { _ in bench.call() }
        bench.say(bench.servers[0], Self.goAway(1))
        try #require(bench.servers.count == 2)
        #expect(bench.servers[1].requests.count == 2)
        #expect(bench.servers[1].requests.allSatisfy { $0.body == bench.servers[0].requests[1].body })
        try Self.finish(bench, bench.servers[0], 0)
        for index in 0..<2 { try Self.finish(bench, bench.servers[1], index) }
        #expect(outcomes.allSatisfy { $0.response != nil })
    }

    @Test("C144: a second GOAWAY may take less in: what it leaves out is made again elsewhere")
    func narrowing() throws {
        let bench = try ChannelBench()
        let outcomes = (0..<2).map { _ in bench.call() }
        bench.say(bench.servers[0], Self.goAway(0x7FFF_FFFF))
        #expect(bench.servers.count == 1 && outcomes.allSatisfy { !$0.isFinished })
        bench.say(bench.servers[0], Self.goAway(1))
        try #require(bench.servers.count == 2)
        try Self.finish(bench, bench.servers[0], 0)
        try Self.finish(bench, bench.servers[1], 0)
        #expect(outcomes.allSatisfy { $0.response != nil })
    }

    @Test(
        "C144: a second GOAWAY that takes more in, and an even last identifier, end the connection",
        arguments: [[1, 3], [2], [0x7FFF_FFFF, 1, 0x7FFF_FFFF]] as [[UInt32]])
    func impossible(lastStreamIDs: [UInt32]) throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        bench.servers[0].keepsReceived = true
        for id in lastStreamIDs { bench.say(bench.servers[0], Self.goAway(id)) }
        #expect(outcome.failure?.error.code == .unavailable)
        #expect(bench.servers[0].isClosed)
        let goAways = RawFrame.all(in: bench.servers[0].received).filter { $0.type == RawFrame.goAway }
        #expect(goAways.count == 1, "one is all a client has to say")
    }

    @Test("C101: a reset behind the trailers changes nothing", arguments: [0, 8, 2] as [UInt32])
    func resetBehindTrailers(code: UInt32) throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        let server = bench.servers[0]
        // Both leave in one piece.
        try bench.loop.becomeCurrent {
            let stream = server.requests[0].stream
            try server.session.submitHeaders(stream, ChannelBench.list(ChannelTests.gRPCHeaders), .more)
            try server.session.submitTrailers(stream, ChannelBench.list([("grpc-status", "9")]))
            try server.flush()
            server.send(raw: Frames.reset(UInt32(stream.id), code: code))
        }
        bench.settle()
        #expect(outcome.failure?.error.code == .failedPrecondition)
        _ = bench.call()
        #expect(bench.servers.count == 1 && server.requests.count == 2, "the connection goes on")
    }
}
