import CNghttp2
package import Vocabulary

/// What became of something submitted to a stream.
package enum HTTP2Submission: Sendable {
    /// It will be sent, in order, as windows allow.
    case queued
    /// The stream is closed or reset; nothing was done. An expected race, not an error.
    case streamClosed
    /// The stream's high-water mark is reached; nothing was done. `HTTP2Event.writable` will follow.
    case queueFull
}

extension HTTP2Session {
    // MARK: Client

    /// Opens a stream with a request (client).
    ///
    /// - Parameters:
    ///   - headers: pseudo-headers first; copied, except for its constants.
    ///   - continuation: `.more` when data follows.
    /// - Returns: the new stream.
    /// - Throws: `.goingAway`, `.concurrentStreamLimitReached`, `.streamIdentifiersExhausted` or
    ///   `.headerListTooLongToSend`; nothing was opened. With the first and the third another connection is needed.
    package func openStream(
        _ headers: HeaderList, _ continuation: HTTP2Continuation
    ) throws(HTTP2Error) -> HTTP2Stream {
        precondition(role == .client, "only clients open streams")
        try checkLength(headers)
        guard failure == nil, nghttp2_session_check_request_allowed(session) != 0 else {
            throw nghttp2_session_get_next_stream_id(session) > UInt32(Int32.max)
                ? .streamIdentifiersExhausted : .goingAway
        }
        guard nghttp2_session_get_next_stream_id(session) < streamIdentifierMax else {
            throw .streamIdentifiersExhausted
        }
        let limit = peerSettings.concurrentStreamCountMax
        guard openStreamCount < limit else { throw .concurrentStreamLimitReached(limit: limit) }
        let record = state.pointee.streams.take(id: 0)
        let id = headers.withNameValues { list, count in
            withDataProvider(record, continuation) { provider in
                nghttp2_submit_request(session, nil, list, count, provider, record)
            }
        }
        guard id > 0 else {
            state.pointee.streams.give(back: record)
            throw id == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE.rawValue ? .streamIdentifiersExhausted : .library(code: id)
        }
        record.pointee.stream = HTTP2Stream(id: id, slot: record.pointee.stream.slot)
        record.pointee.flags.formUnion([.announced, .headersSubmitted])
        if continuation == .end { record.pointee.flags.insert(.localEndSubmitted) }
        state.pointee.openStreamCount += 1
        return record.pointee.stream
    }

    // MARK: Both

    /// Sends the response's headers (server); with `.end` they are the whole response (Trailers-Only).
    ///
    /// - Throws: `.headerListTooLongToSend`; nothing was done.
    /// - Precondition: called once a stream.
    @discardableResult
    package func submitHeaders(
        _ stream: HTTP2Stream, _ headers: HeaderList, _ continuation: HTTP2Continuation
    ) throws(HTTP2Error) -> HTTP2Submission {
        try checkLength(headers)
        guard let record = openRecord(of: stream), failure == nil else { return .streamClosed }
        precondition(
            !record.pointee.flags.contains(.headersSubmitted), "headers of stream \(stream.id) submitted twice")
        let result = headers.withNameValues { list, count in
            withDataProvider(record, continuation) { provider in
                nghttp2_submit_response(session, stream.id, list, count, provider)
            }
        }
        if result != 0 { try fail(.library(code: result)) }
        record.pointee.flags.insert(.headersSubmitted)
        if continuation == .end { record.pointee.flags.insert(.localEndSubmitted) }
        return .queued
    }

    /// Queues data behind what the stream already has to send.
    ///
    /// A stream below its high-water mark takes one more piece of any size; `pendingOutboundByteCount` says how much
    /// waits, and `HTTP2Event.writable` when the stream wants more.
    ///
    /// - Parameters:
    ///   - stream: an open stream.
    ///   - prefix: at most 8 bytes sent in front of `data`, copied (the 5 bytes before a gRPC message).
    ///   - data: kept by reference until it has been copied into frames.
    ///   - continuation: `.end` when nothing follows, not even trailers.
    /// - Returns: `.queued` unless the stream is closed or has enough to send.
    /// - Precondition: headers were submitted, and the end was not.
    @discardableResult
    package func submitData(
        _ stream: HTTP2Stream, prefix: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        _ data: Bytes, _ continuation: HTTP2Continuation
    ) -> HTTP2Submission {
        guard let record = openRecord(of: stream), failure == nil else { return .streamClosed }
        checkOrder(record)
        guard record.pointee.outbound.byteCount < outboundHighWaterByteCount else { return .queueFull }
        record.pointee.outbound.append(prefix: prefix, data)
        state.pointee.queuedByteCount += prefix.count + data.count
        if record.pointee.outbound.byteCount >= outboundHighWaterByteCount {
            record.pointee.flags.insert(.aboveHighWater)
        }
        if continuation == .end { record.pointee.flags.insert(.localEndSubmitted) }
        resume(record)
        return .queued
    }

    /// Ends this side of the stream with trailers, behind all data queued before.
    ///
    /// When the client of a server has not ended its half by then, RST_STREAM(NO_ERROR) follows by itself.
    ///
    /// - Throws: `.headerListTooLongToSend`; nothing was done.
    /// - Precondition: headers were submitted, and the end was not.
    @discardableResult
    package func submitTrailers(
        _ stream: HTTP2Stream, _ trailers: HeaderList
    ) throws(HTTP2Error) -> HTTP2Submission {
        try checkLength(trailers)
        guard let record = openRecord(of: stream), failure == nil else { return .streamClosed }
        checkOrder(record)
        record.pointee.trailers = trailers
        record.pointee.flags.insert(.localEndSubmitted)
        resume(record)
        return .queued
    }

    /// Ends a stream at once in both directions; what it had queued is dropped.
    ///
    /// No event of the stream but `closed` comes afterwards, and that after the next `drainOutput`.
    package func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard let record = openRecord(of: stream) else { return }
        record.pointee.flags.insert(.resetByOwner)
        state.pointee.dropOutbound(of: record)
        record.pointee.trailers = nil
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code.rawValue)
    }

    /// Bytes queued on `stream` that are not in frames yet; 0 when it is closed.
    package func pendingOutboundByteCount(_ stream: HTTP2Stream) -> Int {
        openRecord(of: stream)?.pointee.outbound.byteCount ?? 0
    }

    /// Whether the peer's windows take all that is queued on `stream`: what follows it would not have to wait.
    package func hasWindowForPendingData(_ stream: HTTP2Stream) -> Bool {
        let byteCount = pendingOutboundByteCount(stream)
        return byteCount == 0
            || byteCount <= nghttp2_session_get_stream_remote_window_size(session, stream.id)
                && byteCount <= nghttp2_session_get_remote_window_size(session)
    }

    /// Bytes queued on all streams that are not in frames yet: what a client that takes nothing makes this side keep.
    package var queuedByteCount: Int { state.pointee.queuedByteCount }

    // MARK: Helpers

    private func checkLength(_ headers: HeaderList) throws(HTTP2Error) {
        guard headers.listByteCount <= Self.sentHeaderListByteCountMax else {
            throw .headerListTooLongToSend(byteCount: headers.listByteCount)
        }
    }

    private func checkOrder(_ record: UnsafeMutablePointer<StreamRecord>) {
        let stream = record.pointee.stream.id
        precondition(record.pointee.flags.contains(.headersSubmitted), "data of stream \(stream) before headers")
        precondition(!record.pointee.flags.contains(.localEndSubmitted), "data of stream \(stream) after its end")
    }

    /// Puts the stream's data back into nghttp2's schedule.
    private func resume(_ record: UnsafeMutablePointer<StreamRecord>) {
        guard record.pointee.flags.contains(.deferred) else { return }
        record.pointee.flags.remove(.deferred)
        nghttp2_session_resume_data(session, record.pointee.stream.id)
    }

    private func withDataProvider(
        _ record: UnsafeMutablePointer<StreamRecord>, _ continuation: HTTP2Continuation,
        _ body: (UnsafePointer<nghttp2_data_provider>?) -> Int32
    ) -> Int32 {
        guard continuation == .more else { return body(nil) }
        var provider = nghttp2_data_provider(
            source: nghttp2_data_source(ptr: record),
            read_callback: { session, id, _, limit, flags, source, _ in
                let record = source!.pointee.ptr.assumingMemoryBound(to: StreamRecord.self)
                return SessionCallbacks.readData(session, id, limit, flags!, record)
            })
        return body(&provider)
    }
}
