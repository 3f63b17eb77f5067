import CNghttp2

extension HTTP2Session {
    /// Hands what has happened to `body`, one thing after the other, until that returns false or there is nothing more
    /// for now.
    package func handEvents(to body: (HTTP2Event) -> Bool) {
        while let recorded = state.pointee.events.popFirst() {
            guard hand(recorded, to: body) else { return }
        }
    }

    /// The next thing that happened, or nil when there is nothing more for now.
    package func nextEvent() -> HTTP2Event? {
        var next: HTTP2Event?
        handEvents { event in
            next = event
            return false
        }
        return next
    }

    /// Hands on what a callback has noted down; not what is about a stream that the owner has reset in the meantime.
    private func hand(_ recorded: RecordedEvent, to body: (HTTP2Event) -> Bool) -> Bool {
        let object = recorded.object?.takeRetainedValue()
        let stream = recorded.stream
        switch recorded.kind {
        case .settings: return body(.settings)
        case .ping: return body(.ping)
        case .pingAcknowledged: return body(.pingAcknowledged(recorded.payload))
        case .goAway:
            let debugData = unsafeDowncast(object!, to: DebugData.self).bytes
            return body(.goAway(lastStreamID: recorded.lastStreamID, code: recorded.code, debugData: debugData))
        case .closed:
            if let record = state.pointee.streams.record(of: stream) { state.pointee.streams.give(back: record) }
            return body(.closed(stream, recorded.code, recorded.origin))
        case .headers, .data, .trailers, .writable:
            guard let record = state.pointee.streams.record(of: stream),
                !record.pointee.flags.contains(.resetByOwner)
            else { return true }
        }
        switch recorded.kind {
        case .data: return body(.data(stream, recorded.bytes, recorded.continuation))
        case .writable: return body(.writable(stream))
        case .trailers: return body(.trailers(stream, Self.headerBlock(object)))
        default: return body(.headers(stream, Self.headerBlock(object), recorded.continuation))
        }
    }

    private static func headerBlock(_ object: AnyObject?) -> HeaderBlock {
        // The callbacks put a HeaderStorage into every event of these kinds.
        HeaderBlock(storage: unsafeDowncast(object!, to: HeaderStorage.self))
    }

    /// Gives `byteCount` received bytes back to the stream's window: the consumer has taken them.
    ///
    /// A window update leaves once half the window is free. To receive a message larger than the window, consume its
    /// bytes as they are copied into it, or enlarge the window with `enlargeWindow`. On a closed stream nothing
    /// happens: its bytes have gone back to the connection already.
    ///
    /// - Precondition: no more than the stream's data events brought and earlier calls left.
    package func consume(_ stream: HTTP2Stream, byteCount: Int) {
        guard byteCount > 0, let record = openRecord(of: stream) else { return }
        precondition(
            byteCount <= record.pointee.unconsumedByteCount,
            "consuming \(byteCount) of \(record.pointee.unconsumedByteCount) bytes of stream \(stream.id)")
        record.pointee.unconsumedByteCount -= byteCount
        // After the end of the peer's half a window is of no use to anyone.
        guard !record.pointee.flags.contains(.remoteEnded) else { return }
        nghttp2_session_consume_stream(session, stream.id, byteCount)
    }

    /// Received bytes of `stream` that were not given back by `consume`.
    package func unconsumedByteCount(_ stream: HTTP2Stream) -> Int {
        openRecord(of: stream)?.pointee.unconsumedByteCount ?? 0
    }

    /// Lets the peer send `byteCount` bytes ahead on `stream`, if that is more than it may now.
    ///
    /// Meant for a large message whose length is known: it then arrives without waiting for window updates. The window
    /// stays that large for the rest of the stream.
    package func enlargeWindow(_ stream: HTTP2Stream, byteCount: Int) {
        guard openRecord(of: stream) != nil else { return }
        let size = Int32(clamping: byteCount)
        guard size > nghttp2_session_get_stream_effective_local_window_size(session, stream.id) else { return }
        nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, size)
    }

    /// The record of a stream that still takes commands.
    func openRecord(of stream: HTTP2Stream) -> UnsafeMutablePointer<StreamRecord>? {
        guard let record = state.pointee.streams.record(of: stream),
            record.pointee.flags.isDisjoint(with: [.closed, .resetByOwner])
        else { return nil }
        return record
    }
}
