import CNghttp2

extension HTTP2Session {
    /// Tells the peer how many streams it may have open from now on; those that are open stay.
    package func announce(concurrentStreamCountMax: UInt32) {
        var entry = nghttp2_settings_entry(
            settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: concurrentStreamCountMax)
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &entry, 1)
    }
}
