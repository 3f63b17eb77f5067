import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("Slow readers hold back writers, and nobody else")
struct BackpressureTests {
    static let messageByteCount = 10_000
    static let windowByteCount = 65_536
    static let highWaterByteCount = 100_000

    /// Asks for a thousand messages and reads none of them.
    private static func askWithoutReading(
        _ bench: Workbench, _ headers: [(String, String)] = []
    ) throws -> (RawClient, HTTP2Stream) {
        var configuration = HTTP2Configuration()
        configuration.streamWindowByteCount = Int32(windowByteCount)
        let client = try bench.connect(configuration)
        client.consumes = false
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let headers = try RawClient.headers(path: "/test.Echo/ServerStream", headers)
            let opened = try client.session.openStream(headers, .more)
            client.session.submitData(opened, RawClient.frame(Array("1000 \(messageByteCount)".utf8)), .end)
            stream = opened
        }
        return (client, try #require(stream))
    }

    @Test("B123: a client that does not read stops the handler's writes; reading lets them go on")
    func slowClient() throws {
        let bench = try Workbench { $0.http2.outboundHighWaterByteCount = Self.highWaterByteCount }
        let (client, stream) = try Self.askWithoutReading(bench)
        let written = bench.service.writtenMessageCount.load(ordering: .relaxed)
        let boundByteCount = Self.windowByteCount + Self.highWaterByteCount + Self.messageByteCount + 64
        #expect(written > 0 && written * Self.messageByteCount <= boundByteCount)
        #expect(client.answer(stream).body.count == Self.windowByteCount)
        // Others are not held up.
        #expect(try bench.request(client, RawClient.headers()).status == 0)

        client.consumes = true
        try bench.speak(client) { client.session.consume(stream, byteCount: Self.windowByteCount) }
        #expect(client.answer(stream).status == 0)
        #expect(client.answer(stream).body.count == 1000 * (Self.messageByteCount + 5))
        #expect(bench.service.writtenMessageCount.load(ordering: .relaxed) == 1000)
    }

    @Test("B123: a handler that waits to write is woken by its cancellation")
    func cancelledWriter() throws {
        let bench = try Workbench()
        let (client, stream) = try Self.askWithoutReading(bench)
        #expect(bench.service.records.withLock { $0.isEmpty })
        try bench.speak(client) { client.session.reset(stream, .cancel) }
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.cancelled])
    }

    @Test("a deadline while the client does not read resets the stream instead of waiting behind its data")
    func deadlineBehindData() throws {
        let bench = try Workbench()
        let (client, stream) = try Self.askWithoutReading(bench, [("grpc-timeout", "1S")])
        bench.advance(seconds: 2)
        #expect(client.answer(stream).closeCode == .cancel)
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.deadlineExceeded])
    }

    @Test("B120: a handler that does not read stops its client at the stream's window, and not the other streams")
    func slowHandler() throws {
        let bench = try Workbench { $0.http2.streamWindowByteCount = Int32(Self.windowByteCount) }
        var configuration = HTTP2Configuration()
        configuration.outboundHighWaterByteCount = 16 << 20
        configuration.streamWindowByteCount = 1
        let client = try bench.connect(configuration)
        client.consumes = false
        // The handler echoes; nobody reads its echoes, so it stops writing and then reading.
        var stream: HTTP2Stream?
        let message = RawClient.frame([UInt8](repeating: 1, count: Self.messageByteCount))
        try bench.speak(client) {
            let opened = try client.session.openStream(RawClient.headers(path: "/test.Echo/Bidirectional"), .more)
            for _ in 0..<500 { client.session.submitData(opened, message, .more) }
            stream = opened
        }
        let sent = 500 * message.count - client.session.pendingOutboundByteCount(stream!)
        // The echoes that wait, a window of requests, and what a message and a half-used window round up to.
        let bound = (256 << 10) + 2 * Self.windowByteCount + 2 * message.count
        #expect(sent < bound && sent < 500 * message.count)

        try bench.speak(client) { client.session.reset(stream!, .cancel) }
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.cancelled])
    }

    @Test("B121: a message longer than the stream's window arrives")
    func longMessage() throws {
        let bench = try Workbench { $0.http2.streamWindowByteCount = Int32(Self.windowByteCount) }
        let client = try bench.connect()
        let message = RawClient.frame([UInt8](repeating: 9, count: 1_000_000)).array
        let answer = try bench.request(client, RawClient.headers(), body: message)
        #expect(answer.status == 0 && answer.body == message)
    }

    @Test("B125: ten thousand cancelled uploads leave the connection's window whole")
    func cancelledUploads() throws {
        let bench = try Workbench {
            $0.http2.connectionWindowByteCount = 1 << 20
            $0.http2.floodLimits.resetBurst = 100_000
        }
        let client = try bench.connect()
        let piece = Bytes([0, 0, 0, 100, 0] + [UInt8](repeating: 3, count: 5_000))
        for _ in 0..<100 {
            var streams: [HTTP2Stream] = []
            try bench.speak(client) {
                for _ in 0..<100 {
                    let stream = try client.session.openStream(RawClient.headers(), .more)
                    client.session.submitData(stream, piece, .more)
                    streams.append(stream)
                }
            }
            try bench.speak(client) { for stream in streams { client.session.reset(stream, .cancel) } }
        }
        let message = RawClient.frame([UInt8](repeating: 9, count: 4_000_000)).array
        #expect(try bench.request(client, RawClient.headers(), body: message).body.count == message.count)
    }
}
