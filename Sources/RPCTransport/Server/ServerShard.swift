import EventLoops
import HTTP2
import RPC
import Synchronization
import TLS
import Vocabulary

/// The connections of one loop of a server.
///
/// - Isolation: its loop, but for the counters.
final class ServerShard: @unchecked Sendable {
    // @unchecked: variables are touched on `loop` only; the counters are atomic.

    let loop: EventLoop
    let configuration: RPCServerConfiguration
    // Of the configuration, what each call asks for.
    let streamIdentifierMax: Int32
    let callsPerConnectionMax: Int
    let callLimits: ServerCallLimits
    let methods: MethodTable
    let observer: CallObserver?
    let connectionObserver: ConnectionObserver?
    let buffers: LoopBuffers
    /// The calls of this loop, for metrics.
    @exclusivity(unchecked) var tally: CallTally
    @exclusivity(unchecked) var patterns = RequestPatterns()
    private let requestIDs: RequestIDSource
    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var halfOpen: HalfOpenQueue<ServerConnection>
    private var halfOpenTimer: TimerID?
    private var isDraining = false
    private var whenIdle: (@Sendable () -> Void)?
    /// Connections open or on their way here: what the listener balances.
    let connectionCount = Atomic(0)

    init(
        loop: EventLoop, configuration: RPCServerConfiguration, methods: MethodTable, observer: CallObserver?,
        connectionObserver: ConnectionObserver?, requestIDs: RequestIDSource
    ) {
        self.loop = loop
        buffers = LoopBuffers(loop: loop)
        self.configuration = configuration
        streamIdentifierMax = configuration.http2.streamIdentifierMax
        callsPerConnectionMax = configuration.callsPerConnectionMax
        callLimits = configuration.calls
        self.methods = methods
        self.observer = observer
        self.connectionObserver = connectionObserver
        self.requestIDs = requestIDs
        tally = CallTally(paths: methods.paths)
        halfOpen = HalfOpenQueue(
            countMax: configuration.connections.halfOpenCountMax ?? max(1, configuration.connectionCountMax / 2))
    }

    func nextRequestID() -> RequestID { requestIDs.next() }

    /// Serves a connection that the caller has counted in `connectionCount`.
    func adopt(_ stream: any ByteStream) {
        loop.preconditionOnLoop()
        guard !isDraining, let connection = makeConnection(stream) else {
            stream.close()
            connectionCount.subtract(1, ordering: .relaxed)
            return
        }
        connections[ObjectIdentifier(connection)] = connection
        connection.halfOpenTicket = halfOpen.add(connection, at: loop.now())
        connection.start()
        if halfOpenTimer == nil { endExcessHandshakes() }
    }

    /// The connection has finished TLS and the preface, or is gone.
    func handshakeDidEnd(_ connection: ServerConnection) {
        guard let ticket = connection.halfOpenTicket else { return }
        connection.halfOpenTicket = nil
        halfOpen.remove(ticket)
    }

    /// Closes the connections whose handshake has taken too long while too many others wait, now and when it is time.
    private func endExcessHandshakes() {
        while let connection = halfOpen.popExcess(at: loop.now()) { connection.abort(.halfOpenLimit) }
        guard let time = halfOpen.excessTime else { return }
        halfOpenTimer = loop.schedule(at: time) {
            self.halfOpenTimer = nil
            self.endExcessHandshakes()
        }
    }

    /// Nil when memory for TLS or HTTP/2 cannot be had.
    private func makeConnection(_ stream: any ByteStream) -> ServerConnection? {
        guard let session = try? HTTP2Session(role: .server, configuration: configuration.http2) else { return nil }
        guard let context = configuration.tls else {
            return ServerConnection(stream: stream, tls: nil, session: session, shard: self)
        }
        guard let tls = try? TLSSession(accepting: context) else { return nil }
        return ServerConnection(stream: stream, tls: tls, session: session, shard: self)
    }

    func connectionDidEnd(_ connection: ServerConnection, _ end: ConnectionEnd) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        handshakeDidEnd(connection)
        connectionCount.subtract(1, ordering: .relaxed)
        if connection.callCount > 0 { orphans[ObjectIdentifier(connection)] = connection }
        checkIdle()
    }

    /// Connections that are gone while handlers of theirs have not returned.
    private var orphans: [ObjectIdentifier: ServerConnection] = [:]

    /// A call has ended, on an open connection or on one that is gone.
    func callDidEnd(on connection: ServerConnection) {
        if !orphans.isEmpty, connection.callCount == 0 { orphans[ObjectIdentifier(connection)] = nil }
        checkIdle()
    }

    /// Drains the connections whose client's certificate `context` revokes, and returns how many there are.
    func endConnections(revokedBy context: TLSContext) -> Int {
        loop.preconditionOnLoop()
        let revoked = connections.values.filter { $0.isRevoked(by: context) }
        for connection in revoked { connection.endRevoked() }
        return revoked.count
    }

    /// Counts a gRPC call that got a status before it had a method.
    func countRefusedCall(_ error: ServingError) {
        tally.callDidBegin(method: tally.otherIndex)
        let extent = CallExtent(
            durationNanoseconds: loop.measuredNow().nanoseconds(since: loop.now()), sentByteCount: 0,
            receivedByteCount: 0)
        tally.callDidEnd(method: tally.otherIndex, status: error.code, extent)
    }

    // MARK: Memory

    /// Bytes of requests that the calls of this loop hold.
    private(set) var heldByteCount = 0

    /// Counts bytes of a request for a connection that holds `connectionByteCount` already.
    ///
    /// - Returns: false, without counting them, when that is too many.
    func hold(_ byteCount: Int, connectionByteCount: Int) -> Bool {
        let allowed = configuration.requestBudget.allows(
            byteCount, connectionByteCount: connectionByteCount, totalByteCount: heldByteCount)
        if allowed { heldByteCount += byteCount }
        return allowed
    }

    func letGo(_ byteCount: Int) { heldByteCount -= byteCount }

    /// What this loop holds now.
    var counters: RPCServerCounters {
        loop.preconditionOnLoop()
        var counters = RPCServerCounters()
        counters.connectionCount = connections.count
        counters.requestByteCount = heldByteCount
        for connection in connections.values {
            counters.streamCount += connection.session.openStreamCount
            counters.responseByteCount += connection.session.queuedByteCount
            counters.callCount += connection.callCount
        }
        for connection in orphans.values { counters.callCount += connection.callCount }
        return counters
    }

    // MARK: The end

    /// Lets every connection finish what it has begun; `whenIdle` is called once none is left.
    func drain(whenIdle: @escaping @Sendable () -> Void) {
        loop.preconditionOnLoop()
        isDraining = true
        self.whenIdle = whenIdle
        for connection in connections.values { connection.drain() }
        checkIdle()
    }

    /// Ends every call and, a second later, every connection.
    func shutDown() {
        for connection in connections.values { connection.shutDown() }
        loop.schedule(afterNanoseconds: 1_000_000_000) {
            for connection in self.connections.values { connection.abort() }
        }
    }

    private func checkIdle() {
        guard isDraining, connections.isEmpty, orphans.isEmpty, let whenIdle else { return }
        self.whenIdle = nil
        whenIdle()
    }
}

/// Counts the calls of a server.
final class RequestIDSource: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> RequestID { RequestID(last.add(1, ordering: .relaxed).newValue) }
}
