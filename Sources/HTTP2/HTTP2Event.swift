package import Vocabulary

/// One request and its response on a connection.
///
/// - Note: a value that outlives its stream is harmless: commands on it do nothing and say `.streamClosed`.
package struct HTTP2Stream: Hashable, Sendable {
    /// The identifier on the wire: odd for streams a client opened.
    package let id: Int32
    /// A small index, unique among the streams of the session whose `.closed` has not been taken yet.
    ///
    /// Lets the owner keep its own per-stream state in an array instead of a dictionary.
    package let slot: Int32
}

/// What happened on a connection.
///
/// A stream's events come in this order: `headers`, then `data`, then `trailers` (each but the first optional), with
/// `writable` anywhere between, and `closed` last. Exactly one `closed` follows for every stream that was announced
/// by `headers` (server) or opened by `HTTP2Session.openStream` (client).
package enum HTTP2Event {
    /// The request's headers (server) or the final response's headers (client; 1xx responses are skipped).
    ///
    /// `.end` means that neither data nor trailers follow: for a gRPC client, a Trailers-Only response.
    case headers(HTTP2Stream, HeaderBlock, HTTP2Continuation)

    /// Body bytes; empty only when they carry nothing but the end of the stream.
    ///
    /// The pointer reaches into the bytes given to the last `HTTP2Session.receive`: copy what is kept before these
    /// bytes are reused. Give the bytes back to the peer's window with `HTTP2Session.consume`.
    case data(HTTP2Stream, UnsafeRawBufferPointer, HTTP2Continuation)

    /// Trailers; they always end the peer's half of the stream.
    case trailers(HTTP2Stream, HeaderBlock)

    /// The bytes waiting to be sent fell to the low-water mark after having passed the high-water mark.
    case writable(HTTP2Stream)

    /// The stream is gone: `.noError` after both halves ended, otherwise the code of the reset.
    ///
    /// A client's stream that the server never handled (above the last identifier of a GOAWAY) closes with
    /// `.refusedStream`. Unread bytes have been given back to the connection's window.
    case closed(HTTP2Stream, HTTP2ErrorCode, HTTP2CloseOrigin)

    /// The peer announced limits; read them with `HTTP2Session.peerSettings`.
    case settings

    /// The peer opens no new streams on this connection, and handled none above `lastStreamID`.
    case goAway(lastStreamID: Int32, code: HTTP2ErrorCode, debugData: Bytes)

    /// The peer sent a PING; the answer is already queued.
    case ping

    /// The peer answered `HTTP2Session.ping(_:)`.
    case pingAcknowledged(UInt64)
}

/// Whether the peer sends more on a stream.
package enum HTTP2Continuation: Sendable {
    case more
    case end
}

/// Which side ended a stream.
package enum HTTP2CloseOrigin: Sendable {
    /// Both halves ended in the usual way.
    case finished
    /// The peer sent RST_STREAM, or a GOAWAY that leaves the stream out.
    case peer
    /// This side sent RST_STREAM: by `HTTP2Session.reset`, or because the peer broke the protocol on this stream.
    case local
}

/// The limits the peer announced.
package struct HTTP2PeerSettings: Hashable, Sendable {
    /// Streams this side may have open at once.
    package let concurrentStreamCountMax: UInt32
    /// Bytes this side may send on a new stream before the peer grants more.
    package let streamWindowByteCount: UInt32
    /// The largest frame payload the peer accepts.
    package let frameByteCountMax: UInt32
    /// The largest header list the peer wants, or nil when it named none.
    package let headerListByteCountMax: UInt32?
}
