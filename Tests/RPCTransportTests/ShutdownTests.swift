import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("How a server ends", .timeLimit(.minutes(10)))
struct ShutdownTests {
    @Test("S141: a drain announces itself, lets running calls finish, and closes")
    func graceful() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let idle = Gate()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/ClientStream"), .more)
        }
        bench.loop.becomeCurrent { bench.transport.drain { idle.open() } }
        bench.settle()
        // The notice, and after the PING came back the final word.
        #expect(client.goAwayCount == 2)
        #expect(!idle.isOpen)
        try bench.speak(client) { client.session.submitData(stream!, RawClient.frame([1, 2]), .end) }
        #expect(client.answer(stream!).status == 0)
        bench.loop.becomeCurrent { client.close() }
        bench.settle()
        #expect(bench.transport.connectionCount == 0)
        #expect(idle.isOpen)
    }

    @Test("S143: a client that keeps its end open is closed a second after everything was said")
    func lingering() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let idle = Gate()
        bench.loop.becomeCurrent { bench.transport.drain { idle.open() } }
        bench.settle()
        #expect(bench.transport.connectionCount == 1)
        bench.advance(seconds: 1.1)
        #expect(bench.transport.connectionCount == 0 && client.isClosed)
        #expect(idle.isOpen)
    }

    @Test("S142: a forced end answers what still runs with UNAVAILABLE")
    func forced() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/Bidirectional"), .more)
        }
        bench.loop.becomeCurrent {
            bench.transport.drain {}
            bench.transport.shutDown()
        }
        bench.settle()
        #expect(client.answer(stream!).status == 14)
        #expect(bench.service.records.withLock { $0.map(\.status) } == [.unavailable])
        bench.advance(seconds: 1.1)
        #expect(bench.transport.connectionCount == 0)
    }

    @Test("a call in flight survives the drain of a real server; the next one is refused")
    func drainOverLoopback() async throws {
        try await Loopback.with { loopback in
            let call = Task { try await loopback.channel.unary(EchoService.hang, Bytes(utf8: "stay")) }
            await loopback.service.hangDidStart.wait()
            let drain = Task { await loopback.server.drain(deadline: .never) }
            loopback.service.hangMayEnd.open()
            let answer = try await call.value
            #expect(answer.message.utf8String == "stay")
            await drain.value
            #expect(loopback.server.connectionCount == 0)
            let failure = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(EchoService.unary, Bytes())
            }
            #expect(failure?.error.code == .unavailable)
        }
    }

    @Test("a drain past its deadline ends what does not finish")
    func forcedOverLoopback() async throws {
        try await Loopback.with { loopback in
            let call = Task { try await loopback.channel.unary(EchoService.hang, Bytes()) }
            await loopback.service.hangDidStart.wait()
            await loopback.server.drain(deadline: Loopback.deadline(milliseconds: 10))
            let failure = await #expect(throws: RPCFailure.self) { try await call.value }
            #expect(failure?.error.code == .unavailable)
            await loopback.service.hangWasCancelled.wait()
        }
    }
}
