import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("Clients that stop, and clients that are only slow")
struct SlowPeerTests {
    static let stall: UInt64 = 60_000_000_000

    private static func bench() throws -> Workbench {
        try Workbench { $0.connections.stallTimeoutNanoseconds = Self.stall }
    }

    private static func windowless() -> HTTP2Configuration {
        var configuration = HTTP2Configuration()
        configuration.streamWindowByteCount = 1_000
        return configuration
    }

    private static func open(
        _ bench: Workbench, _ client: RawClient, _ path: String, _ body: Bytes,
        _ continuation: HTTP2Continuation = .more
    ) throws -> HTTP2Stream {
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let opened = try client.session.openStream(RawClient.headers(path: path), .more)
            client.session.submitData(opened, body, continuation)
            stream = opened
        }
        return stream!
    }

    private func labels(_ bench: Workbench) -> [String] { bench.service.records.withLock { $0.map(\.label) } }

    private func wait(_ bench: Workbench, seconds: Int) { for _ in 0..<seconds { bench.advance(seconds: 1) } }

    @Test("an answer that gets no window for a minute is reset with CANCEL, and its handler is cancelled")
    func zeroWindow() throws {
        let bench = try Self.bench()
        let client = try bench.connect(Self.windowless())
        client.consumes = false
        let large = RawClient.frame(Array("1000 10000".utf8))
        let stream = try Self.open(bench, client, "/test.Echo/ServerStream", large, .end)
        wait(bench, seconds: 59)
        #expect(client.answer(stream).closeCode == nil && labels(bench).isEmpty)
        wait(bench, seconds: 31)
        #expect(client.answer(stream).closeCode == .cancel && labels(bench) == ["write_stall"])
        #expect(try bench.request(client, RawClient.headers()).status == 0, "the connection goes on")
    }

    @Test("an answer whose handler has returned is reset as well")
    func zeroWindowBehindTheHandler() throws {
        let bench = try Self.bench()
        let client = try bench.connect(Self.windowless())
        client.consumes = false
        let message = RawClient.frame([UInt8](repeating: 1, count: 5_000))
        let stream = try Self.open(bench, client, "/test.Echo/Unary", message, .end)
        #expect(labels(bench) == ["ok"])
        wait(bench, seconds: 90)
        #expect(client.answer(stream).closeCode == .cancel)
        bench.loop.becomeCurrent { client.close() }
        wait(bench, seconds: 16)
        #expect(bench.transport.connectionCount == 0 && bench.timerCount == 0)
    }

    @Test("a client that takes a little now and then gets its whole answer")
    func slowReader() throws {
        let bench = try Self.bench()
        let client = try bench.connect(Self.windowless())
        client.consumes = false
        let message = RawClient.frame([UInt8](repeating: 1, count: 5_000))
        let stream = try Self.open(bench, client, "/test.Echo/Unary", message, .end)
        while client.answer(stream).closeCode == nil {
            wait(bench, seconds: 45)
            let count = client.session.unconsumedByteCount(stream)
            guard count > 0 else { break }
            try bench.speak(client) { client.session.consume(stream, byteCount: count) }
        }
        #expect(client.answer(stream).status == 0 && client.answer(stream).body.count == 5_005)
    }

    @Test("a client that reads nothing from the wire for a minute is closed")
    func deaf() throws {
        let bench = try Self.bench()
        var wide = HTTP2Configuration()
        wide.streamWindowByteCount = 16 << 20
        let client = try bench.connect(wide)
        let large = RawClient.frame(Array("100 10000".utf8))
        try bench.loop.becomeCurrent {
            let stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/ServerStream"), .more)
            client.session.submitData(stream, large, .end)
            client.isDeaf = true
            try client.flush()
        }
        bench.settle()
        wait(bench, seconds: 59)
        #expect(bench.transport.connectionCount == 1)
        wait(bench, seconds: 31)
        #expect(bench.transport.connectionCount == 0 && bench.timerCount == 0)
    }

    @Test(
        "a request that stops within a message, before it or before its end is DEADLINE_EXCEEDED after a minute",
        arguments: [[], [0, 0], [0, 0, 0, 0, 9, 1, 2], [0, 0, 0, 0, 1, 1]] as [[UInt8]])
    func stoppedRequest(body: [UInt8]) throws {
        let bench = try Self.bench()
        let client = try bench.connect()
        let stream = try Self.open(bench, client, "/test.Echo/Unary", Bytes(body))
        wait(bench, seconds: 59)
        #expect(client.answer(stream).closeCode == nil)
        wait(bench, seconds: 31)
        #expect(client.answer(stream).status == 4 && client.answer(stream).closeCode == .noError)
        #expect(labels(bench) == ["request_stall"])
        #expect(try bench.request(client, RawClient.headers()).status == 0, "the connection goes on")
    }

    @Test("a request that brings a byte now and then arrives")
    func slowRequest() throws {
        let bench = try Self.bench()
        let client = try bench.connect()
        let stream = try Self.open(bench, client, "/test.Echo/Unary", Bytes([0, 0, 0, 0, 9]))
        for index in 0..<9 as Range<UInt8> {
            wait(bench, seconds: 45)
            try bench.speak(client) {
                client.session.submitData(stream, Bytes([index]), index == 8 ? .end : .more)
            }
        }
        #expect(client.answer(stream).status == 0)
    }

    @Test("a stream of messages may pause between them, but not within one")
    func pausingStream() throws {
        let bench = try Self.bench()
        let client = try bench.connect()
        let stream = try Self.open(bench, client, "/test.Echo/Bidirectional", RawClient.frame([1, 2, 3]))
        wait(bench, seconds: 3_600)
        #expect(client.answer(stream).closeCode == nil)
        try bench.speak(client) { client.session.submitData(stream, Bytes([0, 0, 0, 0, 5, 1]), .more) }
        wait(bench, seconds: 90)
        #expect(client.answer(stream).status == 4 && labels(bench) == ["request_stall"])
    }

    @Test("connections without calls are looked at no more: no timer is left")
    func noTimerWhenIdle() throws {
        let bench = try Self.bench()
        let client = try bench.connect()
        #expect(try bench.request(client, RawClient.headers()).status == 0)
        wait(bench, seconds: 16)
        #expect(bench.transport.connectionCount == 1 && bench.timerCount == 0)
    }

    @Test("handshakes may take half of all connections where nothing else was said")
    func halfOpenByDefault() throws {
        let bench = try Workbench { $0.connectionCountMax = 6 }
        let silent = bench.loop.becomeCurrent { (0..<5).map { _ in bench.transport.connect() } }
        bench.advance(seconds: 2.1)
        #expect(bench.transport.connectionCount == 3)
        withExtendedLifetime(silent) {}
    }

    @Test("of too many handshakes the oldest are closed after two seconds, and who finishes stays")
    func halfOpen() throws {
        let bench = try Workbench { $0.connections.halfOpenCountMax = 3 }
        let finished = try bench.connect()
        let silent = bench.loop.becomeCurrent { (0..<8).map { _ in bench.transport.connect() } }
        bench.advance(seconds: 1.9)
        #expect(bench.transport.connectionCount == 9)
        bench.advance(seconds: 0.2)
        #expect(bench.transport.connectionCount == 4)
        #expect(try bench.request(finished, RawClient.headers()).status == 0)
        bench.advance(seconds: 5)
        #expect(bench.transport.connectionCount == 1)
        withExtendedLifetime(silent) {}
    }
}
