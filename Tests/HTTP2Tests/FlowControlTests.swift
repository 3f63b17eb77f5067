import HTTP2
import TestSupport
import Testing
import Vocabulary

@Suite("HTTP2 flow control")
struct FlowControlTests {
    private func windows(stream: Int32, connection: Int32 = 16 << 20) -> HTTP2Configuration {
        var configuration = HTTP2Configuration()
        configuration.streamWindowByteCount = stream
        configuration.connectionWindowByteCount = connection
        return configuration
    }

    @Test("B120: an upload stalls at exactly the stream window and resumes as bytes are consumed")
    func stallAndResume() throws {
        let (client, server) = try connectedPair(server: windows(stream: 100_000))
        server.consumes = false
        server.notesData = false
        let stream = try client.open()
        let body = pattern(250_000)
        client.session.submit(stream, body, .end)
        exchange(client, server)
        let accepted = server.streams[1]!
        #expect(server.bodies[1]?.count == 100_000)
        #expect(client.session.pendingOutboundByteCount(stream) == 150_000)
        #expect(server.session.unconsumedByteCount(accepted) == 100_000)
        // Below half a window no update leaves.
        server.session.consume(accepted, byteCount: 49_999)
        exchange(server, client)
        #expect(server.bodies[1]?.count == 100_000)
        server.session.consume(accepted, byteCount: 1)
        exchange(server, client)
        #expect(server.bodies[1]?.count == 150_000)
        server.session.consume(accepted, byteCount: 100_000)
        exchange(server, client)
        #expect(server.bodies[1] == body)
        guard case .data(1, _, end: true) = server.observed.last else {
            Issue.record("the end of the upload did not arrive")
            return
        }
        server.session.consume(accepted, byteCount: 100_000)
        #expect(server.session.unconsumedByteCount(accepted) == 0)
    }

    @Test("B120: a stream nobody reads does not stall another, even with a connection window of one stream's size")
    func slowStreamBesideFast() throws {
        let (client, server) = try connectedPair(server: windows(stream: 65_536, connection: 65_536))
        server.consumes = false
        server.notesData = false
        let slow = try client.open()
        client.session.submit(slow, pattern(200_000))
        exchange(client, server)
        #expect(server.bodies[1]?.count == 65_536)
        server.consumes = true
        let fast = try client.open()
        client.session.submit(fast, pattern(1_000_000), .end)
        exchange(client, server)
        #expect(server.bodies[3] == pattern(1_000_000))
        #expect(server.bodies[1]?.count == 65_536)
    }

    @Test("B121: a message far larger than the window passes when its bytes are consumed as they come")
    func largerThanWindow() throws {
        let (client, server) = try connectedPair(server: windows(stream: 20_000))
        server.notesData = false
        let stream = try client.open()
        let body = pattern(3_000_000)
        client.session.submit(stream, body, .end)
        exchange(client, server)
        #expect(server.bodies[1] == body)
    }

    @Test("B121: an enlarged window lets a whole message in without any consumption")
    func enlargedWindow() throws {
        let (client, server) = try connectedPair(server: windows(stream: 20_000))
        server.notesData = false
        server.consumes = false
        let stream = try client.open()
        client.session.submit(stream, pattern(1_000_000))
        exchange(client, server)
        #expect(server.bodies[1]?.count == 20_000)
        server.session.enlargeWindow(server.streams[1]!, byteCount: 1_000_000)
        server.session.enlargeWindow(server.streams[1]!, byteCount: 10)  // never shrinks
        exchange(server, client)
        #expect(server.bodies[1]?.count == 1_000_000)
        // All of it consumed, the window is whole again.
        server.session.consume(server.streams[1]!, byteCount: 1_000_000)
        exchange(server, client)
        client.session.submit(stream, pattern(100_000), .end)
        exchange(client, server)
        #expect(server.bodies[1]?.count == 1_100_000)
    }

    @Test("B125: ten thousand cancelled uploads leak nothing of the connection window")
    func windowLeak() throws {
        let (client, server) = try connectedPair(server: windows(stream: 65_536, connection: 100_000))
        server.consumes = false
        server.notesData = false
        for round in 0..<10_000 {
            let stream = try client.open()
            client.session.submit(stream, [UInt8](repeating: 7, count: 100))
            if round % 2 == 0 { exchange(client, server) }  // otherwise data and reset arrive together
            server.receive(client.drain())
            client.session.reset(stream, .cancel)
            server.now = server.now.advanced(byNanoseconds: 1_000_000)
            exchange(client, server)
            server.bodies.removeAll()
            server.streams.removeAll()
            client.streams.removeAll()
        }
        #expect(server.error == nil)
        #expect(server.session.openStreamCount == 0)
        _ = server.takeObserved()
        server.consumes = true
        let stream = try client.open()
        let body = pattern(5_000_000)
        client.session.submit(stream, body, .end)
        exchange(client, server)
        #expect(server.bodies[stream.id] == body)
    }

    @Test("B124: padding counts toward the windows and is given back")
    func padding() throws {
        let server = try Endpoint(.server, windows(stream: 65_535, connection: 65_535))
        server.receive(Frames.clientGreeting + Frames.request(stream: 1))
        let padded = Frames.frame(
            type: 0, flags: 0x8, stream: 1, [255] + [1, 2, 3, 4, 5] + [UInt8](repeating: 0, count: 255))
        for _ in 0..<2_000 {  // eight windows
            server.receive(padded)
            _ = server.drainAll()
        }
        #expect(server.error == nil)
        #expect(server.bodies[1]?.count == 10_000)
    }

    @Test("B124: data for a stream that was reset is given back to the connection")
    func dataAfterReset() throws {
        let server = try Endpoint(.server, windows(stream: 65_535, connection: 65_535))
        server.receive(Frames.clientGreeting + Frames.request(stream: 1))
        server.session.reset(server.streams[1]!, .cancel)
        let data = Frames.data(1, [UInt8](repeating: 1, count: 16_000))
        server.receive(data)  // the reset has not left yet
        var output = server.drainAll()
        for _ in 0..<20 {
            server.receive(data)
            output += server.drainAll()
        }
        #expect(server.error == nil)
        let returned = RawFrame.all(in: output).filter { $0.type == 8 && $0.stream == 0 }
            .map { $0.payload.reduce(0) { $0 << 8 | Int($1) } }.reduce(0, +)
        #expect(returned >= 21 * 16_000 - 65_535 / 2)
        #expect(server.bodies[1] == nil)
    }

    @Test("B123: the high-water mark stops a writer, and writable comes once at the low-water mark")
    func writable() throws {
        var configuration = HTTP2Configuration()
        configuration.outboundHighWaterByteCount = 1000
        configuration.outboundLowWaterByteCount = 300
        let (client, server) = try connectedPair(client: configuration, server: windows(stream: 5000))
        server.consumes = false
        server.notesData = false
        let stream = try client.open()
        #expect(client.session.submit(stream, pattern(999)) == .queued)
        #expect(client.session.submit(stream, pattern(7000)) == .queued)  // one message above the mark
        #expect(client.session.submit(stream, [1]) == .queueFull)
        #expect(client.session.pendingOutboundByteCount(stream) == 7999)
        exchange(client, server)
        #expect(client.session.pendingOutboundByteCount(stream) == 2999)
        #expect(client.observed(of: 1).isEmpty)
        server.session.consume(server.streams[1]!, byteCount: 2600)
        exchange(server, client)
        #expect(client.session.pendingOutboundByteCount(stream) == 399)
        #expect(client.observed(of: 1).isEmpty)
        #expect(client.session.submit(stream, []) == .queued)
        server.session.consume(server.streams[1]!, byteCount: 5000)
        exchange(server, client)
        #expect(client.observed(of: 1) == [.writable(1)])
        client.session.submit(stream, pattern(10))
        exchange(client, server)
        #expect(client.observed(of: 1) == [.writable(1)])
        #expect(server.bodies[1] == pattern(999) + pattern(7000) + pattern(10))
    }

    @Test("B122: a stream window of one byte still carries a message, byte by byte")
    func tinyWindow() throws {
        let server = try Endpoint(.server)
        let settings = Frames.frame(type: 4, [0, 4, 0, 0, 0, 1])  // INITIAL_WINDOW_SIZE 1
        server.receive(
            Frames.preface + settings + Frames.frame(type: 4, flags: 1) + Frames.request(stream: 1, end: true))
        try server.session.submitHeaders(server.streams[1]!, .response, .more)
        server.session.submit(server.streams[1]!, [1, 2, 3], .end)
        var received: [UInt8] = []
        for _ in 0..<3 {
            let frames = RawFrame.all(in: server.drainAll()).filter { $0.type == 0 }
            #expect(frames.count == 1)
            received += frames.flatMap(\.payload)
            server.receive(Frames.windowUpdate(1, 1))
        }
        #expect(received == [1, 2, 3])
    }

    @Test("B122: a window that shrinks below zero in flight recovers")
    func negativeWindow() throws {
        let server = try Endpoint(.server)
        server.receive(Frames.clientGreeting + Frames.request(stream: 1, end: true))
        try server.session.submitHeaders(server.streams[1]!, .response, .more)
        server.session.submit(server.streams[1]!, pattern(70_000), .end)
        let sent = RawFrame.all(in: server.drainAll()).filter { $0.type == 0 }.flatMap(\.payload)
        #expect(sent.count == 65_535)
        server.receive(Frames.frame(type: 4, [0, 4, 0, 0, 0, 0]))  // the window is now -65,535
        server.receive(Frames.windowUpdate(1, 65_535) + Frames.windowUpdate(0, 65_535))
        #expect(RawFrame.all(in: server.drainAll()).filter { $0.type == 0 }.isEmpty)
        server.receive(Frames.windowUpdate(1, 10_000))
        let rest = RawFrame.all(in: server.drainAll()).filter { $0.type == 0 }.flatMap(\.payload)
        #expect(sent + rest == pattern(70_000))
    }

    @Test(
        "DATA frames grow to what the peer accepts and this side wants",
        arguments: [(16_384, 16_384), (1 << 20, 131_072)])
    func frameSizes(peer: Int, expected: Int) throws {
        var server = HTTP2Configuration()
        server.receivedFrameByteCountMax = UInt32(peer)
        let (client, _) = try connectedPair(server: server)
        let stream = try client.open()
        client.session.submit(stream, pattern(600_000), .end)
        let frames = RawFrame.all(in: client.drainAll()).filter { $0.type == 0 }
        #expect(frames.map(\.payload.count).max() == expected)
    }

    @Test("while the transport takes nothing, no more frames are made than the output limit and one frame")
    func boundedOutput() throws {
        var configuration = HTTP2Configuration()
        configuration.outputByteCountMax = 50_000
        let (client, server) = try connectedPair(client: configuration)
        let stream = try client.open()
        client.session.submit(stream, pattern(900_000), .end)
        var offered = 0
        for _ in 0..<5 {
            try client.session.drainPieces { pieces in
                offered = max(offered, pieces.reduce(0) { $0 + $1.count })
                return 0
            }
        }
        #expect(offered >= 50_000 && offered <= 50_000 + 16_384 + 9)
        #expect(client.session.pendingOutboundByteCount(stream) >= 830_000)
        client.drainByteCountMax = 777
        exchange(client, server)
        #expect(server.bodies[1] == pattern(900_000))
    }
}
