import EventLoops
import InferenceService
import Messages
import RPC
import RPCTransport
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import ApusServer

@Suite("Listening to a shard")
struct ShardListenerTests {
    /// The server reports without a pause, so that the listener is never found waiting: the end of its task comes
    /// between two reports, and nobody but the listener can end the call.
    @Test("ends its call when its task is cancelled, so that the channel can be closed")
    func cancellation() async throws {
        let handlerCount = Mutex(0)
        var methods = MethodTable()
        methods.register(serverStream: ShardMethods.watch.path) { _, _, writer in
            handlerCount.withLock { $0 += 1 }
            defer { handlerCount.withLock { $0 -= 1 } }
            while true { try await writer.write(ShardState().encoded()) }
        }
        let loops = try EventLoopGroup(name: "shard", loopCount: 1)
        let server = try await RPCServer(configuration: RPCServerConfiguration(), methods: methods, loops: loops)
        let clientLoops = try EventLoopGroup(name: "front", loopCount: 1)
        let channel = RPCChannel(
            configuration: RPCChannelConfiguration(host: "127.0.0.1", port: server.address.port), loops: clientLoops)
        let listener = ShardListener(
            replica: ReplicaID("127.0.0.1:1"), directory: ShardDirectory(clock: SystemClock()), clock: SystemClock())
        let isThere = Mutex(false)
        let listening = Task {
            _ = await listener.listen(on: channel) { _ in isThere.withLock { $0 = true } }
        }
        #expect(await eventually { isThere.withLock { $0 } })
        listening.cancel()
        await listening.value
        let closing = Task { await channel.close() }
        #expect(await BoundedWait.end(of: [closing], withinNanoseconds: 30_000_000_000))
        #expect(await eventually { handlerCount.withLock { $0 } == 0 })
        await server.drain(deadline: Deadline(SystemClock().now()))
        clientLoops.stop()
        loops.stop()
    }
}
