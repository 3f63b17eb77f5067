import HTTP2
import TestSupport
import Testing
import Vocabulary

@Suite("HTTP2Session: messages")
struct MessageFlowTests {
    /// Every way of cutting the byte streams must give the same events.
    static let cuts: [(receive: Int, drain: Int)] = [(.max, .max), (1, .max), (.max, 1), (1, 1), (7, 3)]

    private func pair(_ cut: (receive: Int, drain: Int)) throws -> (client: Endpoint, server: Endpoint) {
        let pair = try connectedPair()
        for end in [pair.client, pair.server] {
            end.receiveByteCountMax = cut.receive
            end.drainByteCountMax = cut.drain
        }
        return pair
    }

    @Test("a unary call: headers, data, response, trailers", arguments: cuts)
    func unary(cut: (receive: Int, drain: Int)) throws {
        let (client, server) = try pair(cut)
        let stream = try client.open()
        client.session.submit(stream, [1, 2, 3], .end)
        exchange(client, server)
        #expect(server.observed.first == .headers(1, requestLines, end: false))
        #expect(server.bodies[1] == [1, 2, 3])
        let accepted = try #require(server.streams[1])
        try server.session.submitHeaders(accepted, .response, .more)
        let prefix: [UInt8] = [0, 0, 0, 0, 4]
        prefix.withUnsafeBytes {
            _ = server.session.submitData(accepted, prefix: $0, Bytes([9, 8, 7, 6] as [UInt8]), .more)
        }
        try server.session.submitTrailers(accepted, .okTrailers)
        exchange(server, client)
        #expect(client.bodies[1] == [0, 0, 0, 0, 4, 9, 8, 7, 6])
        #expect(client.observed.first == .headers(1, responseLines, end: false))
        #expect(client.observed.suffix(2) == [.trailers(1, ["grpc-status: 0"]), .closed(1, .noError, .finished)])
        #expect(server.observed.last == .closed(1, .noError, .finished))
        #expect(client.session.openStreamCount == 0 && server.session.openStreamCount == 0)
    }

    @Test("a unary response leaves as HEADERS, DATA, HEADERS in one drained piece")
    func responseInOnePiece() throws {
        let (client, server) = try connectedPair()
        _ = try client.open(.request, .end)
        server.receive(client.drain())
        let accepted = try #require(server.streams[1])
        try server.session.submitHeaders(accepted, .response, .more)
        server.session.submit(accepted, [1])
        try server.session.submitTrailers(accepted, .okTrailers)
        var pieces: [[UInt8]] = []
        try server.session.drainOutput { bytes in
            pieces.append(Array(bytes))
            return bytes.count
        }
        #expect(pieces.count == 1)
        #expect(RawFrame.all(in: pieces[0]).map(\.type) == [1, 0, 1])
    }

    @Test("B70: a request without a body ends with its headers", arguments: cuts)
    func emptyRequest(cut: (receive: Int, drain: Int)) throws {
        let (client, server) = try pair(cut)
        _ = try client.open(.request, .end)
        exchange(client, server)
        #expect(server.observed == [.headers(1, requestLines, end: true)])
    }

    @Test("B70: an end of stream on empty DATA is an empty data event")
    func emptyDataEnd() throws {
        let (client, server) = try connectedPair()
        let stream = try client.open()
        exchange(client, server)
        client.session.submit(stream, [], .end)
        exchange(client, server)
        #expect(server.observed == [.headers(1, requestLines, end: false), .data(1, [], end: true)])
    }

    @Test("S80: a Trailers-Only response is one HEADERS frame that ends the stream", arguments: cuts)
    func trailersOnly(cut: (receive: Int, drain: Int)) throws {
        let (client, server) = try pair(cut)
        _ = try client.open(.request, .end)
        exchange(client, server)
        try server.session.submitHeaders(server.streams[1]!, .trailersOnly, .end)
        exchange(server, client)
        #expect(
            client.observed == [
                .headers(1, responseLines + ["grpc-status: 12"], end: true), .closed(1, .noError, .finished),
            ])
    }

    @Test("trailers right after headers send no DATA frame")
    func trailersWithoutData() throws {
        let (client, server) = try connectedPair()
        _ = try client.open(.request, .end)
        exchange(client, server)
        try server.session.submitHeaders(server.streams[1]!, .response, .more)
        client.receive(server.drain())
        try server.session.submitTrailers(server.streams[1]!, .okTrailers)
        let output = server.drain()
        #expect(RawFrame.all(in: output).map(\.type) == [1])
        client.receive(output)
        #expect(client.observed.dropFirst().first == .trailers(1, ["grpc-status: 0"]))
    }

    @Test("a bidirectional stream carries messages both ways and resumes after idling", arguments: cuts)
    func bidirectional(cut: (receive: Int, drain: Int)) throws {
        let (client, server) = try pair(cut)
        let stream = try client.open()
        exchange(client, server)
        try server.session.submitHeaders(server.streams[1]!, .response, .more)
        for round in UInt8(0)..<5 {
            client.session.submit(stream, [round, round])
            exchange(client, server)
            server.session.submit(server.streams[1]!, [round])
            exchange(server, client)
        }
        client.session.submit(stream, [], .end)
        exchange(client, server)
        try server.session.submitTrailers(server.streams[1]!, .okTrailers)
        exchange(server, client)
        #expect(server.bodies[1] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
        #expect(client.bodies[1] == [0, 1, 2, 3, 4])
        #expect(client.observed.last == .closed(1, .noError, .finished))
    }

    @Test("S32: request trailers end the request")
    func requestTrailers() throws {
        let (client, server) = try connectedPair()
        let stream = try client.open()
        client.session.submit(stream, [1])
        try client.session.submitTrailers(stream, .okTrailers)
        exchange(client, server)
        #expect(server.observed.suffix(2) == [.data(1, [1], end: false), .trailers(1, ["grpc-status: 0"])])
    }

    @Test("S73: trailers before the request ended are followed by RST_STREAM(NO_ERROR)")
    func earlyTrailers() throws {
        let (client, server) = try connectedPair()
        let stream = try client.open()
        client.session.submit(stream, [1])
        exchange(client, server)
        try server.session.submitHeaders(server.streams[1]!, .response, .more)
        server.session.submit(server.streams[1]!, [2])
        try server.session.submitTrailers(server.streams[1]!, .okTrailers)
        let output = server.drainAll()
        let frames = RawFrame.all(in: output)
        #expect(frames.map(\.type) == [1, 0, 1, 3])
        #expect(frames.last?.payload == [0, 0, 0, 0])
        client.receive(output)
        #expect(
            client.takeObserved() == [
                .headers(1, responseLines, end: false), .data(1, [2], end: false), .trailers(1, ["grpc-status: 0"]),
                .closed(1, .noError, .peer),
            ])
        #expect(server.observed.last == .closed(1, .noError, .finished))
        #expect(server.session.openStreamCount == 0 && client.session.openStreamCount == 0)
        #expect(client.session.submit(stream, [3]) == .streamClosed)
    }

    @Test("a Trailers-Only refusal of an upload also resets it")
    func earlyTrailersOnly() throws {
        let (client, server) = try connectedPair()
        _ = try client.open()
        exchange(client, server)
        try server.session.submitHeaders(server.streams[1]!, .trailersOnly, .end)
        #expect(RawFrame.all(in: server.drainAll()).map(\.type) == [1, 3])
        #expect(server.session.openStreamCount == 0)
    }

    @Test("C86: interim responses are passed over")
    func informational() throws {
        let client = try Endpoint(.client)
        _ = client.drainAll()
        let stream = try client.open()
        _ = client.drainAll()
        client.receive(Frames.frame(type: 4))
        client.receive(Frames.frame(type: 1, flags: 4, stream: 1, Frames.block([(":status", "100")])))
        client.receive(Frames.frame(type: 1, flags: 4, stream: 1, Frames.block([(":status", "200")])))
        client.receive(Frames.frame(type: 1, flags: 5, stream: 1, Frames.block([("grpc-status", "0")])))
        #expect(
            client.observed(of: stream.id) == [
                .headers(1, [":status: 200"], end: false), .trailers(1, ["grpc-status: 0"]),
            ])
    }

    @Test("C86: an interim response that ends its stream is an error of the stream")
    func informationalEnd() throws {
        let client = try Endpoint(.client)
        let stream = try client.open()
        _ = client.drainAll()
        client.receive(Frames.frame(type: 4))
        client.receive(Frames.frame(type: 1, flags: 5, stream: 1, Frames.block([(":status", "100")])))
        #expect(RawFrame.all(in: client.drainAll()).last?.payload == [0, 0, 0, 1], "RST_STREAM(PROTOCOL_ERROR)")
        #expect(client.observed(of: stream.id) == [.closed(stream.id, .protocolError, .local)])
        #expect(client.error == nil)
    }

    @Test("a client's reset reaches the server once, and late commands do nothing")
    func clientReset() throws {
        let (client, server) = try connectedPair()
        let stream = try client.open()
        client.session.submit(stream, pattern(1000))
        exchange(client, server)
        try server.session.submitHeaders(server.streams[1]!, .response, .more)
        server.session.submit(server.streams[1]!, pattern(100))
        _ = server.takeObserved()
        client.session.reset(stream, .cancel)
        client.session.reset(stream, .cancel)
        let output = client.drain()
        #expect(RawFrame.all(in: output).map(\.type) == [3])
        #expect(client.observed == [.closed(1, .cancel, .local)])
        server.receive(output)
        #expect(server.observed == [.closed(1, .cancel, .peer)])
        let late = server.streams[1]!
        #expect(server.session.submit(late, [1]) == .streamClosed)
        #expect(try server.session.submitTrailers(late, .okTrailers) == .streamClosed)
        server.session.consume(late, byteCount: 1)
        server.session.reset(late, .cancel)
        #expect(server.session.pendingOutboundByteCount(late) == 0)
        exchange(client, server)
        #expect(client.error == nil && server.error == nil)
        #expect(server.session.openStreamCount == 0)
    }

    @Test("a request reset before it left is never sent")
    func resetBeforeSending() throws {
        let (client, _) = try connectedPair()
        let stream = try client.open()
        client.session.submit(stream, [1])
        client.session.reset(stream, .cancel)
        #expect(RawFrame.all(in: client.drainAll()).map(\.type) == [])
        #expect(client.observed == [.closed(1, .cancel, .local)])
        #expect(client.session.openStreamCount == 0)
    }

    @Test("after its reset a stream is silent but for closed, even when events were queued")
    func silentAfterReset() throws {
        let (client, server) = try connectedPair()
        let stream = try client.open()
        client.session.submit(stream, [1, 2, 3], .end)
        server.onEvent = { end, event in
            if case .headers = event { end.session.reset(end.streams[1]!, .internalError) }
        }
        exchange(client, server)
        #expect(
            server.observed == [.headers(1, requestLines, end: false), .closed(1, .internalError, .local)])
    }

    @Test("many streams interleave: a large answer does not hold up small ones")
    func interleaving() throws {
        let (client, server) = try connectedPair()
        for _ in 0..<4 { _ = try client.open(.request, .end) }
        exchange(client, server)
        _ = client.takeObserved()
        for id in [Int32(1), 3, 5, 7] {
            try server.session.submitHeaders(server.streams[id]!, .response, .more)
            server.session.submit(server.streams[id]!, pattern(id == 1 ? 200_000 : 10), .end)
        }
        let frames = RawFrame.all(in: server.drainAll()).filter { $0.type == 0 }
        let lastOfLarge = try #require(frames.lastIndex { $0.stream == 1 })
        for id in [UInt32(3), 5, 7] {
            #expect(try #require(frames.firstIndex { $0.stream == id }) < lastOfLarge)
        }
    }

    @Test("slots are dense and reused, and an old handle does not reach the new stream")
    func slots() throws {
        let (client, server) = try connectedPair()
        var seen: Set<Int32> = []
        for _ in 0..<100 {
            let stream = try client.open(.request, .end)
            seen.insert(stream.slot)
            exchange(client, server)
            let accepted = server.streams[stream.id]!
            try server.session.submitHeaders(accepted, .trailersOnly, .end)
            exchange(server, client)
            #expect(client.session.submit(stream, [1]) == .streamClosed)
        }
        #expect(seen == [0])
    }

    @Test("open streams are listed for an owner whose connection is lost")
    func openStreams() throws {
        let (client, server) = try connectedPair()
        let streams = [try client.open(), try client.open(), try client.open()]
        exchange(client, server)
        client.session.reset(streams[1], .cancel)
        exchange(client, server)
        #expect(Set(client.session.openStreams) == [streams[0], streams[2]])
        #expect(Set(server.session.openStreams.map(\.id)) == [1, 5])
    }
}
