import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("What a server holds")
struct ServerCountersTests {
    @Test("every counter rises with a call that has half of its request, and is back at zero once all has ended")
    func request() throws {
        let bench = try Workbench()
        #expect(bench.counters == RPCServerCounters())
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let opened = try client.session.openStream(RawClient.headers(), .more)
            client.session.submitData(opened, Bytes([0, 0, 0, 0, 3, 1, 2]), .more)
            stream = opened
        }
        var expected = RPCServerCounters()
        expected.connectionCount = 1
        expected.streamCount = 1
        #expect(bench.counters.connectionCount == 1)
        #expect(bench.counters.streamCount == 1)
        #expect(bench.counters.requestByteCount > 0)
        try bench.speak(client) { client.session.reset(stream!, .cancel) }
        expected.streamCount = 0
        #expect(bench.counters == expected)
        bench.loop.becomeCurrent { client.close() }
        bench.settle()
        #expect(bench.counters == RPCServerCounters())
    }

    @Test("a handler whose connection is gone is counted until it has returned")
    func orphan() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        try bench.speak(client) {
            let stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/Stubborn"), .more)
            client.session.submitData(stream, RawClient.frame([1]), .end)
        }
        bench.loop.becomeCurrent { client.close() }
        bench.settle()
        #expect(bench.counters.connectionCount == 0)
        #expect(bench.counters.callCount == 1)
        #expect(bench.service.records.withLock { $0.isEmpty })
        bench.service.stubbornMayEnd.open()
        bench.settle()
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.cancelled])
        #expect(bench.counters == RPCServerCounters())
    }

    @Test("answers that a client does not take are counted")
    func answers() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        client.consumes = false
        try bench.speak(client) {
            let stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/ServerStream"), .more)
            client.session.submitData(stream, RawClient.frame(Array("8 1000000".utf8)), .end)
        }
        #expect(bench.counters.responseByteCount > 0)
        bench.loop.becomeCurrent { client.close() }
        bench.settle()
        #expect(bench.counters == RPCServerCounters())
    }
}

extension Workbench {
    fileprivate var counters: RPCServerCounters { loop.becomeCurrent { transport.counters } }
}
