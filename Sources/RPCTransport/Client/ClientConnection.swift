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
    let requestHeaders: RequestHeaders
    private let connection: Connection
    private unowned let owner: any ClientConnectionOwner
    private let loop: EventLoop
    /// By the stream's slot.
    private var calls: [ClientCall?] = []
    private(set) var callCount = 0
    private(set) var isReady = false
    private(set) var isGoingAway = false
    private(set) var hasCarriedCalls = false

    /// A connection that is not started yet; `owner` outlives it.
    init(
        stream: any ByteStream, tls: TLSSession?, session: HTTP2Session, requestHeaders: RequestHeaders,
        loop: EventLoop, buffers: LoopBuffers, owner: any ClientConnectionOwner
    ) {
        self.session = session
        codec = buffers.codec
        self.requestHeaders = requestHeaders
        self.owner = owner
        self.loop = loop
        connection = Connection(stream: stream, tls: tls, session: session, loop: loop, buffers: buffers)
        connection.delegate = self
    }

    func start() { connection.start() }

    func outputIsReady() { connection.outputIsReady() }

    /// Opens a call's stream.
    ///
    /// - Throws: as `HTTP2Session.openStream`.
    func open(_ call: ClientCall) throws(HTTP2Error) {
        try call.open(on: self)
        // The call failed instead when its headers cannot be sent.
        guard let stream = call.stream else { return }
        while calls.count <= Int(stream.slot) { calls.append(nil) }
        calls[Int(stream.slot)] = call
        callCount += 1
        hasCarriedCalls = true
    }

    func handle(_ event: HTTP2Event) {
        switch event {
        case .settings:
            guard isReady else {
                isReady = true
                return owner.connectionIsReady(self)
            }
            owner.connectionHasRoom(self)
        case .headers(let stream, let block, let continuation): call(of: stream)?.receiveHeaders(block, continuation)
        case .data(let stream, let bytes, let continuation): call(of: stream)?.receive(bytes, continuation)
        case .trailers(let stream, let block): call(of: stream)?.receiveTrailers(block)
        case .writable(let stream): call(of: stream)?.streamIsWritable()
        case .closed(let stream, let code, _): closeCall(stream, code)
        case .goAway: beginGoingAway()
        case .ping, .pingAcknowledged: break
        }
    }

    private func closeCall(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard let call = call(of: stream) else { return }
        calls[Int(stream.slot)] = nil
        callCount -= 1
        call.streamDidClose(code)
        if isGoingAway { closeWhenIdle() } else { owner.connectionHasRoom(self) }
    }

    private func beginGoingAway() {
        guard !isGoingAway else { return }
        isGoingAway = true
        owner.connectionIsGoingAway(self)
        closeWhenIdle()
    }

    /// No new calls; says goodbye once those that are open have ended.
    func retire() {
        isGoingAway = true
        closeWhenIdle()
    }

    private func closeWhenIdle() {
        guard callCount == 0 else { return }
        session.goAway(.noError, debugData: Bytes())
        outputIsReady()
    }

    func abort() { connection.abort() }

    func connectionDidEnd(_ end: ConnectionEnd) {
        let open = calls
        calls.removeAll()
        callCount = 0
        let error = ServingError(.unavailable, "the connection was lost: \(end)", label: "connection_lost")
        for call in open { call?.streamDidClose(.noError, connectionError: error) }
        owner.connectionDidEnd(self, end)
    }

    private func call(of stream: HTTP2Stream) -> ClientCall? {
        let slot = Int(stream.slot)
        return slot < calls.count ? calls[slot] : nil
    }
}
