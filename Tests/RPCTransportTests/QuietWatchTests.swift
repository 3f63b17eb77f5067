import EventLoops
import HTTP2
import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("Memory of connections on which nothing moves")
struct QuietWatchTests {
    @Test("a connection is busy from its first call until nothing has moved for a while, and again with the next")
    func busy() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        #expect(bench.transport.busyConnectionCount == 0, "a handshake is no reason to hold memory")
        for _ in 0..<2 {
            #expect(try bench.request(client, RawClient.headers()).status == 0)
            #expect(bench.transport.busyConnectionCount == 1)
            bench.advance(seconds: 1)
            #expect(bench.transport.busyConnectionCount == 1, "the first look finds that bytes have moved")
            bench.advance(seconds: 1)
            #expect(bench.transport.busyConnectionCount == 0 && bench.loop.timerCount == 0)
        }
    }

    @Test("one that goes on moving stays busy; one that is gone is forgotten with the timer")
    func moving() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        for _ in 0..<5 {
            #expect(try bench.request(client, RawClient.headers()).status == 0)
            bench.advance(seconds: 1)
            #expect(bench.transport.busyConnectionCount == 1)
        }
        bench.loop.becomeCurrent { client.close() }
        bench.settle()
        #expect(bench.transport.busyConnectionCount == 0 && bench.loop.timerCount == 0)
    }

    @Test("a request that comes in pieces with long silences between them is whole, its headers too")
    func pieces() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        #expect(try bench.request(client, RawClient.headers()).status == 0)
        var stream: HTTP2Stream?
        try bench.speak(client) { stream = try client.session.openStream(RawClient.headers(), .more) }
        for piece in [[0, 0, 0], [0, 2, 7], [8]] as [[UInt8]] {
            for _ in 0..<2 { bench.advance(seconds: 1) }
            #expect(bench.transport.busyConnectionCount == 0)
            try bench.speak(client) { client.session.submitData(stream!, Bytes(piece), .more) }
        }
        for _ in 0..<2 { bench.advance(seconds: 1) }
        try bench.speak(client) { client.session.submitData(stream!, Bytes(), .end) }
        let answer = client.answer(stream!)
        #expect(answer.status == 0 && answer.body == [0, 0, 0, 0, 2, 7, 8])
    }
}
