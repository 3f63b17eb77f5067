import CNghttp2

extension HTTP2Configuration {
    /// nghttp2's options for these limits, for the caller to free; nil when memory is short.
    func makeOptions() -> OpaquePointer? {
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0 else { return nil }
        // Windows are given back by the session's owner.
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        nghttp2_option_set_max_outbound_ack(option, floodLimits.outboundAcknowledgementCountMax)
        nghttp2_option_set_max_send_header_block_length(option, HTTP2Session.sentHeaderListByteCountMax + 4096)
        nghttp2_option_set_max_deflate_dynamic_table_size(option, 4096)
        // gRPC: odd white space around a metadata value must not fail the call.
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1)
        // FloodGuard counts resets and CONTINUATIONs: with our clock, and exactly. nghttp2 would count a CONTINUATION
        // again for every piece its nine header bytes arrive in.
        nghttp2_option_set_stream_reset_rate_limit(option, .max, .max)
        nghttp2_option_set_max_continuations(option, Int(floodLimits.continuationCountMax) * 9 + 9)
        nghttp2_option_set_no_http_messaging(option, requiresHTTPMessages ? 0 : 1)
        return option
    }

    /// Queues the first SETTINGS and the connection's window; false when memory is short.
    func announce(on session: OpaquePointer, role: HTTP2Role) -> Bool {
        var entries = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(clamping: streamWindowByteCount)),
            entry(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, receivedFrameByteCountMax),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(clamping: headerListByteCountMax)),
        ]
        switch role {
        case .server:
            entries.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, concurrentStreamCountMax))
            entries.append(entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
        case .client:
            entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        return nghttp2_submit_settings(session, flags, &entries, entries.count) == 0
            && nghttp2_session_set_local_window_size(session, flags, 0, connectionWindowByteCount) == 0
    }

    private func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }
}
