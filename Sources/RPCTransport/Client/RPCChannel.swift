package import EventLoops
package import RPC
import Synchronization
package import Vocabulary

/// Calls a server: connects when there is something to say, reconnects when the connection is lost.
///
/// The loops belong to the caller, who stops them after `close`.
///
/// - Isolation: any thread; tasks that run on one of the loops call without a hop.
package final class RPCChannel: Sendable {
    private let lanes: [ChannelLane]
    private let callCount = Atomic(0)
    private let prefersCurrentLoop: Bool

    /// Nothing is connected before the first call.
    package convenience init(configuration: RPCChannelConfiguration, loops: EventLoopGroup) {
        self.init(configuration: configuration, loops: loops.loops, connector: SocketConnector())
    }

    /// A channel whose byte streams come from elsewhere than sockets.
    package init(configuration: RPCChannelConfiguration, loops: [EventLoop], connector: any Connector) {
        precondition(configuration.connectionCount >= 1, "connectionCount \(configuration.connectionCount)")
        precondition(
            configuration.connectionCountPerAddressMax >= 1,
            "connectionCountPerAddressMax \(configuration.connectionCountPerAddressMax)")
        let keepalive = ChannelKeepalive(configuration.keepalive, warn: configuration.warn)
        let tokens = configuration.serviceConfig.retryTokens.map {
            configuration.retryThrottles.tokens(for: configuration.target, $0)
        }
        let retrying = CallRetrying(tokens: tokens, random: configuration.random)
        prefersCurrentLoop = configuration.prefersCurrentLoop
        var configuration = configuration
        if let balancing = configuration.serviceConfig.balancing { configuration.balancing = balancing }
        lanes = (0..<configuration.connectionCount).map { index in
            ChannelLane(
                loop: loops[index % loops.count], configuration: configuration, connector: connector,
                keepalive: keepalive, retrying: retrying)
        }
    }

    /// Calls a method that takes one message and answers with one; its path is `/package.Service/Method`.
    ///
    /// - Throws: the status of a call that failed, with its trailing metadata.
    package func unary(
        _ path: Bytes, _ message: Bytes, options: CallOptions = CallOptions()
    ) async throws(RPCFailure) -> UnaryResponse {
        let lane = nextLane()
        return try await lane.loop.run { () async throws(RPCFailure) in
            try await lane.start(path: path, options: options, takesOneMessage: true).exchange(message)
        }
    }

    /// Whether one of the channel's loops is the calling thread's.
    package var hasCurrentLoop: Bool { lanes.contains { $0.loop.isCurrent } }

    /// Calls a method that takes one message and answers with one, without a task; `observer` hears of the end, be it
    /// before this returns.
    ///
    /// - Returns: the call; nil, and nothing was done, when none of the channel's loops is the calling thread's.
    package func begin(
        _ path: Bytes, _ message: Bytes, options: consuming CallOptions, observer: any ClientCallObserver
    ) -> ClientCall? {
        guard let lane = lanes.first(where: { $0.loop.isCurrent }) else { return nil }
        return lane.start(path: path, options: options, only: message, observer: observer)
    }

    /// Begins a call with any number of messages either way.
    ///
    /// The caller takes the responses until nil or an error, or cancels the call; forgetting it leaves the server
    /// waiting.
    package func stream(_ path: Bytes, options: CallOptions = CallOptions()) async -> ClientCall {
        let lane = nextLane()
        return await lane.loop.run {
            lane.start(path: path, options: options, takesOneMessage: false)
        }
    }

    /// How each lane is connected, in order.
    package func states() async -> [ConnectivityState] {
        var states: [ConnectivityState] = []
        for lane in lanes { states.append(await lane.loop.run { lane.state }) }
        return states
    }

    /// Adds the calls of this channel that have been counted since the last time to its metrics, if it has any.
    package func collectMetrics() async {
        for lane in lanes { await lane.loop.run { lane.collectMetrics() } }
    }

    /// Refuses new calls, serves those that wait for a connection or for room on one, lets open ones end, and returns
    /// when every connection is closed.
    ///
    /// For a channel that another one takes the place of: who was sent here before is not sent away. Calls that wait
    /// for a connection that cannot be made end as they would have ended; `close` ends the waiting.
    package func retire() async {
        await onEachLane { lane, whenClosed in lane.retire(whenClosed: whenClosed) }
    }

    /// Fails calls that wait for a connection, lets open ones end, and returns when every connection is closed.
    package func close() async {
        await onEachLane { lane, whenClosed in lane.close(whenClosed: whenClosed) }
    }

    /// Tells every lane to end; returns when the last one has.
    private func onEachLane(_ end: @escaping @Sendable (ChannelLane, @escaping () -> Void) -> Void) async {
        await withDiscardingTaskGroup { group in
            for lane in lanes {
                group.addTask {
                    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                        let isTaken = lane.loop.submit { end(lane) { continuation.resume() } }
                        if !isTaken { continuation.resume() }
                    }
                }
            }
        }
    }

    private func nextLane() -> ChannelLane {
        guard lanes.count > 1 else { return lanes[0] }
        if prefersCurrentLoop, let lane = lanes.first(where: { $0.loop.isCurrent }) { return lane }
        let number = callCount.add(1, ordering: .relaxed).oldValue
        return lanes[Int(UInt(bitPattern: number) % UInt(lanes.count))]
    }
}
