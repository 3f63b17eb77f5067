/// Which end of a connection a session plays.
package enum HTTP2Role: Sendable {
    case server
    case client
}

/// The limits and windows of one connection.
///
/// Every default is meant for a gRPC server inside a data centre; a client uses the same ones.
package struct HTTP2Configuration: Sendable {
    /// Streams the peer may have open at once (`SETTINGS_MAX_CONCURRENT_STREAMS`, announced by servers).
    package var concurrentStreamCountMax: UInt32 = 1000

    /// Bytes the peer may send on one stream before the consumer takes any (`SETTINGS_INITIAL_WINDOW_SIZE`).
    ///
    /// This bounds what a slow consumer buffers: at most `concurrentStreamCountMax` times this a connection.
    package var streamWindowByteCount: Int32 = 1 << 20

    /// Bytes the peer may have in flight on the whole connection; given back as they arrive.
    package var connectionWindowByteCount: Int32 = 16 << 20

    /// The largest header list accepted, counted as RFC 9113 §6.5.2 does: name + value + 32 a field.
    ///
    /// Longer ones arrive cut off and flagged (`HeaderBlock.isTruncated`); beyond 8 times this the connection ends.
    package var headerListByteCountMax = 16 << 10

    /// The largest frame payload accepted (`SETTINGS_MAX_FRAME_SIZE`), in `16_384 ..< 1 << 24`.
    package var receivedFrameByteCountMax: UInt32 = 16_384

    /// The largest DATA payload sent when the peer accepts it.
    ///
    /// Larger frames cost less per byte; smaller ones let other streams in between sooner.
    package var sentDataFrameByteCountMax = 128 << 10

    /// A stream takes no more data while this much or more waits to be sent on it.
    package var outboundHighWaterByteCount = 256 << 10

    /// After a stream passed the high-water mark, `HTTP2Event.writable` comes once no more than this waits.
    package var outboundLowWaterByteCount = 64 << 10

    /// Serialised frames kept ready for the transport; frames are only made while there are fewer bytes than this.
    ///
    /// What a turn reads, 256 KiB, and the framing of its echo fit, so that they leave in one piece.
    package var outputByteCountMax = 320 << 10

    /// Streams with an identifier from here on are the last of their connection: a client opens none, a server drains.
    ///
    /// Three quarters of those there are, so that a connection is replaced long before it runs out.
    package var streamIdentifierMax: Int32 = 0x6000_0001

    /// How much useless work a peer may cause.
    package var floodLimits = HTTP2FloodLimits()

    /// Whether header lists must make sense as HTTP messages (RFC 9113 §8).
    ///
    /// Always on but in tests of header compression, whose lists come from HTTP/1.1 sites.
    var requiresHTTPMessages = true

    package init() {}
}

/// How much work that leads nowhere a peer may cause before the connection ends with ENHANCE_YOUR_CALM.
///
/// Each limit is a leaky bucket: it holds `…Burst` and empties by `…PerSecond`.
package struct HTTP2FloodLimits: Sendable {
    /// Streams reset by the peer, or by us because of what the peer sent.
    ///
    /// Generous, because in gRPC every cancellation and every deadline is a reset; a stream that ends in good order
    /// pays for one.
    /// - Source: CVE-2023-44487 (rapid reset), CVE-2025-8671 (resets the peer provokes).
    package var resetBurst: UInt32 = 10_000
    package var resetsPerSecond: UInt32 = 500

    /// Frames that carry nothing: empty DATA, small WINDOW_UPDATE, PRIORITY, PING, SETTINGS, unknown types, and
    /// HEADERS and small DATA for streams that are gone.
    ///
    /// Useful frames, in either direction, pay for a few of them, so that a peer that answers every message with a
    /// small WINDOW_UPDATE stays below the limit at any rate.
    package var uselessFrameBurst: UInt32 = 10_000
    package var uselessFramesPerSecond: UInt32 = 330

    /// CONTINUATION frames in one header block.
    /// - Source: CVE-2024-28182.
    package var continuationCountMax: UInt32 = 16

    /// Frames waiting to be sent that are not DATA; a peer that asks but never reads reaches it.
    package var outboundFrameCountMax = 5_000

    /// PING and SETTINGS acknowledgements waiting to be sent.
    package var outboundAcknowledgementCountMax = 200

    package init() {}
}
