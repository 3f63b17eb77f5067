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
    /// Known once TLS is complete, which is before any call.
    var peer: PeerIdentity? { connection.tls?.peerIdentity }
    var peerNote: (any AnyObject & Sendable)?
    private let connection: Connection
    private let shard: ServerShard
    /// By the stream's slot; a call stays until its stream is closed or it has ended.
    private var calls: [ServerCall?] = []
    /// Calls whose handler has not returned, also those whose stream is gone.
    private var runningCallCount = 0
    private var isDraining = false
    private var shutdownTimer: TimerID?

    /// A peer that answers no PING is given this long before the final GOAWAY goes out without it.
    static let shutdownPingTimeoutNanoseconds: UInt64 = 5_000_000_000

    init(stream: any ByteStream, tls: TLSSession?, session: HTTP2Session, shard: ServerShard) {
        self.shard = shard
        self.session = session
        loop = shard.loop
        connection = Connection(stream: stream, tls: tls, session: session, loop: shard.loop, buffers: shard.buffers)
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
        case .settings, .goAway, .ping, .pingAcknowledged: break
        }
    }

    private func openCall(_ stream: HTTP2Stream, _ block: HeaderBlock, _ continuation: HTTP2Continuation) {
        guard runningCallCount < shard.configuration.callsPerConnectionMax else {
            // REFUSED_STREAM promises that nothing was done, so that clients may try again.
            session.reset(stream, .refusedStream)
            return outputIsReady()
        }
        let head: RequestHead
        do throws(RequestRejection) {
            head = try RequestHead(block)
        } catch {
            return refuse(stream, error.error, httpStatus: error.httpStatus)
        }
        guard let method = shard.methods.method(at: head.path) else {
            return refuse(stream, Self.unknownMethod(head.path))
        }
        let call = ServerCall(
            stream: stream, head: head, method: method, requestID: shard.nextRequestID(), owner: self,
            limits: shard.configuration.calls)
        runningCallCount += 1
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
        if self.call(of: call.stream) === call { setCall(nil, of: call.stream) }
        shard.observer?.callDidEnd(record)
        shard.callDidEnd()
    }

    private func refuse(
        _ stream: HTTP2Stream, _ error: ServingError, httpStatus: RequestRejection.HTTPStatus = .ok
    ) {
        // A status of constant texts is always short enough to be sent.
        _ = try? session.submitHeaders(
            stream, ResponseHeaders.trailersOnly(error, Metadata(), httpStatus: httpStatus), .end)
        outputIsReady()
        shard.observer?.callDidEnd(
            CallRecord(refused: error, requestID: shard.nextRequestID(), peer: peer))
    }

    /// Names what was asked for, cut to a length that is sure to fit a header.
    private static func unknownMethod(_ path: Bytes) -> ServingError {
        let shown = path[0..<min(path.count, 256)].withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        return ServingError(.unimplemented, "unknown method \(shown)", label: "unknown_method")
    }

    private func call(of stream: HTTP2Stream) -> ServerCall? {
        let slot = Int(stream.slot)
        return slot < calls.count ? calls[slot] : nil
    }

    private func setCall(_ call: ServerCall?, of stream: HTTP2Stream) {
        let slot = Int(stream.slot)
        while calls.count <= slot { calls.append(nil) }
        calls[slot] = call
    }

    // MARK: The end

    /// Accepts no more streams once the client knows; calls at work finish, then the connection closes.
    func drain() {
        guard !isDraining, !connection.isClosed else { return }
        isDraining = true
        session.beginGracefulShutdown()
        outputIsReady()
        shutdownTimer = loop.schedule(afterNanoseconds: Self.shutdownPingTimeoutNanoseconds) {
            self.shutdownTimer = nil
            self.session.finishGracefulShutdown()
            self.outputIsReady()
        }
    }

    /// Ends all calls with UNAVAILABLE, and the connection behind their statuses.
    func shutDown() {
        for call in calls { call?.fail(ServingError(.unavailable, "the server is shutting down", label: "shutdown")) }
        session.goAway(.noError, debugData: Bytes(utf8: "shutdown"))
        outputIsReady()
    }

    /// Closes the connection at once.
    func abort() { connection.abort() }

    func connectionDidEnd(_ end: ConnectionEnd) {
        if let shutdownTimer { loop.cancel(shutdownTimer) }
        shutdownTimer = nil
        let open = calls
        calls.removeAll()
        for call in open { call?.streamDidClose(.noError) }
        shard.connectionObserver?.connectionDidEnd(ConnectionRecord(end, of: connection))
        shard.connectionDidEnd(self, end)
    }
}
