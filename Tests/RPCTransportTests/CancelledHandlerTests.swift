import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("Handlers that go on after their call was cancelled")
struct CancelledHandlerTests {
    @Test("a cancelled call's handler counts against its connection until it has returned, and against no other")
    func counts() throws {
        let bench = try Workbench { $0.callsPerConnectionMax = 2 }
        let client = try bench.connect()
        let other = try bench.connect()
        for _ in 0..<2 {
            var stream: HTTP2Stream?
            try bench.speak(client) {
                let opened = try client.session.openStream(RawClient.headers(path: "/test.Echo/Stubborn"), .more)
                client.session.submitData(opened, RawClient.frame([1]), .end)
                stream = opened
            }
            try bench.speak(client) { client.session.reset(stream!, .cancel) }
        }
        #expect(try bench.request(client, RawClient.headers()).closeCode == .refusedStream)
        #expect(try bench.request(other, RawClient.headers()).status == 0)
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.ok], "neither has ended")
        bench.service.stubbornMayEnd.open()
        bench.settle()
        #expect(try bench.request(client, RawClient.headers()).status == 0)
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.ok, .cancelled, .cancelled, .ok])
    }
}
