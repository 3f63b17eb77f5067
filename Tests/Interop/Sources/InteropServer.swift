import EventLoops
import Glibc
import RPC
import RPCTransport
import Vocabulary

/// `apus-interop server`: serves `grpc.testing.TestService` until SIGINT or SIGTERM.
enum InteropServer {
    static let flags: Set<String> = ["port", "host", "use_tls", "certificates", "event_loops", "relay_to"]

    /// How long running calls may take to end after the signal.
    private static let drainNanoseconds: UInt64 = 5_000_000_000

    static func run(_ flags: Flags) async throws {
        var configuration = RPCServerConfiguration()
        configuration.host = flags.text("host") ?? "127.0.0.1"
        configuration.port = try flags.number("port", default: 0)
        if try flags.isSet("use_tls") { configuration.tls = try TestCertificates(flags).server() }
        let loops = try EventLoopGroup(name: "server", loopCount: max(1, try flags.number("event_loops", default: 2)))
        let relay = try flags.text("relay_to").map { try Relay(target: $0, loops: loops) }
        let signal = SignalWait()
        try await loops.loops[0].run { try signal.begin(on: loops.loops[0]) }
        let server = try await RPCServer(
            configuration: configuration, methods: relay?.methods ?? TestService.methods, loops: loops)
        print("listening on \(server.address)")
        fflush(nil)
        await signal.wait()
        await server.drain(deadline: Deadline(SystemClock().now().advanced(byNanoseconds: drainNanoseconds)))
        await relay?.channel.close()
        await loops.loops[0].run { signal.end() }
        loops.stop()
    }
}

/// Waits for the signal that ends the server.
private final class SignalWait: @unchecked Sendable {
    // @unchecked: `watcher` is touched on the loop only; the stream is made for any thread.
    private var watcher: SignalWatcher?
    private let signals = AsyncStream<Int32>.makeStream()

    func begin(on loop: EventLoop) throws {
        watcher = try SignalWatcher([SIGINT, SIGTERM], loop: loop) { [signals] in signals.continuation.yield($0) }
    }

    func wait() async {
        for await _ in signals.stream { return }
    }

    func end() {
        watcher?.close()
        watcher = nil
    }
}
