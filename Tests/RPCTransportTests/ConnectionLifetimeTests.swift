import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import TestSupport
import Testing
import Vocabulary

@Suite("How a server watches its connections, and ends them")
struct ConnectionLifetimeTests {
    static let second: UInt64 = 1_000_000_000
    static let tooManyPings = RawClient.GoAway(lastStreamID: 1, code: .enhanceYourCalm, text: "too_many_pings")

    private static func open(
        _ bench: Workbench, _ client: RawClient, path: String = "/test.Echo/Bidirectional"
    ) throws -> HTTP2Stream {
        var stream: HTTP2Stream?
        try bench.speak(client) { stream = try client.session.openStream(RawClient.headers(path: path), .more) }
        return stream!
    }

    // MARK: Signs of life

    @Test("S134: a silent client is asked after the keepalive time, and stays while it answers")
    func keepaliveAnswered() throws {
        let bench = try Workbench {
            $0.connections.keepalive = .server
            $0.connections.keepalive.timeNanoseconds = 60 * Self.second
        }
        let client = try bench.connect()
        for count in 1...5 {
            bench.advance(seconds: 59)
            #expect(client.pingCount == count - 1)
            bench.advance(seconds: 1)
            #expect(client.pingCount == count)
        }
        bench.advance(seconds: 20)
        #expect(bench.transport.connectionCount == 1)
    }

    @Test("S134: a client that answers no PING is closed, and its handlers are cancelled")
    func keepaliveExpired() throws {
        let bench = try Workbench {
            $0.connections.keepalive = .server
            $0.connections.keepalive.timeNanoseconds = 60 * Self.second
        }
        let client = try bench.connect()
        _ = try Self.open(bench, client)
        client.isDeaf = true
        bench.advance(seconds: 60)
        bench.advance(seconds: 19.9)
        #expect(bench.transport.connectionCount == 1)
        bench.advance(seconds: 0.1)
        #expect(bench.transport.connectionCount == 0)
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.cancelled])
        #expect(bench.timerCount == 0)
    }

    @Test(
        "S133: the third early PING is answered by GOAWAY(ENHANCE_YOUR_CALM, too_many_pings), then the connection ends")
    func tooManyPings() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let stream = try Self.open(bench, client)
        for payload in 1...4 as ClosedRange<UInt64> { try bench.speak(client) { client.session.ping(payload) } }
        #expect(client.pongs.starts(with: [1, 2, 3]))
        #expect(client.goAways == [Self.tooManyPings])
        #expect(client.answer(stream).status == nil)
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.cancelled])
        bench.advance(seconds: 1.1)
        #expect(client.isClosed && bench.transport.connectionCount == 0)
    }

    @Test("S133: the GOAWAY leaves before the connection closes, also when unread bytes keep coming")
    func tooManyPingsUnderLoad() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        try bench.speak(client) { for payload in 1...150 as ClosedRange<UInt64> { client.session.ping(payload) } }
        #expect(client.goAways.map(\.code) == [.enhanceYourCalm])
        try bench.speak(client) { for payload in 1...150 as ClosedRange<UInt64> { client.session.ping(payload) } }
        bench.advance(seconds: 1.1)
        #expect(client.isClosed && bench.transport.connectionCount == 0)
    }

    @Test("S133: a client that does not read is not waited for when it pinged too often")
    func tooManyPingsUnread() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        client.isDeaf = true
        try bench.speak(client) { for payload in 1...50 as ClosedRange<UInt64> { client.session.ping(payload) } }
        bench.advance(seconds: 2.1)
        #expect(bench.transport.connectionCount == 0)
    }

    @Test("S133, B126: PINGs beside answered calls are never too many")
    func measuringPings() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        for payload in 1...200 as ClosedRange<UInt64> {
            #expect(try bench.request(client, RawClient.headers()).status == 0)
            try bench.speak(client) {
                client.session.ping(payload)
                client.session.ping(payload)
            }
        }
        #expect(client.goAways.isEmpty && client.pongs.count == 400)
    }

    @Test("B126: a server sends no PING to an idle client before the keepalive time")
    func noPingWhenIdle() throws {
        let bench = try Workbench { $0.connections.keepalive = .server }
        let client = try bench.connect()
        #expect(try bench.request(client, RawClient.headers()).status == 0)
        bench.advance(seconds: 7_199)
        #expect(client.pingCount == 0)
        bench.advance(seconds: 1)
        #expect(client.pingCount == 1)
    }

    // MARK: Age and idleness

    @Test("S140: an idle connection is drained with the text max_idle; a busy one is not")
    func maxIdle() throws {
        let bench = try Workbench { $0.connections.maxIdleNanoseconds = 60 * Self.second }
        let client = try bench.connect()
        let stream = try Self.open(bench, client)
        bench.advance(seconds: 600)
        #expect(client.goAways.isEmpty)
        try bench.speak(client) { client.session.submitData(stream, Bytes(), .end) }
        #expect(client.answer(stream).status == 0)
        bench.advance(seconds: 59)
        #expect(client.goAways.isEmpty)
        client.keepsReceived = true
        bench.advance(seconds: 1)
        #expect(client.goAways == [RawClient.GoAway(lastStreamID: .max, code: .noError, text: "")])
        // nghttp2 answers no PING and hears no more once it is idle and was told to go, so look at the wire.
        bench.advance(seconds: 5)
        bench.advance(seconds: 1.1)
        let goAways = RawFrame.all(in: client.received).filter { $0.type == RawFrame.goAway }
        #expect(goAways.map(\.debugText) == ["", "max_idle"])
        #expect(client.isClosed && bench.transport.connectionCount == 0 && bench.timerCount == 0)
    }

    @Test("S140: an old connection is drained with the text max_age; the grace ends what is left with UNAVAILABLE")
    func maxAge() throws {
        let bench = try Workbench {
            $0.connections.maxAgeNanoseconds = 600 * Self.second
            $0.connections.ageGraceNanoseconds = 30 * Self.second
        }
        let client = try bench.connect()
        let stream = try Self.open(bench, client)
        bench.advance(seconds: 539)
        #expect(client.goAways.isEmpty)
        bench.advance(seconds: 122)
        #expect(client.goAways.map(\.text) == ["", "max_age"])
        #expect(client.answer(stream).status == nil)
        bench.advance(seconds: 30)
        #expect(client.answer(stream).status == 14)
        bench.advance(seconds: 1.1)
        #expect(client.isClosed && bench.transport.connectionCount == 0 && bench.timerCount == 0)
    }

    @Test("S141: a stream that arrives between the two GOAWAYs is served")
    func betweenTheGoAways() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        _ = try Self.open(bench, client)
        // The request leaves in the turn in which the server begins to drain: neither knows of the other.
        var stream: HTTP2Stream?
        try bench.loop.becomeCurrent {
            let opened = try client.session.openStream(RawClient.headers(), .more)
            client.session.submitData(opened, RawClient.frame([7]), .end)
            stream = opened
            bench.transport.drain {}
            try client.flush()
        }
        bench.settle()
        #expect(client.answer(stream!).status == 0)
        #expect(client.goAways.map(\.lastStreamID) == [.max, 3])
    }

    @Test("S141: a client that answers no PING gets the final GOAWAY after five seconds")
    func drainWithoutPong() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let stream = try Self.open(bench, client)
        client.isDeaf = true
        bench.loop.becomeCurrent { bench.transport.drain {} }
        bench.settle()
        bench.advance(seconds: 5)
        client.isDeaf = false
        bench.loop.becomeCurrent { client.streamIsReadable() }
        bench.settle()
        #expect(client.goAways.map(\.lastStreamID) == [.max, 1])
        try bench.speak(client) { client.session.submitData(stream, Bytes(), .end) }
        #expect(client.answer(stream).status == 0)
    }

    @Test("S142: after the final GOAWAY running calls complete")
    func afterTheFinalGoAway() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let stream = try Self.open(bench, client)
        bench.loop.becomeCurrent { bench.transport.drain {} }
        bench.settle()
        #expect(client.goAwayCount == 2)
        #expect(throws: HTTP2Error.goingAway) { try client.session.openStream(RawClient.headers(), .more) }
        try bench.speak(client) { client.session.submitData(stream, RawClient.frame([1]), .end) }
        #expect(client.answer(stream).status == 0)
    }

    @Test("C7: a server drains a connection whose stream identifiers come to their end")
    func identifiersRunOut() throws {
        let bench = try Workbench { $0.http2.streamIdentifierMax = 5 }
        let client = try bench.connect()
        _ = try Self.open(bench, client)
        #expect(try bench.request(client, RawClient.headers()).status == 0)
        #expect(client.goAways.isEmpty)
        #expect(try bench.request(client, RawClient.headers()).status == 0)
        #expect(client.goAways.map(\.text) == ["", "max_stream_id"])
    }
}
