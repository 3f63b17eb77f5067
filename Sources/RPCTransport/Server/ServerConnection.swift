import Compression
import EventLoops
import HTTP2
import RPC
import TLS
import Vocabulary

/// A client's connection to the server: finds the method of each stream and hands the stream to its call.
///
/// - Isolation: its loop.
final class ServerConnection: ConnectionDelegate, ServerCallOwner {
    let loop: EventLoop
    let session: HTTP2Session
    var codec: Codec { shard.buffers.codec }
    var unfolder: Unfolder { shard.buffers.unfolder }
    /// Known once TLS is complete, which is before any call.
    var peer: PeerIdentity? { connection.tls?.peerIdentity }
    @exclusivity(unchecked) var peerNote: (any AnyObject & Sendable)?
    let connection: Connection
    let shard: ServerShard
    /// By the stream's slot; a call stays until its stream is closed or it has ended.
    ///
    /// Not checked for overlapping accesses at run time, as with the call's own state: several at each event.
    @exclusivity(unchecked) private var calls: [ServerCall?] = []
    /// The loop's turn in which the last call came.
    @exclusivity(unchecked) private var turnOfLastCall: UInt64 = 0
    /// Of the last call.
    @exclusivity(unchecked) private var lastMethod: MethodTable.Method?
    @exclusivity(unchecked) private var lastPattern: RequestPattern?
    /// Calls whose handler has not returned, also those whose stream is gone.
    @exclusivity(unchecked) private var runningCallCount = 0
    @exclusivity(unchecked) private var lifetime: ServerLifetime
    private var pingStrikes: PingStrikes
    /// Wakes `lifetime`; never later than the first thing there is to do.
    private var lifetimeTimer: TimerID?
    private var didCheckRevocation = false
    /// Its place among the connections whose handshake is not complete.
    var halfOpenTicket: HalfOpenQueue<ServerConnection>.Ticket?
    var stallWatch = StallWatch()
    /// Runs while there is anything that could stall.
    var stallTimer: TimerID?

    init(stream: any ByteStream, tls: TLSSession?, session: HTTP2Session, shard: ServerShard) {
        self.shard = shard
        self.session = session
        loop = shard.loop
        let policy = shard.configuration.connections
        lifetime = ServerLifetime(policy, now: shard.loop.now(), random: .random(in: 0..<1))
        pingStrikes = PingStrikes(policy.pings)
        connection = Connection(
            stream: stream, tls: tls, session: session, loop: shard.loop, buffers: shard.buffers,
            timeouts: HandshakeTimeouts(
                tlsNanoseconds: policy.handshakeTimeoutNanoseconds,
                prefaceNanoseconds: policy.prefaceTimeoutNanoseconds), keepalive: policy.keepalive)
        connection.delegate = self
    }

    func start() { connection.start() }

    func outputIsReady() { connection.outputIsReady() }

    /// Calls at work on this connection.
    var callCount: Int { runningCallCount }

    // MARK: Events

    func handle(_ event: HTTP2Event) {
        switch event {
        case .headers(let stream, let block, let continuation): openCall(stream, block, continuation)
        case .data(let stream, let bytes, let continuation):
            guard let call = call(of: stream) else { return }
            if !bytes.isEmpty { call.receive(bytes) }
            if continuation == .end { call.receiveEnd() }
        case .trailers(let stream, _): call(of: stream)?.receiveEnd()
        case .writable(let stream): call(of: stream)?.streamIsWritable()
        case .closed(let stream, let code, _): closeCall(stream, code)
        case .settings:
            shard.handshakeDidEnd(self)
            checkRevocationOnce()
            advanceLifetime()
        case .ping: countPing()
        case .goAway, .pingAcknowledged: break
        }
    }

    private func checkRevocationOnce() {
        guard !didCheckRevocation else { return }
        didCheckRevocation = true
        checkRevocation()
    }

    private func openCall(_ stream: HTTP2Stream, _ block: HeaderBlock, _ continuation: HTTP2Continuation) {
        if turnOfLastCall == loop.turnCount { loop.burstDidArrive() }
        turnOfLastCall = loop.turnCount
        if stream.id >= shard.streamIdentifierMax { drain(reason: "max_stream_id") }
        if stallTimer == nil { watchForStalls() }
        guard runningCallCount < shard.callsPerConnectionMax else {
            // REFUSED_STREAM promises that nothing was done, so that clients may try again.
            session.reset(stream, .refusedStream)
            return outputIsReady()
        }
        let head: RequestHead
        do throws(RequestRejection) {
            head = try shard.patterns.head(block, guess: lastPattern)
        } catch .notGRPC {
            return answerHTTP(stream, block)
        } catch {
            return refuse(stream, error.error, httpStatus: error.httpStatus)
        }
        guard let method = shard.methods.method(at: head.path, guess: lastMethod) else {
            return refuse(stream, Self.unknownMethod(head.path))
        }
        lastMethod = method
        if head.pattern !== lastPattern { lastPattern = head.pattern }
        let call = ServerCall(
            stream: stream, head: head, method: method, requestID: shard.nextRequestID(), owner: self,
            limits: shard.callLimits)
        runningCallCount += 1
        shard.tally.callDidBegin(method: method.index)
        setCall(call, of: stream)
        call.begin()
        if continuation == .end { call.receiveEnd() }
    }

    private func closeCall(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard let call = call(of: stream) else { return }
        setCall(nil, of: stream)
        call.streamDidClose(code)
    }

    func callDidEnd(_ call: ServerCall, _ record: CallRecord) {
        runningCallCount -= 1
        lifetime.callDidEnd(at: loop.now())
        if self.call(of: call.stream) === call { setCall(nil, of: call.stream) }
        shard.tally.callDidEnd(method: call.method.index, status: record.status, record.extent)
        shard.observer?.callDidEnd(record)
        shard.callDidEnd(on: self)
    }

    /// Bytes of requests that the calls of this connection hold.
    private var heldByteCount = 0

    var trailersOfUnhandledCalls: Metadata { shard.methods.trailersOfUnhandledCalls }

    func hold(requestByteCount: Int) -> Bool {
        let allowed = shard.hold(requestByteCount, connectionByteCount: heldByteCount)
        if allowed { heldByteCount += requestByteCount }
        return allowed
    }

    func letGo(requestByteCount: Int) {
        heldByteCount -= requestByteCount
        shard.letGo(requestByteCount)
    }

    private func refuse(
        _ stream: HTTP2Stream, _ error: ServingError, httpStatus: RequestRejection.HTTPStatus = .ok
    ) {
        // A status of constant texts is always short enough to be sent.
        _ = try? session.submitHeaders(
            stream, ResponseHeaders.trailersOnly(error, trailersOfUnhandledCalls, httpStatus: httpStatus), .end)
        shard.countRefusedCall(error)
        didRefuse(error)
    }

    /// Answers a client that does not speak gRPC in the words of HTTP.
    private func answerHTTP(_ stream: HTTP2Stream, _ block: HeaderBlock) {
        let isMethod = block.firstValue(of: ":path").flatMap { shard.methods.method(at: $0) } != nil
        let answer: HTTPAnswer = isMethod ? .methodNotAllowed : .notFound
        let isHead = block.firstValue(of: ":method") == Bytes(utf8: "HEAD")
        // Constant headers are always short enough to be sent.
        _ = try? session.submitHeaders(stream, answer.headers, isHead ? .end : .more)
        if !isHead { session.submitData(stream, answer.body, .end) }
        didRefuse(RequestRejection.notGRPC.error)
    }

    private func didRefuse(_ error: ServingError) {
        outputIsReady()
        shard.observer?.callDidEnd(CallRecord(refused: error, requestID: shard.nextRequestID(), peer: peer))
    }

    /// Names what was asked for, cut to a length that is sure to fit a header.
    private static func unknownMethod(_ path: Bytes) -> ServingError {
        let shown = path[0..<min(path.count, 256)].withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        return ServingError(.unimplemented, "unknown method \(shown)", label: "unknown_method")
    }

    func call(of stream: HTTP2Stream) -> ServerCall? {
        let slot = Int(stream.slot)
        return slot < calls.count ? calls[slot] : nil
    }

    private func setCall(_ call: ServerCall?, of stream: HTTP2Stream) {
        let slot = Int(stream.slot)
        while calls.count <= slot { calls.append(nil) }
        calls[slot] = call
    }

    // MARK: Signs of life, and the end

    private func countPing() {
        let isAllowed = pingStrikes.pingDidArrive(
            at: loop.now(), sentFrameCount: session.sentFrameCount, hasCalls: session.openStreamCount > 0)
        guard !isAllowed else { return }
        connection.close(.enhanceYourCalm, debugData: Bytes(utf8: "too_many_pings"), .tooManyPings)
    }

    /// Does what is due, and sets the timer for the next time.
    private func advanceLifetime() {
        if let lifetimeTimer { loop.cancel(lifetimeTimer) }
        lifetimeTimer = nil
        guard connection.isOpen else { return }
        let hasCalls = runningCallCount > 0 || session.openStreamCount > 0
        let (steps, wake) = lifetime.advance(to: loop.now(), connection.activity, hasCalls: hasCalls)
        for step in steps { perform(step) }
        guard let wake, connection.isOpen else { return }
        lifetimeTimer = loop.schedule(at: wake) {
            self.lifetimeTimer = nil
            self.advanceLifetime()
        }
    }

    private func perform(_ step: ServerLifetime.Step) {
        switch step {
        case .ping: session.ping(Self.keepalivePingPayload)
        case .drain(let reason): session.beginGracefulShutdown(reason: Bytes(utf8: reason))
        case .finishDrain: session.finishGracefulShutdown()
        case .endCalls: endCalls(ServingError(.unavailable, "the connection is too old", label: "max_age"))
        case .abort: return connection.abort()
        case .giveUp: return connection.abort(.keepaliveTimeout)
        }
        outputIsReady()
    }

    static let keepalivePingPayload: UInt64 = 0x6170_7573_206b_7061  // "apus kpa"

    /// Accepts no more streams once the client knows; calls at work finish, then the connection closes.
    func drain(reason: String = "shutdown") {
        guard connection.isOpen else { return }
        session.beginGracefulShutdown(reason: Bytes(utf8: reason))
        outputIsReady()
        lifetime.drainDidBegin(at: loop.now())
        advanceLifetime()
    }

    /// Ends all calls with UNAVAILABLE, and the connection behind their statuses.
    func shutDown(
        _ error: ServingError = ServingError(.unavailable, "the server is shutting down", label: "shutdown")
    ) {
        endCalls(error)
        session.goAway(.noError, debugData: Bytes(utf8: error.label))
        outputIsReady()
    }

    private func endCalls(_ error: ServingError) {
        for call in calls { call?.fail(error) }
    }

    /// Closes the connection at once.
    func abort(_ reason: ConnectionEnd = .aborted) { connection.abort(reason) }

    func connectionDidFail(_ end: ConnectionEnd) { letGo() }

    func connectionDidEnd(_ end: ConnectionEnd) {
        letGo()
        shard.connectionObserver?.connectionDidEnd(ConnectionRecord(end, of: connection))
        shard.connectionDidEnd(self, end)
    }

    /// Ends what lives on the connection.
    private func letGo() {
        if let lifetimeTimer { loop.cancel(lifetimeTimer) }
        lifetimeTimer = nil
        if let stallTimer { loop.cancel(stallTimer) }
        stallTimer = nil
        let open = calls
        calls.removeAll()
        for call in open { call?.streamDidClose(.noError) }
    }
}
