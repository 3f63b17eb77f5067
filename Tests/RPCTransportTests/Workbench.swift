import EventLoops
import HTTP2
import RPC
import RPCTransport
import TestSupport
import Vocabulary

/// A server in memory on a loop that the test turns, with a clock that the test turns as well.
final class Workbench: TurnedBench {
    let clock = ManualClock()
    let loop: EventLoop
    let service = EchoService()
    let transport: InProcessTransport

    init(_ configure: (inout RPCServerConfiguration) -> Void = { _ in }) throws {
        loop = try EventLoop(name: "workbench", clock: clock)
        var configuration = RPCServerConfiguration()
        // Tests count timers, so those of connections run only where they are asked for.
        configuration.connections.keepalive = KeepalivePolicy()
        configuration.connections.stallTimeoutNanoseconds = nil
        configure(&configuration)
        transport = InProcessTransport(
            loop: loop, methods: service.methods, server: configuration, observer: service.observer)
    }

    /// Ends what is left, which would otherwise hold itself: a connection its server, and the server its connections.
    deinit {
        loop.becomeCurrent { transport.shutDown() }
        advance(seconds: 2)
    }

    /// Timers of calls and connections: but for the one that looks for quiet connections.
    var timerCount: Int { loop.timerCount - (transport.busyConnectionCount > 0 ? 1 : 0) }

    /// A client whose handshake is done.
    func connect(_ configuration: HTTP2Configuration = HTTP2Configuration()) throws -> RawClient {
        let client = try loop.becomeCurrent {
            let client = try RawClient(transport.connect(), loop: loop, configuration: configuration)
            try client.flush()
            return client
        }
        settle()
        return client
    }

    /// Sends a request of one piece and returns what came back.
    func request(
        _ client: RawClient, _ headers: HeaderList, body: [UInt8] = [0, 0, 0, 0, 0], ends: Bool = true
    ) throws -> RawClient.Answer {
        var stream: HTTP2Stream?
        try speak(client) {
            let opened = try client.session.openStream(headers, .more)
            client.session.submitData(opened, Bytes(body), ends ? .end : .more)
            stream = opened
        }
        return client.answer(stream!)
    }
}
