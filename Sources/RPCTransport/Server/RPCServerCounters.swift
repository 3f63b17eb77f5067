import EventLoops
package import RPC

/// What a server holds at one moment; all zero once every client is gone and every handler has returned.
package struct RPCServerCounters: Sendable, Equatable {
    /// Connections that are open, those whose handshake goes on included.
    package var connectionCount = 0
    /// Streams that are open.
    package var streamCount = 0
    /// Calls whose handler has not returned, also those whose stream or connection is gone.
    package var callCount = 0
    /// Bytes of requests that calls hold.
    package var requestByteCount = 0
    /// Bytes of answers that wait for their clients to take them.
    package var responseByteCount = 0

    package init() {}

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.connectionCount += right.connectionCount
        sum.streamCount += right.streamCount
        sum.callCount += right.callCount
        sum.requestByteCount += right.requestByteCount
        sum.responseByteCount += right.responseByteCount
        return sum
    }
}

extension RPCServer {
    /// Asks every loop in turn, which visits all its connections: for once a second, not for every call.
    ///
    /// - Precondition: the loops run; after they are stopped nobody answers.
    package func counters() async -> RPCServerCounters {
        var sum = RPCServerCounters()
        for shard in shards { sum = sum + (await shard.loop.run { shard.counters }) }
        return sum
    }
}

extension RPCServer {
    /// The calls that each loop has counted since the last time.
    ///
    /// What is returned is counted nowhere else any more, so it is for one collector.
    ///
    /// - Precondition: as `counters`.
    package func takeCallTallies() async -> [CallTally] {
        var tallies: [CallTally] = []
        for shard in shards { tallies.append(await shard.loop.run { shard.tally.take() }) }
        return tallies
    }
}
