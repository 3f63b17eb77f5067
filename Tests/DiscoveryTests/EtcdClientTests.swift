import EventLoops
import Messages
import RPC
import RPCTransport
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import Discovery

@Suite("A client of etcd")
struct EtcdClientTests {
    /// A server that answers the first message with something that is no message of etcd's, and then waits for the
    /// client to end the call.
    @Test("ends a watch and a keep-alive whose answer cannot be decoded")
    func undecodable() async throws {
        let openCount = Mutex(0)
        var methods = MethodTable()
        for path in [EtcdWatchMethods.watch.path, EtcdLeaseMethods.leaseKeepAlive.path] {
            methods.register(stream: path) { _, requests, writer in
                openCount.withLock { $0 += 1 }
                defer { openCount.withLock { $0 -= 1 } }
                _ = try await requests.next()
                try await writer.write(Bytes([0xFF, 0xFF]))
                // Ends by the caller's cancellation only.
                let (never, _hold) = AsyncStream.makeStream(of: Void.self)
                for await _ in never {}
                _hold.finish()
            }
        }
        let loops = try EventLoopGroup(name: "etcd", loopCount: 1)
        let server = try await RPCServer(configuration: RPCServerConfiguration(), methods: methods, loops: loops)
        let clientLoops = try EventLoopGroup(name: "client", loopCount: 1)
        let channel = RPCChannel(
            configuration: RPCChannelConfiguration(host: "127.0.0.1", port: server.address.port), loops: clientLoops)
        let client = EtcdClient(channels: [channel], clock: SystemClock())
        await #expect(throws: RPCFailure.self) {
            try await client.watch(KeyPrefix("/a/"), from: 1) { _ in }
        }
        #expect(await eventually { openCount.withLock { $0 } == 0 })
        await #expect(throws: RPCFailure.self) { try await client.keepAlive(1) }
        #expect(await eventually { openCount.withLock { $0 } == 0 })
        await client.close()
        await server.drain(deadline: Deadline(SystemClock().now()))
        clientLoops.stop()
        loops.stop()
    }
}
