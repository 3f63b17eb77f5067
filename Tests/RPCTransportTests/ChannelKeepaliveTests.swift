import HTTP2
import RPC
import RPCTransport
import Synchronization
import TestSupport
import Testing
import Vocabulary

@Suite("How a channel watches its connections, and takes their end")
struct ChannelKeepaliveTests {
    static let second: UInt64 = 1_000_000_000

    private static func bench(
        time: UInt64 = 30, _ change: @escaping (inout RPCChannelConfiguration) -> Void = { _ in }
    ) throws -> ChannelBench {
        try ChannelBench {
            $0.keepalive.timeNanoseconds = time * second
            change(&$0)
        }
    }

    private static func finish(_ bench: ChannelBench, _ server: RawServer, _ index: Int) throws {
        try bench.answer(
            server, server.requests[index].stream, headers: ChannelTests.gRPCHeaders, body: ChannelTests.frame,
            trailers: [("grpc-status", "0")])
    }

    @Test("C130: a server that is silent during a call is asked, and the call goes on while it answers")
    func pings() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let server = bench.servers[0]
        bench.advance(seconds: 29)
        #expect(server.pingCount == 0)
        for count in 1...3 {
            bench.advance(seconds: count == 1 ? 1 : 30)
            #expect(server.pingCount == count)
        }
        try Self.finish(bench, server, 0)
        #expect(outcome.response != nil)
        // Without calls nobody is asked.
        bench.advance(seconds: 300)
        #expect(server.pingCount <= 4)
        let count = server.pingCount
        bench.advance(seconds: 300)
        #expect(server.pingCount == count)
    }

    @Test("C131: a server that answers no PING is given up, and its calls are UNAVAILABLE")
    func silentServer() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        bench.servers[0].isDeaf = true
        bench.advance(seconds: 30)
        bench.advance(seconds: 19)
        #expect(!outcome.isFinished)
        bench.advance(seconds: 1)
        #expect(outcome.failure?.error.code == .unavailable)
        #expect(outcome.failure?.error.message.contains("PING") == true)
    }

    @Test("C130: a call that begins after a long silence is preceded by a PING")
    func pingFirst() throws {
        let bench = try Self.bench()
        _ = bench.call()
        try Self.finish(bench, bench.servers[0], 0)
        bench.advance(seconds: 30)
        bench.advance(seconds: 1_000)
        #expect(bench.servers[0].pingCount == 0)
        bench.servers[0].keepsReceived = true
        _ = bench.call()
        #expect(bench.servers[0].pingCount == 1)
        #expect(bench.servers[0].requests.count == 2)
        let types = RawFrame.all(in: bench.servers[0].received).map(\.type)
        #expect(types.first == RawFrame.ping && types.contains(RawFrame.headers))
    }

    @Test("C130: a channel told to ask every five seconds asks every ten")
    func shortTime() throws {
        let bench = try Self.bench(time: 5)
        _ = bench.call()
        bench.advance(seconds: 9.9)
        #expect(bench.servers[0].pingCount == 0)
        bench.advance(seconds: 0.1)
        #expect(bench.servers[0].pingCount == 1)
    }

    @Test("B135: TCP is told to give up after the keepalive timeout, and nothing without keepalive")
    func userTimeout() throws {
        for (bench, milliseconds) in [(try Self.bench(), 20_000), (try ChannelBench(), 0)] as [(ChannelBench, UInt32)] {
            _ = bench.call()
            #expect(bench.clientEnds.map(\.userTimeoutMilliseconds) == [milliseconds])
        }
    }

    @Test("C132: after too_many_pings new connections wait twice as long, and the operator hears of it")
    func tooManyPings() throws {
        let warnings = Mutex<[String]>([])
        let bench = try Self.bench { configuration in
            configuration.warn = { text in warnings.withLock { $0.append(text) } }
        }
        let first = bench.call()
        try bench.speak(bench.servers[0]) {
            bench.servers[0].session.goAway(.enhanceYourCalm, debugData: Bytes(utf8: "too_many_pings"))
        }
        try Self.finish(bench, bench.servers[0], 0)
        #expect(first.response != nil)
        #expect(warnings.withLock { $0 }.map { $0.contains("from 30 s to 60 s") } == [true])
        _ = bench.call()
        try #require(bench.servers.count == 2)
        bench.advance(seconds: 59)
        #expect(bench.servers[1].pingCount == 0)
        bench.advance(seconds: 1)
        #expect(bench.servers[1].pingCount == 1)
    }

    @Test("C132: another ENHANCE_YOUR_CALM changes nothing about keepalive")
    func otherGoAway() throws {
        let warnings = Mutex(0)
        let bench = try Self.bench { $0.warn = { _ in warnings.withLock { $0 += 1 } } }
        _ = bench.call()
        try bench.speak(bench.servers[0]) {
            bench.servers[0].session.goAway(.enhanceYourCalm, debugData: Bytes(utf8: "calm down"))
        }
        #expect(warnings.withLock { $0 } == 0)
    }

    @Test("C144: after a GOAWAY calls that are open finish, and the next call uses another connection")
    func goAway() throws {
        let bench = try Self.bench()
        let first = bench.call()
        bench.servers[0].keepsReceived = true
        try bench.speak(bench.servers[0]) { bench.servers[0].session.beginGracefulShutdown() }
        let second = bench.call()
        #expect(bench.servers.count == 2 && bench.servers[1].requests.count == 1)
        try Self.finish(bench, bench.servers[0], 0)
        try Self.finish(bench, bench.servers[1], 0)
        #expect(first.response != nil && second.response != nil)
        // One GOAWAY is all a client has to say to a server that is going.
        #expect(RawFrame.all(in: bench.servers[0].received).filter { $0.type == RawFrame.goAway }.count == 1)
        bench.advance(seconds: 2)
        #expect(bench.servers[0].isClosed && !bench.servers[1].isClosed)
    }

    @Test("C145: a GOAWAY without calls leaves the channel idle, without a new connection")
    func goAwayWhenIdle() throws {
        let bench = try Self.bench()
        _ = bench.call()
        try Self.finish(bench, bench.servers[0], 0)
        try bench.speak(bench.servers[0]) { bench.servers[0].session.beginGracefulShutdown() }
        bench.advance(seconds: 100)
        #expect(bench.attemptCount == 1 && bench.servers[0].isClosed)
        _ = bench.call()
        #expect(bench.attemptCount == 2)
    }

    @Test("C7: a client replaces a connection whose stream identifiers come to their end")
    func identifiersRunOut() throws {
        #expect(HTTP2Configuration().streamIdentifierMax == 0x6000_0001, "three quarters of all there are")
        let bench = try Self.bench { $0.http2.streamIdentifierMax = 5 }
        let outcomes = (0..<3).map { _ in bench.call() }
        try #require(bench.servers.count == 2)
        #expect(bench.servers.map(\.requests.count) == [2, 1])
        for index in 0..<2 { try Self.finish(bench, bench.servers[0], index) }
        try Self.finish(bench, bench.servers[1], 0)
        #expect(outcomes.allSatisfy { $0.response != nil })
        bench.advance(seconds: 2)
        #expect(bench.servers[0].isClosed && !bench.servers[1].isClosed)
    }
}
