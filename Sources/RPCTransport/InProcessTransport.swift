package import EventLoops
package import RPC
import Synchronization

/// A server and a channel to it on one loop, joined by memory instead of sockets.
///
/// The whole stack runs as it does on sockets, TLS included when the configurations have it, but turn by turn on the
/// loop of a test, which decides when time passes.
///
/// - Isolation: `loop`.
package final class InProcessTransport {
    package let channel: RPCChannel
    private let shard: ServerShard
    private let pipeByteCount: Int

    /// Serves `methods`; a pipe holds `pipeByteCount` bytes each way, as the kernel's socket buffers would.
    package init(
        loop: EventLoop, methods: MethodTable, server: RPCServerConfiguration = RPCServerConfiguration(),
        client: RPCChannelConfiguration = RPCChannelConfiguration(host: "localhost", port: 0),
        observer: CallObserver? = nil, connectionObserver: ConnectionObserver? = nil, pipeByteCount: Int = 64 << 10
    ) {
        let shard = ServerShard(
            loop: loop, configuration: server, methods: methods, observer: observer,
            connectionObserver: connectionObserver, requestIDs: RequestIDSource())
        self.shard = shard
        self.pipeByteCount = pipeByteCount
        channel = RPCChannel(
            configuration: client, loops: [loop],
            connector: MemoryConnector(shard: shard, pipeByteCount: pipeByteCount))
    }

    /// A new connection to the server, to be driven byte by byte.
    package func connect() -> MemoryStream {
        let pipe = MemoryStream.pair(capacity: pipeByteCount, loop: shard.loop)
        shard.connectionCount.add(1, ordering: .relaxed)
        shard.adopt(pipe.server)
        return pipe.client
    }

    /// Connections open at the server.
    package var connectionCount: Int { shard.connectionCount.load(ordering: .relaxed) }

    /// Bytes of requests that the server's calls hold; on the loop.
    package var heldRequestByteCount: Int { shard.heldByteCount }

    /// Compressed messages that the server has begun to unfold, or that wait for it; on the loop.
    package var unfoldingMessageCount: Int { shard.buffers.unfolder.count }

    /// Connections of the server that hold memory for bytes on their way, for which one timer runs; on the loop.
    package var busyConnectionCount: Int { shard.buffers.quietWatch.count }

    /// What the server holds; on the loop.
    package var counters: RPCServerCounters { shard.counters }

    /// The calls that were counted since the last time; on the loop.
    package func takeCallTally() -> CallTally { shard.tally.take() }

    /// As `RPCServer.drain`.
    package func drain(whenIdle: @escaping @Sendable () -> Void) { shard.drain(whenIdle: whenIdle) }

    /// Ends all calls with UNAVAILABLE.
    package func shutDown() { shard.shutDown() }
}

/// Connects to a shard of this process.
private struct MemoryConnector: Connector {
    let shard: ServerShard
    let pipeByteCount: Int

    func resolve(
        host: String, port: UInt16, on loop: EventLoop,
        completion: @escaping (Result<[ServerAddress], ConnectError>) -> Void
    ) {
        completion(.success([ServerAddress(host: host, port: port)]))
    }

    func connect(
        to address: ServerAddress, on loop: EventLoop, timeoutNanoseconds: UInt64,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void
    ) -> ConnectCancellation {
        let pipe = MemoryStream.pair(capacity: pipeByteCount, loop: loop)
        shard.connectionCount.add(1, ordering: .relaxed)
        shard.adopt(pipe.server)
        completion(.success(pipe.client))
        return {}
    }
}
