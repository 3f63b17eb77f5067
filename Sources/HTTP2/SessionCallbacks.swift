import CNghttp2
import Vocabulary

/// What nghttp2 calls.
///
/// Each function only records: none calls back into send or receive, and none runs user code.
///
/// The user data of the session is its `SessionState`, that of a stream its `StreamRecord`; `HTTP2Session` keeps both
/// alive until `nghttp2_session_del` has returned.
enum SessionCallbacks {
    /// The table, made once; nghttp2 copies it into each session.
    ///
    /// `nonisolated(unsafe)`: written before the `static let` is published, only read afterwards.
    nonisolated(unsafe) static let table: OpaquePointer? = makeTable()

    private static func makeTable() -> OpaquePointer? {
        var table: OpaquePointer?
        guard nghttp2_session_callbacks_new(&table) == 0 else { return nil }
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { session, frame, user in
            SessionCallbacks.beginHeaders(session, frame!, SessionCallbacks.state(user))
        }
        nghttp2_session_callbacks_set_on_header_callback(table) { _, _, name, nameCount, value, valueCount, _, user in
            SessionCallbacks.header(
                UnsafeRawBufferPointer(start: name, count: nameCount),
                UnsafeRawBufferPointer(start: value, count: valueCount), SessionCallbacks.state(user))
        }
        // Legal metadata must not fail a call: an illegal field is left out, the stream goes on.
        nghttp2_session_callbacks_set_on_invalid_header_callback(table) { _, _, _, _, _, _, _, _ in 0 }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { session, frame, user in
            SessionCallbacks.frameReceived(session, frame!, SessionCallbacks.state(user))
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { session, _, id, bytes, count, user in
            SessionCallbacks.dataReceived(
                session, id, UnsafeRawBufferPointer(start: bytes, count: count), SessionCallbacks.state(user))
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { session, id, code, user in
            SessionCallbacks.streamClosed(session, id, HTTP2ErrorCode(rawValue: code), SessionCallbacks.state(user))
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(table) { session, frame, user in
            SessionCallbacks.frameSent(session, frame!, SessionCallbacks.state(user))
        }
        nghttp2_session_callbacks_set_send_data_callback(table) { _, _, frameHeader, count, source, user in
            SessionCallbacks.sendData(frameHeader!, count, source!.pointee.ptr, SessionCallbacks.state(user))
        }
        nghttp2_session_callbacks_set_data_source_read_length_callback(table) {
            _, _, _, _, _, peerFrameByteCountMax, user in
            min(Int(peerFrameByteCountMax), SessionCallbacks.state(user).pointee.sentDataFrameByteCountMax)
        }
        return table
    }

    typealias State = UnsafeMutablePointer<SessionState>
    typealias Record = UnsafeMutablePointer<StreamRecord>

    private static func state(_ user: UnsafeMutableRawPointer?) -> State {
        user!.assumingMemoryBound(to: SessionState.self)
    }

    static func record(_ session: OpaquePointer?, _ id: Int32) -> Record? {
        nghttp2_session_get_stream_user_data(session, id)?.assumingMemoryBound(to: StreamRecord.self)
    }
}

// MARK: Receiving

extension SessionCallbacks {
    private static func beginHeaders(
        _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ state: State
    ) -> Int32 {
        state.pointee.beginHeaders(areTrailers: frame.pointee.headers.cat == NGHTTP2_HCAT_HEADERS)
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
        let id = frame.pointee.hd.stream_id
        let record = state.pointee.streams.take(id: id)
        state.pointee.openStreamCount += 1
        nghttp2_session_set_stream_user_data(session, id, record)
        // Without RFC 7540 priorities nghttp2 would finish one stream before it sends anything of the next.
        var priority = nghttp2_extpri(urgency: 3, inc: 1)
        return nghttp2_session_change_extpri_stream_priority(session, id, &priority, 1)
    }

    private static func header(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ state: State
    ) -> Int32 {
        if state.pointee.headerScratch.append(name: name, value: value) { return 0 }
        state.pointee.failure = .headerListTooLong(byteCountMax: state.pointee.headerListByteCountMax)
        return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    }

    private static func frameReceived(
        _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ state: State
    ) -> Int32 {
        let header = frame.pointee.hd
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            headersReceived(session, header, state)
        case NGHTTP2_DATA.rawValue where header.hasEndStream:
            dataEnded(session, header.stream_id, state)
        case NGHTTP2_RST_STREAM.rawValue:
            record(session, header.stream_id)?.pointee.flags.insert(.resetByPeer)
        case NGHTTP2_SETTINGS.rawValue where !header.isAcknowledgement:
            state.pointee.events.append(RecordedEvent(kind: .settings))
        case NGHTTP2_PING.rawValue:
            pingReceived(frame, state)
        case NGHTTP2_GOAWAY.rawValue:
            goAwayReceived(frame, state)
        default:
            break
        }
        return 0
    }

    private static func headersReceived(_ session: OpaquePointer?, _ header: nghttp2_frame_hd, _ state: State) {
        guard let record = record(session, header.stream_id) else { return }
        let isTrailers = record.pointee.flags.contains(.headersReceived)
        if !isTrailers && state.pointee.role == .client && state.pointee.headerScratch.isInformational { return }
        state.pointee.floodGuard.countHeadersTaken()
        record.pointee.flags.formUnion([.headersReceived, .announced])
        if header.hasEndStream { record.pointee.flags.insert(.remoteEnded) }
        guard !record.pointee.flags.contains(.resetByOwner) else { return }
        var event = RecordedEvent(kind: isTrailers ? .trailers : .headers, stream: record.pointee.stream)
        event.continuation = header.hasEndStream ? .end : .more
        event.object = Unmanaged.passRetained(state.pointee.takeHeaders())
        state.pointee.events.append(event)
    }

    private static func dataReceived(
        _ session: OpaquePointer?, _ id: Int32, _ bytes: UnsafeRawBufferPointer, _ state: State
    ) -> Int32 {
        state.pointee.arrivedByteCount += bytes.count
        guard let record = record(session, id), !record.pointee.flags.contains(.resetByOwner) else { return 0 }
        state.pointee.floodGuard.countDataTaken(byteCount: bytes.count)
        record.pointee.unconsumedByteCount += bytes.count
        record.pointee.receivedByteCount &+= UInt64(bytes.count)
        var event = RecordedEvent(kind: .data, stream: record.pointee.stream)
        event.bytes = bytes
        state.pointee.events.append(event)
        return 0
    }

    private static func dataEnded(_ session: OpaquePointer?, _ id: Int32, _ state: State) {
        guard let record = record(session, id) else { return }
        state.pointee.floodGuard.countEndTaken()
        record.pointee.flags.insert(.remoteEnded)
        guard !record.pointee.flags.contains(.resetByOwner) else { return }
        if state.pointee.events.endLastData(of: record.pointee.stream) { return }
        var event = RecordedEvent(kind: .data, stream: record.pointee.stream)
        event.continuation = .end
        state.pointee.events.append(event)
    }

    private static func pingReceived(_ frame: UnsafePointer<nghttp2_frame>, _ state: State) {
        guard frame.pointee.hd.isAcknowledgement else {
            state.pointee.events.append(RecordedEvent(kind: .ping))
            return
        }
        let payload = withUnsafeBytes(of: frame.pointee.ping.opaque_data) {
            UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self))
        }
        if payload == HTTP2Session.shutdownPingPayload, state.pointee.shutdown == .noticeSent {
            state.pointee.shutdown = .noticeAcknowledged
            return
        }
        var event = RecordedEvent(kind: .pingAcknowledged)
        event.payload = payload
        state.pointee.events.append(event)
    }

    private static func goAwayReceived(_ frame: UnsafePointer<nghttp2_frame>, _ state: State) {
        let goAway = frame.pointee.goaway
        var event = RecordedEvent(kind: .goAway)
        event.lastStreamID = goAway.last_stream_id
        event.code = HTTP2ErrorCode(rawValue: goAway.error_code)
        // The text is for a log line; nobody needs more of it.
        let text = UnsafeRawBufferPointer(start: goAway.opaque_data, count: min(goAway.opaque_data_len, 256))
        event.object = Unmanaged.passRetained(DebugData(Bytes(copying: text)))
        state.pointee.events.append(event)
    }

    private static func streamClosed(
        _ session: OpaquePointer?, _ id: Int32, _ code: HTTP2ErrorCode, _ state: State
    ) -> Int32 {
        guard let record = record(session, id) else { return 0 }
        state.pointee.openStreamCount -= 1
        record.pointee.flags.insert(.closed)
        if record.pointee.flags.closeOrigin(code: code) == .finished { state.pointee.floodGuard.countAnswer() }
        state.pointee.dropOutbound(of: record)
        record.pointee.trailers = nil
        guard record.pointee.flags.contains(.announced) else {
            state.pointee.streams.give(back: record)
            return 0
        }
        var event = RecordedEvent(kind: .closed, stream: record.pointee.stream)
        event.code = code
        event.origin = record.pointee.flags.closeOrigin(code: code)
        state.pointee.events.append(event)
        return 0
    }
}

// MARK: Sending

extension SessionCallbacks {
    private static func frameSent(
        _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ state: State
    ) -> Int32 {
        let header = frame.pointee.hd
        switch UInt32(header.type) {
        case NGHTTP2_DATA.rawValue:
            state.pointee.floodGuard.countDataSent()
            state.pointee.sentFrameCount &+= 1
            if header.hasEndStream { return finishEarlyResponse(session, header.stream_id, state) }
        case NGHTTP2_HEADERS.rawValue:
            state.pointee.sentFrameCount &+= 1
            if header.hasEndStream { return finishEarlyResponse(session, header.stream_id, state) }
        case NGHTTP2_RST_STREAM.rawValue:
            resetSent(session, frame, state)
        case NGHTTP2_GOAWAY.rawValue:
            goAwaySent(frame, state)
        default:
            break
        }
        return 0
    }

    /// A server that has answered before the request ended asks the client to stop sending.
    ///
    /// Why here: RST_STREAM submitted any earlier would cancel the trailers still queued; left out, the stream would
    /// count against the client's limit for as long as the client likes.
    /// - Source: RFC 9113 §8.1; gRPC over HTTP2, "Early Server Closure".
    private static func finishEarlyResponse(_ session: OpaquePointer?, _ id: Int32, _ state: State) -> Int32 {
        guard state.pointee.role == .server, nghttp2_session_get_stream_remote_close(session, id) == 0 else { return 0 }
        if let record = record(session, id), record.pointee.flags.contains(.resetByOwner) { return 0 }
        return nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_NO_ERROR.rawValue)
    }

    private static func resetSent(_ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ state: State) {
        let record = record(session, frame.pointee.hd.stream_id)
        record?.pointee.flags.insert(.resetSent)
        let isOwnWish = record?.pointee.flags.contains(.resetByOwner) ?? false
        guard !isOwnWish && frame.pointee.rst_stream.error_code != NGHTTP2_NO_ERROR.rawValue else { return }
        if let flood = state.pointee.floodGuard.countProvokedReset(), state.pointee.failure == nil {
            state.pointee.failure = .flood(flood)
        }
    }

    private static func goAwaySent(_ frame: UnsafePointer<nghttp2_frame>, _ state: State) {
        let goAway = frame.pointee.goaway
        let isOwnWish = state.pointee.shutdown == .final || state.pointee.shutdown == .terminated
        guard goAway.error_code != NGHTTP2_NO_ERROR.rawValue, !isOwnWish, state.pointee.failure == nil else { return }
        let code = HTTP2ErrorCode(rawValue: goAway.error_code)
        let text = UnsafeRawBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len)
        let reason = text.isEmpty ? "frame refused" : String(decoding: text, as: UTF8.self)
        state.pointee.failure = .protocolViolation(code: code, reason: reason)
    }

    /// Says how much of the stream's queue goes into the next DATA frame; `sendData` then moves it.
    static func readData(
        _ session: OpaquePointer?, _ id: Int32, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>, _ record: Record
    ) -> Int {
        let waiting = record.pointee.outbound.byteCount
        let isEnding = record.pointee.flags.contains(.localEndSubmitted)
        if waiting == 0 && !isEnding {
            record.pointee.flags.insert(.deferred)
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        guard isEnding && waiting <= limit else { return min(waiting, limit) }
        flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if let trailers = record.pointee.trailers {
            flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            record.pointee.trailers = nil
            let result = trailers.withNameValues { nghttp2_submit_trailer(session, id, $0, $1) }
            if result != 0 { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        }
        return waiting
    }

    private static func sendData(
        _ frameHeader: UnsafePointer<UInt8>, _ count: Int, _ source: UnsafeMutableRawPointer?, _ state: State
    ) -> Int32 {
        let record = source!.assumingMemoryBound(to: StreamRecord.self)
        state.pointee.output.append(UnsafeRawBufferPointer(start: frameHeader, count: 9))
        record.pointee.outbound.move(count, to: &state.pointee.output)
        record.pointee.sentByteCount &+= UInt64(count)
        state.pointee.queuedByteCount -= count
        let waiting = record.pointee.outbound.byteCount
        if record.pointee.flags.contains(.aboveHighWater), waiting <= state.pointee.outboundLowWaterByteCount {
            record.pointee.flags.remove(.aboveHighWater)
            state.pointee.events.append(RecordedEvent(kind: .writable, stream: record.pointee.stream))
        }
        let isFull = state.pointee.output.count >= state.pointee.outputByteCountMax
        return isFull ? NGHTTP2_ERR_PAUSE.rawValue : 0
    }
}

extension nghttp2_frame_hd {
    fileprivate var hasEndStream: Bool { UInt32(flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 }
    fileprivate var isAcknowledgement: Bool { UInt32(flags) & NGHTTP2_FLAG_ACK.rawValue != 0 }
}

extension StreamFlags {
    fileprivate func closeOrigin(code: HTTP2ErrorCode) -> HTTP2CloseOrigin {
        if contains(.resetByPeer) { return .peer }
        if contains(.resetByOwner) { return .local }
        if code == .noError { return .finished }
        return contains(.resetSent) ? .local : .peer
    }
}
