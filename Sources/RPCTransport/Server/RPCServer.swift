package import EventLoops
import Glibc
package import RPC
import Synchronization
package import Vocabulary

/// A gRPC server: a listening socket, and on each loop a shard of its connections.
///
/// The loops belong to the caller, who stops them after `drain`.
///
/// - Isolation: any thread.
package final class RPCServer: Sendable {
    /// Where clients connect, with the port that was chosen for port 0.
    package let address: SocketAddress
    let shards: [ServerShard]
    private let listener: ListenerBox
    private let connectionCountMax: Int

    /// Binds, listens and serves `methods`.
    ///
    /// The first of `loops` also accepts; the observers are told about every call and every connection that ends.
    ///
    /// - Throws: `RPCServerError` when the address cannot be had, `EventLoopError` when the process is out of
    ///   resources.
    package init(
        configuration: RPCServerConfiguration, methods: MethodTable, loops: EventLoopGroup,
        observer: CallObserver? = nil, connectionObserver: ConnectionObserver? = nil
    ) async throws {
        let requestIDs = RequestIDSource()
        let shards = loops.loops.map { loop in
            ServerShard(
                loop: loop, configuration: configuration, methods: methods, observer: observer,
                connectionObserver: connectionObserver, requestIDs: requestIDs)
        }
        let connectionCountMax = configuration.connectionCountMax
        let listener = try ListenerBox(
            Listener(host: configuration.host, port: configuration.port, loop: loops.loops[0]) { descriptor, peer in
                guard !Self.place(descriptor, peer, shards, connectionCountMax: connectionCountMax) else { return }
                connectionObserver?.connectionDidEnd(.turnedAway(peer.description, .connections))
            } turnedAway: { peer in
                connectionObserver?.connectionDidEnd(.turnedAway(peer.description, .descriptors))
            }, loop: loops.loops[0])
        self.shards = shards
        self.listener = listener
        self.connectionCountMax = connectionCountMax
        address = listener.boundAddress
        try await loops.loops[0].run { try listener.listener.start() }
    }

    /// Connections open now.
    package var connectionCount: Int {
        shards.reduce(0) { $0 + $1.connectionCount.load(ordering: .relaxed) }
    }

    /// Gives an accepted connection to the loop with the fewest; closes it, and returns false, when there are too
    /// many.
    private static func place(
        _ descriptor: Int32, _ peer: SocketAddress, _ shards: [ServerShard], connectionCountMax: Int
    ) -> Bool {
        var least = shards[0]
        var total = 0
        for shard in shards {
            let count = shard.connectionCount.load(ordering: .relaxed)
            total += count
            if count < least.connectionCount.load(ordering: .relaxed) { least = shard }
        }
        guard total < connectionCountMax else {
            _ = close(descriptor)
            return false
        }
        let shard = least
        shard.connectionCount.add(1, ordering: .relaxed)
        let isTaken = shard.loop.submit {
            shard.adopt(SocketStream(descriptor: descriptor, peer: peer, loop: shard.loop))
        }
        if !isTaken {
            shard.connectionCount.subtract(1, ordering: .relaxed)
            _ = close(descriptor)
        }
        return true
    }

    /// Stops accepting, lets running calls finish, and ends what is left at `deadline` with UNAVAILABLE.
    ///
    /// Clients are told by GOAWAY to go elsewhere; calls they had begun by then are served. Returns when every
    /// connection is closed and every handler has returned, so that the loops can be stopped.
    ///
    /// - Parameter deadline: on the loops' clock.
    package func drain(deadline: Deadline) async {
        await listener.close()
        await withTaskGroup { group in
            for shard in shards { group.addTask { await Self.drain(shard, deadline: deadline) } }
        }
    }

    private static func drain(_ shard: ServerShard, deadline: Deadline) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isTaken = shard.loop.submit {
                shard.drain { continuation.resume() }
                guard deadline.isFinite else { return }
                shard.loop.schedule(at: deadline.time) { shard.shutDown() }
            }
            if !isTaken { continuation.resume() }
        }
    }
}

/// The listener, to be touched on its loop.
private final class ListenerBox: @unchecked Sendable {
    // @unchecked: `listener` is touched on `loop` only, after init.
    let listener: Listener
    let boundAddress: SocketAddress
    private let loop: EventLoop

    init(_ listener: Listener, loop: EventLoop) {
        self.listener = listener
        self.loop = loop
        boundAddress = listener.boundAddress
    }

    func close() async {
        await loop.run { self.listener.close() }
    }
}
