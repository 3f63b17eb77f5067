/// What a session keeps about one stream; nghttp2 holds a pointer to it as the stream's user data.
///
/// Lifetime: taken from the `StreamPool` when the stream begins, given back when its `closed` event has been taken
/// by the owner of the session (or at once, when the owner never heard of the stream).
struct StreamRecord {
    var stream: HTTP2Stream
    var flags = StreamFlags()
    /// Received bytes that the consumer has not taken yet.
    var unconsumedByteCount = 0
    /// DATA payload that went out and came in on this stream, for owners that look for streams that stand still.
    var sentByteCount: UInt64 = 0
    var receivedByteCount: UInt64 = 0
    var outbound = OutboundQueue()
    /// Sent when `outbound` runs empty.
    var trailers: HeaderList?
    /// The code given to `HTTP2Session.reset`.
    var resetCode = HTTP2ErrorCode.noError
}

struct StreamFlags: OptionSet {
    let rawValue: UInt16
    /// The owner of the session knows the stream, so it gets a `closed` event.
    static let announced = StreamFlags(rawValue: 1 << 0)
    /// The request's or final response's headers arrived: the next header block is trailers.
    static let headersReceived = StreamFlags(rawValue: 1 << 1)
    /// The peer ended its half.
    static let remoteEnded = StreamFlags(rawValue: 1 << 2)
    /// This side submitted headers.
    static let headersSubmitted = StreamFlags(rawValue: 1 << 3)
    /// Nothing more may be submitted: the end is queued (with or without trailers).
    static let localEndSubmitted = StreamFlags(rawValue: 1 << 4)
    /// nghttp2 put the data aside until `nghttp2_session_resume_data`.
    static let deferred = StreamFlags(rawValue: 1 << 5)
    /// `outbound` passed the high-water mark: a `writable` event is owed.
    static let aboveHighWater = StreamFlags(rawValue: 1 << 6)
    /// `HTTP2Session.reset` was called: the owner hears nothing more but `closed`.
    static let resetByOwner = StreamFlags(rawValue: 1 << 7)
    /// The peer sent RST_STREAM.
    static let resetByPeer = StreamFlags(rawValue: 1 << 8)
    /// This side sent RST_STREAM.
    static let resetSent = StreamFlags(rawValue: 1 << 9)
    /// nghttp2 has forgotten the stream.
    static let closed = StreamFlags(rawValue: 1 << 10)
}
