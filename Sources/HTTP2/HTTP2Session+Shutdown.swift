import CNghttp2
package import Vocabulary

extension HTTP2Session {
    /// Asks the peer to open no more streams, without losing one that is on its way (server).
    ///
    /// Sends GOAWAY with the highest identifier there is and a PING; when the PING comes back, every stream opened
    /// before is known, and the final GOAWAY follows by itself. Streams that are open finish as usual; then
    /// `isFinished`. If the peer answers no PING, call `finishGracefulShutdown`.
    ///
    /// - Parameter reason: a short text for the peer's log, sent with the final GOAWAY, e.g. `max_age`.
    /// - Source: RFC 9113 §6.8.
    package func beginGracefulShutdown(reason: Bytes = Bytes()) {
        guard role == .server, state.pointee.shutdown == .none, failure == nil else { return }
        state.pointee.shutdown = .noticeSent
        shutdownReason = reason
        nghttp2_submit_shutdown_notice(session)
        ping(Self.shutdownPingPayload)
    }

    /// Sends the final GOAWAY with the last stream that was seen; later ones are ignored.
    package func finishGracefulShutdown() {
        goAway(.noError, debugData: shutdownReason)
    }

    /// Says that no more streams of the peer are accepted; open ones finish as usual.
    ///
    /// - Parameters:
    ///   - code: why; `.noError` for an orderly end.
    ///   - debugData: a short text for the peer's log, e.g. `max_age`.
    package func goAway(_ code: HTTP2ErrorCode, debugData: Bytes) {
        guard state.pointee.shutdown != .final, state.pointee.shutdown != .terminated, failure == nil else { return }
        state.pointee.shutdown = .final
        let lastStreamID = nghttp2_session_get_last_proc_stream_id(session)
        debugData.withUnsafeBytes { text in
            _ = nghttp2_submit_goaway(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), lastStreamID, code.rawValue,
                text.baseAddress?.assumingMemoryBound(to: UInt8.self), text.count)
        }
    }

    /// Ends the connection with `code` as soon as what is queued before it has left; streams end unfinished.
    package func terminate(_ code: HTTP2ErrorCode) {
        guard state.pointee.shutdown != .terminated, failure == nil else { return }
        state.pointee.shutdown = .terminated
        nghttp2_session_terminate_session(session, code.rawValue)
    }

    /// Asks the peer for a sign of life; `HTTP2Event.pingAcknowledged` brings `payload` back.
    package func ping(_ payload: UInt64) {
        withUnsafeBytes(of: payload.bigEndian) { bytes in
            _ = nghttp2_submit_ping(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), bytes.baseAddress!.assumingMemoryBound(to: UInt8.self))
        }
    }
}
