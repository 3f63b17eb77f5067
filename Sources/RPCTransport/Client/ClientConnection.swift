import Compression
import EventLoops
import HTTP2
import RPC
import TLS
import Vocabulary

/// Is told how a client's connection fares, on its loop.
protocol ClientConnectionOwner: AnyObject {
    /// The server's SETTINGS came: calls may be opened.
    func connectionIsReady(_ connection: ClientConnection)
    /// A stream has ended, or the server's limits changed: another call may fit.
    func connectionHasRoom(_ connection: ClientConnection)
    /// The server closes the connection because of its PINGs.
    func connectionWasToldTooManyPings(_ connection: ClientConnection)
    /// The server takes no new calls on this connection; those it has go on.
    func connectionIsGoingAway(_ connection: ClientConnection)
    func connectionDidEnd(_ connection: ClientConnection, _ end: ConnectionEnd)
}

/// A connection to a server, and the calls that are open on it.
///
/// - Isolation: its loop.
final class ClientConnection: ConnectionDelegate, ClientCallOwner {
    let session: HTTP2Session
    let codec: Codec
    let unfolder: Unfolder
    let requestLists: RequestLists
    private let connection: Connection
    private unowned let owner: any ClientConnectionOwner
    private let loop: EventLoop
    /// An open call, and how much the wire had taken when its stream was opened.
    private struct OpenCall {
        let call: ClientCall
        let openedAtByteCount: UInt64
        /// A GOAWAY came before anything of it was on the wire.
        var isLeftBehind = false
    }

    /// By the stream's slot.
    private var calls: [OpenCall?] = []
    private(set) var callCount = 0
    private(set) var isReady = false
    private(set) var isGoingAway = false
    /// Has ended; its calls are told, and no more are taken.
    private var hasEnded = false
    /// What the wire had taken when the first of the users' calls was opened.
    private var firstCallByteCount: UInt64?
    /// Where it is counted as open; nil before it is, and when nobody counts.
    private var metrics: SubchannelMetrics?
    /// The first reason to end that was seen.
    private var disconnectError: DisconnectError?
    private var keepalive: Keepalive
    /// Nil while the peer is not watched: without calls, unless the policy says otherwise.
    private var keepaliveTimer: TimerID?

    /// A connection that is not started yet; `owner` outlives it.
    init(
        stream: any ByteStream, tls: TLSSession?, session: HTTP2Session, requestHeaders: RequestHeaders,
        loop: EventLoop, buffers: LoopBuffers, owner: any ClientConnectionOwner, keepalive: KeepalivePolicy
    ) {
        self.session = session
        codec = buffers.codec
        unfolder = buffers.unfolder
        requestLists = RequestLists(requestHeaders)
        self.owner = owner
        self.loop = loop
        self.keepalive = Keepalive(keepalive)
        connection = Connection(
            stream: stream, tls: tls, session: session, loop: loop, buffers: buffers, keepalive: keepalive)
        connection.delegate = self
    }

    func start() { connection.start() }

    func outputIsReady() { connection.outputIsReady() }

    /// Opens a call's stream.
    ///
    /// - Throws: as `HTTP2Session.openStream`.
    func open(_ call: ClientCall) throws(HTTP2Error) {
        try openUncounted(call)
        if call.stream != nil, firstCallByteCount == nil { firstCallByteCount = connection.wireByteCount }
    }

    /// As `open`, for a call of the channel's own: it does not show that the server takes those of users.
    func openUncounted(_ call: ClientCall) throws(HTTP2Error) {
        guard !hasEnded else { throw .goingAway }
        // After a long silence the PING goes first, so that a dead connection is known as soon as may be.
        if keepaliveTimer == nil { advanceKeepalive(hasCalls: true) }
        try call.open(on: self)
        // The call failed instead when its headers cannot be sent.
        guard let stream = call.stream else { return }
        while calls.count <= Int(stream.slot) { calls.append(nil) }
        calls[Int(stream.slot)] = OpenCall(call: call, openedAtByteCount: connection.wireByteCount)
        callCount += 1
    }

    /// Whether a call of a user's was opened here.
    var hasOpenedCalls: Bool { firstCallByteCount != nil }
    /// Whether a call of a user's was on the wire, as far as anybody here can tell.
    var hasCarriedCalls: Bool { firstCallByteCount.map(hasSent(since:)) ?? false }

    /// Whether the wire has taken anything since it had taken so much.
    ///
    /// Why this and not which frames: while it has not, no frame made since can have left, whatever lies between
    /// HTTP/2 and the wire; that some frame left may count for another's, which costs a retry and nothing else.
    private func hasSent(since byteCount: UInt64) -> Bool { connection.wireByteCount != byteCount }

    func handle(_ event: HTTP2Event) {
        switch event {
        case .settings:
            guard isReady else {
                isReady = true
                advanceKeepalive(hasCalls: callCount > 0)
                return owner.connectionIsReady(self)
            }
            owner.connectionHasRoom(self)
        case .headers(let stream, let block, let continuation): call(of: stream)?.receiveHeaders(block, continuation)
        case .data(let stream, let bytes, let continuation): call(of: stream)?.receive(bytes, continuation)
        case .trailers(let stream, let block): call(of: stream)?.receiveTrailers(block)
        case .writable(let stream): call(of: stream)?.streamIsWritable()
        case .closed(let stream, let code, _): closeCall(stream, code)
        case .goAway(_, let code, let debugData):
            disconnectError = disconnectError ?? .goAway(code)
            if code == .enhanceYourCalm, debugData == Bytes(utf8: "too_many_pings") {
                owner.connectionWasToldTooManyPings(self)
            }
            beginGoingAway()
        case .ping, .pingAcknowledged: break
        }
    }

    private func closeCall(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard let open = openCall(of: stream) else { return }
        calls[Int(stream.slot)] = nil
        callCount -= 1
        open.call.streamDidClose(code, hasLeft: code != .refusedStream || !open.isLeftBehind)
        if isGoingAway { closeWhenIdle() } else { owner.connectionHasRoom(self) }
    }

    private func beginGoingAway() {
        // HTTP/2 opens no streams behind a GOAWAY: one that is not on the wire yet will be refused right here.
        for slot in calls.indices {
            guard let open = calls[slot], !hasSent(since: open.openedAtByteCount) else { continue }
            calls[slot]?.isLeftBehind = true
        }
        guard !isGoingAway else { return }
        isGoingAway = true
        owner.connectionIsGoingAway(self)
        closeWhenIdle()
    }

    /// No new calls; says goodbye once those that are open have ended.
    func retire() {
        isGoingAway = true
        disconnectError = disconnectError ?? .shutdown
        closeWhenIdle()
    }

    private func closeWhenIdle() {
        guard callCount == 0 else { return }
        session.goAway(.noError, debugData: Bytes())
        outputIsReady()
    }

    func abort() { connection.abort() }

    /// Counts the connection as made and open, until it ends.
    func count(in metrics: SubchannelMetrics?) {
        self.metrics = metrics
        metrics?.connectionDidSucceed()
    }

    /// Does what is due, and sets the timer for the next time.
    private func advanceKeepalive(hasCalls: Bool) {
        switch keepalive.step(at: loop.now(), connection.activity, hasCalls: hasCalls) {
        case .sleep: break
        case .wait(let time): watch(until: time)
        case .ping:
            session.ping(ServerConnection.keepalivePingPayload)
            outputIsReady()
            advanceKeepalive(hasCalls: hasCalls)
        case .giveUp: connection.abort(.keepaliveTimeout)
        }
    }

    private func watch(until time: MonotonicTime) {
        keepaliveTimer = loop.schedule(at: time) {
            self.keepaliveTimer = nil
            self.advanceKeepalive(hasCalls: self.callCount > 0)
        }
    }

    /// A client does not linger, so the end follows at once.
    func connectionDidFail(_ end: ConnectionEnd) {}

    func connectionDidEnd(_ end: ConnectionEnd) {
        if let keepaliveTimer { loop.cancel(keepaliveTimer) }
        keepaliveTimer = nil
        // A call that is opened again at once must not come back here.
        hasEnded = true
        let open = calls
        calls.removeAll()
        callCount = 0
        metrics?.connectionDidEnd(disconnectError ?? DisconnectError(end))
        metrics = nil
        let error = ServingError(.unavailable, "the connection was lost: \(end)", label: "connection_lost")
        for case let open? in open {
            let hasLeft = hasSent(since: open.openedAtByteCount)
            open.call.streamDidClose(.noError, hasLeft: hasLeft, connectionError: error)
        }
        owner.connectionDidEnd(self, end)
    }

    private func call(of stream: HTTP2Stream) -> ClientCall? { openCall(of: stream)?.call }

    private func openCall(of stream: HTTP2Stream) -> OpenCall? {
        let slot = Int(stream.slot)
        return slot < calls.count ? calls[slot] : nil
    }
}
