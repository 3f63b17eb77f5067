import HTTP2
import TestSupport
import Testing
import Vocabulary

/// One hand-made attack a test; the answer is always GOAWAY(ENHANCE_YOUR_CALM), a labelled error, and silence.
@Suite("HTTP2 floods")
struct FloodTests {
    private func server(_ change: (inout HTTP2FloodLimits) -> Void = { _ in }) throws -> Endpoint {
        var configuration = HTTP2Configuration()
        change(&configuration.floodLimits)
        let server = try Endpoint(.server, configuration)
        server.receive(Frames.clientGreeting)
        _ = server.drainAll()
        _ = server.takeObserved()
        return server
    }

    /// Feeds rounds until the session gives up; how many it took.
    private func rounds(_ server: Endpoint, limit: Int, drains: Bool = true, _ bytes: (Int) -> [UInt8]) -> Int {
        for round in 0..<limit {
            server.receive(bytes(round))
            if server.error != nil { return round }
            if drains { _ = server.drain() }
            server.observed.removeAll()
            server.streams.removeAll()
        }
        return limit
    }

    private func expectCalm(_ server: Endpoint, _ flood: HTTP2Flood) {
        #expect(server.error == .flood(flood))
        #expect(server.error?.label == "flood_\(flood.rawValue)")
        let output = server.drainAll()
        #expect(RawFrame.all(in: output).contains { $0.goAwayCode == HTTP2ErrorCode.enhanceYourCalm.rawValue })
        #expect(server.session.isFinished)
        server.error = nil
        server.receive(Frames.ping())
        #expect(server.error == nil && server.drainAll().isEmpty)
    }

    @Test("rapid reset: requests cancelled at once (CVE-2023-44487)")
    func rapidReset() throws {
        let server = try server()
        let count = rounds(server, limit: 20_000) { round in
            Frames.request(stream: UInt32(2 * round + 1)) + Frames.reset(UInt32(2 * round + 1))
        }
        #expect(count == 10_000)
        expectCalm(server, .resets)
        #expect(server.session.openStreamCount == 0)
    }

    @Test("cancelling five hundred calls a second is no attack")
    func busyCancellation() throws {
        let server = try server()
        var id: UInt32 = 1
        let count = rounds(server, limit: 8_000) { _ in
            server.now = server.now.advanced(byNanoseconds: 4_000_000)
            defer { id += 4 }
            return [0, 2].flatMap { Frames.request(stream: id + $0) + Frames.reset(id + $0) }
        }
        #expect(count == 8_000 && server.error == nil)
    }

    @Test("a client that waits for half of its answers may cancel the rest at any rate")
    func answeredCalls() throws {
        let server = try server { $0.resetBurst = 100 }
        server.onEvent = { end, event in
            if case .headers(let id, _, true) = event {
                try end.session.submitHeaders(end.streams[id]!, .trailersOnly, .end)
            }
        }
        let count = rounds(server, limit: 1000) { round in
            let id = UInt32(4 * round + 1)
            return Frames.request(stream: id, end: true) + Frames.request(stream: id + 2) + Frames.reset(id + 2)
        }
        #expect(count == 1000 && server.error == nil)
    }

    @Test("a reset with NO_ERROR is a reset like any other")
    func resetsWithoutError() throws {
        let server = try server { $0.resetBurst = 100 }
        let count = rounds(server, limit: 1000) { round in
            let id = UInt32(2 * round + 1)
            return Frames.request(stream: id) + Frames.frame(type: 3, stream: id, [0, 0, 0, 0])
        }
        #expect(count == 100)
        expectCalm(server, .resets)
    }

    @Test(
        "frames for a stream that is gone count as useless",
        arguments: [
            ("HEADERS", Frames.request(stream: 1)), ("empty DATA that ends it", Frames.data(1, [], end: true)),
            ("small DATA", Frames.data(1, [1, 2])), ("large WINDOW_UPDATE", Frames.windowUpdate(1, 70_000)),
        ])
    func framesForClosedStreams(name: String, frame: [UInt8]) throws {
        let server = try server { $0.uselessFrameBurst = 1000 }
        server.receive(Frames.request(stream: 1) + Frames.reset(1))
        let count = rounds(server, limit: 20_000) { _ in frame }
        #expect(count < 10_000, "\(name)")
        expectCalm(server, .uselessFrames)
    }

    @Test("resets that the peer provokes count as well (CVE-2025-8671)")
    func madeYouReset() throws {
        let server = try server { $0.resetBurst = 500 }
        let count = rounds(server, limit: 2000) { round in
            let id = UInt32(2 * round + 1)
            return Frames.request(stream: id) + Frames.windowUpdate(id, 0x7fff_ffff)
        }
        #expect(count >= 500 && count <= 501)
        expectCalm(server, .resets)
    }

    @Test("an answer that was never asked for does not count as a provoked reset")
    func earlyAnswersAreFree() throws {
        let server = try server { $0.resetBurst = 10 }
        server.onEvent = { end, event in
            if case .headers(let id, _, _) = event {
                try end.session.submitHeaders(end.streams[id]!, .trailersOnly, .end)
            }
        }
        #expect(rounds(server, limit: 100) { Frames.request(stream: UInt32(2 * $0 + 1)) } == 100)
        server.onEvent = { end, event in
            if case .headers(let id, _, _) = event { end.session.reset(end.streams[id]!, .cancel) }
        }
        #expect(rounds(server, limit: 100) { Frames.request(stream: UInt32(2 * $0 + 1001)) } == 100)
        #expect(server.error == nil && server.session.openStreamCount == 0)
    }

    @Test(
        "frames that carry nothing",
        arguments: [
            ("PING", Frames.ping()), ("PRIORITY", Frames.frame(type: 2, stream: 1, [0, 0, 0, 3, 10])),
            ("empty DATA", Frames.data(1, [])), ("small WINDOW_UPDATE", Frames.windowUpdate(0, 1)),
            ("unknown type", Frames.frame(type: 0xee, stream: 1, [1, 2, 3])),
            ("PRIORITY_UPDATE", Frames.frame(type: 0x10, [0, 0, 0, 1] + Array("u=1".utf8))),
            ("padding only", Frames.frame(type: 0, flags: 8, stream: 1, [0])),
        ])
    func uselessFrames(name: String, frame: [UInt8]) throws {
        let server = try server { $0.uselessFrameBurst = 2000 }
        server.receive(Frames.request(stream: 1))
        let count = rounds(server, limit: 3000) { _ in frame }
        // The greeting poured in 100 for each of its two SETTINGS, and the request paid for four.
        #expect(count >= 1800 && count <= 1804)
        expectCalm(server, .uselessFrames)
    }

    @Test("the same frames are welcome at a slow pace")
    func slowPings() throws {
        let server = try server()
        let count = rounds(server, limit: 20_000) { _ in
            server.now = server.now.advanced(byNanoseconds: 4_000_000)
            return Frames.ping()
        }
        #expect(count == 20_000)
    }

    @Test("a client that answers each of its messages with small window updates and a ping is no attack")
    func chattyClient() throws {
        let server = try server { $0.uselessFrameBurst = 500 }
        server.receive(Frames.request(stream: 1))
        let count = rounds(server, limit: 20_000) { _ in
            Frames.data(1, [0, 0, 0, 0, 1, 1]) + Frames.windowUpdate(0, 6) + Frames.windowUpdate(1, 6)
                + Frames.ping()
        }
        #expect(count == 20_000)
    }

    @Test("a client that answers each message it gets with small window updates is no attack")
    func chattyReader() throws {
        let server = try server { $0.uselessFrameBurst = 500 }
        server.receive(Frames.request(stream: 1, end: true))
        let stream = server.streams[1]!
        try server.session.submitHeaders(stream, .response, .more)
        let count = rounds(server, limit: 20_000) { _ in
            server.session.submit(stream, [1, 2, 3])
            _ = server.drainAll()
            return Frames.windowUpdate(0, 3) + Frames.windowUpdate(1, 3)
        }
        #expect(count == 20_000)
    }

    @Test("SETTINGS, each of which may touch every stream")
    func settings() throws {
        let server = try server()
        let count = rounds(server, limit: 1000) { _ in Frames.settings() }
        #expect(count == 98)
        expectCalm(server, .uselessFrames)
    }

    @Test("PINGs whose answers are never read")
    func unreadPings() throws {
        let server = try server { $0.outboundAcknowledgementCountMax = 50 }
        let burst = (0..<60).flatMap { _ in Frames.ping() }
        server.receive(burst)
        expectCalm(server, .acknowledgements)
    }

    @Test("frames queued for a peer that never reads")
    func outboundFrames() throws {
        let server = try server {
            $0.outboundFrameCountMax = 100
            $0.resetBurst = 100_000
        }
        // A full output buffer keeps nghttp2's queue from draining.
        server.receive(Frames.request(stream: 1, end: true))
        let stream = server.streams[1]!
        server.receive(Frames.windowUpdate(0, 1 << 20) + Frames.windowUpdate(1, 1 << 20))
        try server.session.submitHeaders(stream, .response, .more)
        server.session.submit(stream, pattern(900_000))
        try server.session.drainOutput { _ in 0 }
        let count = rounds(server, limit: 2000, drains: false) { round in
            let id = UInt32(2 * round + 3)
            return Frames.request(stream: id) + Frames.windowUpdate(id, 0x7fff_ffff)
        }
        #expect(count >= 100 && count <= 102)
        expectCalm(server, .outboundFrames)
    }

    @Test("interim responses without end, of a hostile server")
    func interimResponses() throws {
        var configuration = HTTP2Configuration()
        configuration.floodLimits.uselessFrameBurst = 100
        let client = try Endpoint(.client, configuration)
        _ = try client.open()
        _ = client.drainAll()
        client.receive(Frames.frame(type: 4))
        let count = rounds(client, limit: 1_000) { _ in
            Frames.frame(type: 1, flags: 4, stream: 1, Frames.block([(":status", "103")]))
        }
        #expect(count <= 110)
        expectCalm(client, .uselessFrames)
    }

    @Test("CONTINUATION without end (CVE-2024-28182)", arguments: [Int.max, 1])
    func continuations(receiveByteCountMax: Int) throws {
        let server = try server()
        server.receiveByteCountMax = receiveByteCountMax
        server.receive(Frames.frame(type: 1, flags: 0, stream: 1, Frames.block(Frames.requestFields)))
        let count = rounds(server, limit: 100) { _ in
            Frames.frame(type: 9, stream: 1, [0x00, 1, 0x78, 1, 0x31])
        }
        #expect(count == 16)
        expectCalm(server, .continuations)
    }

    @Test("as many CONTINUATIONs as allowed are fine, in any pieces", arguments: [Int.max, 1])
    func allowedContinuations(receiveByteCountMax: Int) throws {
        let server = try server()
        server.receiveByteCountMax = receiveByteCountMax
        server.receive(Frames.frame(type: 1, flags: 1, stream: 1, Frames.block(Frames.requestFields)))
        for index in 1...16 {
            server.receive(Frames.frame(type: 9, flags: index == 16 ? 4 : 0, stream: 1, [0x00, 1, 0x78, 1, 0x31]))
        }
        #expect(server.error == nil)
        #expect(server.observed == [.headers(1, requestLines + (0..<16).map { _ in "x: 1" }, end: true)])
    }

    @Test(
        "a broken connection is reported at once with the code of the GOAWAY",
        arguments: [
            ("not HTTP/2", Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8), HTTP2ErrorCode.protocolError),
            ("DATA on an idle stream", Frames.clientGreeting + Frames.data(1, [1]), .protocolError),
            ("frame too large", Frames.clientGreeting + [0x00, 0x40, 0x01, 0, 0, 0, 0, 0, 1], .frameSizeError),
            ("WINDOW_UPDATE of 0", Frames.clientGreeting + Frames.windowUpdate(0, 0), .protocolError),
            (
                "bad HPACK", Frames.clientGreeting + Frames.frame(type: 1, flags: 5, stream: 1, [0xff, 0xff, 0xff]),
                .compressionError
            ),
            ("even stream", Frames.clientGreeting + Frames.request(stream: 2), .protocolError),
        ])
    func brokenConnection(name: String, bytes: [UInt8], code: HTTP2ErrorCode) throws {
        let server = try Endpoint(.server)
        server.receive(bytes)
        guard case .protocolViolation(let thrown, let reason) = server.error else {
            Issue.record("\(name): \(String(describing: server.error))")
            return
        }
        #expect(thrown == code && !reason.isEmpty)
        #expect(RawFrame.all(in: server.drainAll()).contains { $0.goAwayCode == code.rawValue })
        #expect(server.session.isFinished)
    }
}
