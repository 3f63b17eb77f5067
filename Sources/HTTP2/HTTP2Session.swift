import CNghttp2
package import Vocabulary

/// One HTTP/2 connection as a machine: bytes in, events out; commands in, bytes out.
///
/// It touches no socket and reads no clock. A turn of its owner's loop looks like this:
/// 1. `receive` the bytes that came, then take every event with `nextEvent`;
/// 2. give commands (`submitHeaders`, `submitData`, `submitTrailers`, `consume`, `reset`, …);
/// 3. `drainOutput` once, so that all frames of the turn leave in one piece; then take the events this caused
///    (`writable`, `closed`).
///
/// When `receive` or `drainOutput` throws, the connection is over: drain the output (it ends with the GOAWAY that
/// tells the peer why), then close. `failure` keeps the reason.
///
/// Flow control belongs to the owner. The connection's window is given back as bytes arrive, so a stream that nobody
/// reads holds up no other; a stream's window is given back by `consume`. What a peer can make the owner buffer is
/// therefore `streamWindowByteCount` a stream.
///
/// - Isolation: one event loop; not `Sendable`.
/// - Source: RFC 9113, RFC 9218; nghttp2 1.52.
package final class HTTP2Session {
    /// Marks the PING between the two GOAWAYs of a graceful shutdown.
    static let shutdownPingPayload: UInt64 = 0x6170_7573_2064_726e  // "apus drn"

    /// The longest header list that can be sent, as `HeaderList.listByteCount` counts.
    package static let sentHeaderListByteCountMax = 256 << 10

    package let role: HTTP2Role
    let outboundHighWaterByteCount: Int
    private let outboundFrameCountMax: Int
    let streamIdentifierMax: UInt32
    let session: OpaquePointer
    /// Freed in `deinit`, after nghttp2 has let go of it.
    let state: UnsafeMutablePointer<SessionState>
    /// The text of the final GOAWAY of a graceful shutdown.
    var shutdownReason = Bytes()

    /// Begins a connection: the preface and SETTINGS are ready to be drained.
    ///
    /// - Throws: `HTTP2Error.outOfMemory`.
    package init(role: HTTP2Role, configuration: HTTP2Configuration = HTTP2Configuration()) throws(HTTP2Error) {
        self.role = role
        outboundHighWaterByteCount = configuration.outboundHighWaterByteCount
        outboundFrameCountMax = configuration.floodLimits.outboundFrameCountMax
        streamIdentifierMax = UInt32(bitPattern: configuration.streamIdentifierMax)
        let state = UnsafeMutablePointer<SessionState>.allocate(capacity: 1)
        state.initialize(to: SessionState(role: role, configuration: configuration))
        guard let session = Self.makeSession(role: role, configuration: configuration, state: state) else {
            Self.destroy(state)
            throw .outOfMemory
        }
        self.state = state
        self.session = session
        guard configuration.announce(on: session, role: role) else { throw .outOfMemory }
    }

    deinit {
        // nghttp2 reports no stream as closed here, so the records are still in the pool.
        nghttp2_session_del(session)
        Self.destroy(state)
    }

    private static func destroy(_ state: UnsafeMutablePointer<SessionState>) {
        state.pointee.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    private static func makeSession(
        role: HTTP2Role, configuration: HTTP2Configuration, state: UnsafeMutablePointer<SessionState>
    ) -> OpaquePointer? {
        guard let callbacks = SessionCallbacks.table, let options = configuration.makeOptions() else { return nil }
        defer { nghttp2_option_del(options) }
        var session: OpaquePointer?
        var memory = LibraryMemory.functions(state)
        let result =
            switch role {
            case .server: nghttp2_session_server_new3(&session, callbacks, state, options, &memory)
            case .client: nghttp2_session_client_new3(&session, callbacks, state, options, &memory)
            }
        return result == 0 ? session : nil
    }

    // MARK: State of the connection

    /// Why the connection cannot go on, once `receive` or `drainOutput` has thrown.
    package var failure: HTTP2Error? { state.pointee.failure }

    /// Whether the session still has a use for bytes from the peer.
    package var wantsRead: Bool { failure == nil && nghttp2_session_want_read(session) != 0 }

    /// Whether `drainOutput` would have something to give.
    package var wantsWrite: Bool {
        if state.pointee.output.count > 0 { return true }
        return !state.pointee.isSendingBroken && nghttp2_session_want_write(session) != 0
    }

    /// Whether all is said: no stream is open, one side has said GOAWAY, and everything has been drained.
    package var isFinished: Bool { !wantsRead && !wantsWrite }

    /// Streams that are open in either direction.
    package var openStreamCount: Int { state.pointee.openStreamCount }

    /// HEADERS and DATA frames made for the peer so far; wraps around.
    package var sentFrameCount: UInt64 { state.pointee.sentFrameCount }

    /// The limits the peer announced last; the protocol's defaults until then.
    package var peerSettings: HTTP2PeerSettings {
        let headerListByteCountMax = remoteSetting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE)
        return HTTP2PeerSettings(
            concurrentStreamCountMax: remoteSetting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
            streamWindowByteCount: remoteSetting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
            frameByteCountMax: remoteSetting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE),
            headerListByteCountMax: headerListByteCountMax == .max ? nil : headerListByteCountMax)
    }

    private func remoteSetting(_ id: nghttp2_settings_id) -> UInt32 {
        nghttp2_session_get_remote_settings(session, id)
    }

    /// Every stream that is open, in no particular order; for an owner whose connection is lost.
    package var openStreams: [HTTP2Stream] {
        var found: [HTTP2Stream] = []
        state.pointee.streams.forEachUsed { record in
            let flags = record.pointee.flags
            if flags.contains(.announced) && !flags.contains(.closed) { found.append(record.pointee.stream) }
        }
        return found
    }

    // MARK: Receiving

    /// Takes bytes from the peer, all of them; what they mean comes from `nextEvent`.
    ///
    /// - Parameters:
    ///   - bytes: must stay unchanged until every event has been taken: `HTTP2Event.data` points into them.
    ///   - now: the time of arrival, for the flood limits.
    /// - Throws: why the connection is over. Events recorded before the error can still be taken.
    /// - Precondition: every `data` event of the call before has been taken.
    package func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime) throws(HTTP2Error) {
        precondition(state.pointee.events.dataCount == 0, "data events of the last receive were not taken")
        guard failure == nil, bytes.count > 0 else { return }
        if let flood = state.pointee.floodGuard.inspect(bytes, at: now) { try fail(.flood(flood)) }
        let result = nghttp2_session_mem_recv(
            session, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.count)
        returnConnectionWindow()
        if result < 0 { try fail(state.pointee.failure ?? .library(code: Int32(result))) }
        if state.pointee.shutdown == .noticeAcknowledged { finishGracefulShutdown() }
        let queuedFrameCount = nghttp2_session_get_outbound_queue_size(session)
        if queuedFrameCount > outboundFrameCountMax { try fail(.flood(.outboundFrames)) }
        // nghttp2 tells of a broken connection only by the GOAWAY it sends, so look at what it has to send.
        if queuedFrameCount > 0 { try fillOutput() }
    }

    private func returnConnectionWindow() {
        let byteCount = state.pointee.arrivedByteCount
        guard byteCount > 0 else { return }
        state.pointee.arrivedByteCount = 0
        nghttp2_session_consume_connection(session, byteCount)
    }

    /// Ends the connection: queues the GOAWAY and throws.
    func fail(_ error: HTTP2Error) throws(HTTP2Error) {
        state.pointee.failure = error
        nghttp2_session_terminate_session(session, error.connectionErrorCode.rawValue)
        throw error
    }
}

extension HTTP2Error {
    /// What a negative return code of nghttp2 means.
    static func library(code: Int32) -> HTTP2Error {
        switch code {
        case NGHTTP2_ERR_NOMEM.rawValue: .outOfMemory
        case NGHTTP2_ERR_FLOODED.rawValue: .flood(.acknowledgements)
        case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue: .flood(.continuations)
        default: .protocolViolation(code: .protocolError, reason: String(cString: nghttp2_strerror(code)))
        }
    }

    /// The code that goes into the GOAWAY.
    fileprivate var connectionErrorCode: HTTP2ErrorCode {
        switch self {
        case .protocolViolation(let code, _): code
        case .flood, .headerListTooLong: .enhanceYourCalm
        default: .internalError
        }
    }
}
