import CNghttp2

/// How far a stream has come: for an owner that looks for streams that stand still.
package struct HTTP2StreamProgress: Equatable, Sendable {
    package var stream: HTTP2Stream
    /// DATA payload that was put into frames for the peer.
    package var sentByteCount: UInt64
    /// DATA payload that came from the peer.
    package var receivedByteCount: UInt64
    /// Whether data waits that the peer has left no window for, on the stream or on the connection.
    package var isOutOfWindow: Bool

    package init(
        stream: HTTP2Stream, sentByteCount: UInt64 = 0, receivedByteCount: UInt64 = 0, isOutOfWindow: Bool = false
    ) {
        self.stream = stream
        self.sentByteCount = sentByteCount
        self.receivedByteCount = receivedByteCount
        self.isOutOfWindow = isOutOfWindow
    }
}

extension HTTP2Session {
    /// How far every open stream has come; takes time in proportion to their number.
    package var streamProgress: [HTTP2StreamProgress] {
        openStreams.compactMap { stream in
            guard let record = openRecord(of: stream) else { return nil }
            return HTTP2StreamProgress(
                stream: stream, sentByteCount: record.pointee.sentByteCount,
                receivedByteCount: record.pointee.receivedByteCount,
                isOutOfWindow: record.pointee.outbound.byteCount > 0 && isWindowClosed(stream))
        }
    }

    private func isWindowClosed(_ stream: HTTP2Stream) -> Bool {
        nghttp2_session_get_stream_remote_window_size(session, stream.id) <= 0
            || nghttp2_session_get_remote_window_size(session) <= 0
    }
}
