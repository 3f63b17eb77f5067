import HTTP2
import TestSupport
import Testing
import Vocabulary

@Suite("HTTP2 shutdown and settings")
struct ShutdownTests {
    @Test("S141: graceful shutdown: notice and PING, then the final GOAWAY, and streams in between are served")
    func graceful() throws {
        let (client, server) = try connectedPair()
        let first = try client.open()
        exchange(client, server)
        server.session.beginGracefulShutdown()
        server.session.beginGracefulShutdown()
        let notice = server.drainAll()
        let frames = RawFrame.all(in: notice)
        #expect(frames.map(\.type).sorted() == [6, 7])
        #expect(frames.first { $0.type == 7 }?.goAwayLastStream == 0x7fff_ffff)
        let second = try client.open(.request, .end)  // on its way when the notice arrives
        server.receive(client.drainAll())
        client.receive(notice)
        #expect(client.takeObserved().contains(.goAway(0x7fff_ffff, .noError, "")))
        #expect(throws: HTTP2Error.goingAway) { _ = try client.open() }
        server.receive(client.drainAll())  // the PING comes back
        let final = server.drainAll()
        #expect(RawFrame.all(in: final).first?.goAwayLastStream == UInt32(second.id))
        client.receive(final)
        #expect(client.observed.contains(.goAway(second.id, .noError, "")))
        for stream in [first, second] {
            try server.session.submitHeaders(server.streams[stream.id]!, .trailersOnly, .end)
        }
        client.session.submit(first, [], .end)
        exchange(server, client)
        #expect(client.observed.filter { if case .closed(_, .noError, _) = $0 { true } else { false } }.count == 2)
        #expect(server.session.isFinished && client.session.isFinished)
        #expect(server.error == nil && client.error == nil)
    }

    @Test("a shutdown that gets no PING back can be finished by its owner")
    func finishWithoutPing() throws {
        let (_, server) = try connectedPair()
        server.session.beginGracefulShutdown()
        _ = server.drainAll()
        #expect(!server.session.isFinished)
        server.session.finishGracefulShutdown()
        #expect(RawFrame.all(in: server.drainAll()).map(\.type) == [7])
        #expect(server.session.isFinished)
    }

    @Test("S142: after the final GOAWAY new streams are ignored and open ones finish")
    func lateStreamsIgnored() throws {
        let server = try Endpoint(.server)
        server.receive(Frames.clientGreeting + Frames.request(stream: 1, end: true))
        server.session.goAway(.noError, debugData: Bytes(utf8: "max_age"))
        let goAway = try #require(RawFrame.all(in: server.drainAll()).last)
        #expect(goAway.goAwayLastStream == 1 && Array(goAway.payload[8...]) == Array("max_age".utf8))
        server.receive(Frames.request(stream: 3, end: true))
        #expect(server.observed(of: 3).isEmpty)
        try server.session.submitHeaders(server.streams[1]!, .trailersOnly, .end)
        #expect(RawFrame.all(in: server.drainAll()).map(\.type) == [1])
        #expect(server.session.isFinished)
    }

    @Test("C144: streams above the last identifier of a GOAWAY close as refused, those below go on")
    func refusedByGoAway() throws {
        let client = try Endpoint(.client)
        let streams = [try client.open(), try client.open(), try client.open()]
        _ = client.drainAll()
        client.receive(Frames.frame(type: 4))
        client.receive(Frames.frame(type: 7, Frames.bigEndian(1) + Frames.bigEndian(0) + Array("max_age".utf8)))
        #expect(client.observed.contains(.goAway(1, .noError, "max_age")))
        for stream in streams.dropFirst() {
            #expect(client.observed(of: stream.id) == [.closed(stream.id, .refusedStream, .peer)])
        }
        #expect(client.observed(of: 1).isEmpty)
        client.receive(Frames.frame(type: 1, flags: 5, stream: 1, Frames.block([(":status", "200")])))
        #expect(client.observed(of: 1).first == .headers(1, [":status: 200"], end: true))
        #expect(!client.session.isFinished)
        client.session.reset(streams[0], .noError)
        _ = client.drainAll()
        #expect(client.session.isFinished)
    }

    @Test("a GOAWAY with an error reaches the client with its code and text")
    func tooManyPings() throws {
        let (client, server) = try connectedPair()
        let stream = try client.open()
        exchange(client, server)
        server.session.goAway(.enhanceYourCalm, debugData: Bytes(utf8: "too_many_pings"))
        exchange(server, client)
        #expect(client.observed == [.goAway(stream.id, .enhanceYourCalm, "too_many_pings")])
        #expect(server.error == nil)
    }

    @Test("terminate ends the connection with its code")
    func terminate() throws {
        let (client, server) = try connectedPair()
        _ = try client.open()
        exchange(client, server)
        server.session.terminate(.internalError)
        #expect(RawFrame.all(in: server.drainAll()).map(\.goAwayCode) == [2])
        #expect(server.session.isFinished && server.error == nil)
    }

    @Test("the peer's limits are visible, and a stream beyond them is refused locally")
    func concurrentStreams() throws {
        var configuration = HTTP2Configuration()
        configuration.concurrentStreamCountMax = 2
        configuration.headerListByteCountMax = 5000
        let client = try Endpoint(.client)
        let server = try Endpoint(.server, configuration)
        #expect(client.session.peerSettings.headerListByteCountMax == nil)
        exchange(client, server)
        #expect(client.observed == [.settings] && server.observed == [.settings])
        let limits = client.session.peerSettings
        #expect(limits.concurrentStreamCountMax == 2 && limits.streamWindowByteCount == 1 << 20)
        #expect(limits.frameByteCountMax == 16_384 && limits.headerListByteCountMax == 5000)
        let first = try client.open()
        _ = try client.open()
        #expect(throws: HTTP2Error.concurrentStreamLimitReached(limit: 2)) { _ = try client.open() }
        client.session.reset(first, .cancel)
        exchange(client, server)
        _ = try client.open()
        exchange(client, server)
        #expect(server.session.openStreamCount == 2)
    }

    private func settings(_ frame: RawFrame) -> [Int: Int] {
        var entries: [Int: Int] = [:]
        for start in stride(from: 0, to: frame.payload.count, by: 6) {
            let id = frame.payload[start..<start + 2].reduce(0) { $0 << 8 | Int($1) }
            entries[id] = frame.payload[start + 2..<start + 6].reduce(0) { $0 << 8 | Int($1) }
        }
        return entries
    }

    @Test("B1 B2: a server's first frame is SETTINGS, all of the protocol's own, and none of gRPC's")
    func announcedSettings() throws {
        let frame = try #require(RawFrame.all(in: try Endpoint(.server).drainAll()).first)
        #expect(frame.type == 4 && frame.flags == 0)
        #expect(settings(frame) == [3: 1000, 4: 1 << 20, 5: 16_384, 6: 16 << 10, 9: 1])
    }

    @Test("B1 B3: a client's first frame behind the preface is SETTINGS, and forbids pushes")
    func announcedByClient() throws {
        let output = try Endpoint(.client).drainAll()
        #expect(output.starts(with: Frames.preface))
        let frame = try #require(RawFrame.all(in: Array(output.dropFirst(Frames.preface.count))).first)
        #expect(frame.type == 4 && frame.flags == 0 && settings(frame)[2] == 0)
    }

    @Test("B1 B2 B3: both sides acknowledge SETTINGS, those they do not know as well, and ignore unknown frames")
    func unknownSettingsAndFrames() throws {
        let unknown = Frames.frame(type: 0x16, flags: 0xFF, stream: 0, [1, 2, 3])
        let priority = Frames.frame(type: 2, stream: 1, [0, 0, 0, 0, 7])
        for role in [HTTP2Role.client, .server] {
            let end = try Endpoint(role)
            _ = end.drainAll()
            let settings = Frames.frame(type: 4, [0xFE, 3, 0, 0, 0, 1])
            end.receive((role == .server ? Frames.preface : []) + settings + unknown + priority)
            #expect(RawFrame.all(in: end.drainAll()) == [RawFrame(type: 4, flags: 1, stream: 0, payload: [])])
            #expect(end.error == nil && end.observed == [.settings])
        }
    }

    @Test("B8: a PING is answered while every stream waits for its window")
    func pingWhileBlocked() throws {
        let server = try Endpoint(.server)
        server.receive(Frames.clientGreeting + Frames.request(stream: 1, end: true))
        try server.session.submitHeaders(server.streams[1]!, .response, .more)
        server.session.submit(server.streams[1]!, pattern(200_000), .end)
        _ = server.drainAll()
        #expect(server.session.pendingOutboundByteCount(server.streams[1]!) > 0)
        server.receive(Frames.ping())
        #expect(
            RawFrame.all(in: server.drainAll())
                == [RawFrame(type: 6, flags: 1, stream: 0, payload: [1, 2, 3, 4, 5, 6, 7, 8])])
    }

    @Test("B8: a PING comes back with its payload, and the other side hears of it")
    func ping() throws {
        let (client, server) = try connectedPair()
        client.session.ping(0x0102_0304_0506_0708)
        let output = client.drainAll()
        #expect(RawFrame.all(in: output).first?.payload == [1, 2, 3, 4, 5, 6, 7, 8])
        server.receive(output)
        client.receive(server.drainAll())
        #expect(server.observed == [.ping])
        #expect(client.observed == [.pingAcknowledged(0x0102_0304_0506_0708)])
    }

    @Test("a connection dropped with streams and events in every state frees all")
    func droppedInTheMiddle() throws {
        let (client, server) = try connectedPair()
        let message = Bytes(pattern(100_000))
        for index in 0..<20 {
            let stream = try client.open()
            client.session.submitData(stream, message, index % 2 == 0 ? .more : .end)
            if index % 3 == 0 { client.session.reset(stream, .cancel) }
        }
        let output = client.drain()
        try output.withUnsafeBytes { try server.session.receive($0, at: server.now) }
        _ = server.session.nextEvent()
        // Both sessions go out of scope with events untaken: the address sanitizer would tell.
        #expect(server.session.openStreamCount > 0)
    }
}
