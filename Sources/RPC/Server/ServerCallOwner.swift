package import Compression
package import EventLoops
package import HTTP2
package import Vocabulary

/// The connection, as its calls see it.
///
/// - Isolation: its loop.
package protocol ServerCallOwner: AnyObject {
    var loop: EventLoop { get }
    var session: HTTP2Session { get }
    /// Compresses, for all connections of the loop.
    var codec: Codec { get }
    /// Decompresses, for all connections of the loop.
    var unfolder: Unfolder { get }
    var peer: PeerIdentity? { get }
    /// What an upper layer remembers about the peer from one call to the next.
    var peerNote: (any AnyObject & Sendable)? { get set }

    /// The custom trailers of calls that fail before a handler has seen them.
    var trailersOfUnhandledCalls: Metadata { get }

    /// There is something for `session.drainOutput`; it is written at the end of the turn.
    func outputIsReady()

    /// Counts bytes that a call holds of its request; false, without counting them, when they are too many.
    func hold(requestByteCount: Int) -> Bool

    /// Forgets bytes that were counted by `hold`.
    func letGo(requestByteCount: Int)

    /// The call has been answered and its handler has returned.
    func callDidEnd(_ call: ServerCall, _ record: CallRecord)
}

/// How much a call may send and receive, and how.
package struct ServerCallLimits: Sendable {
    /// The longest request message, for methods that say nothing else.
    package var requestByteCountMax = 4 << 20
    /// The longest response message.
    package var responseByteCountMax = Int(UInt32.max)
    package var compression = ResponseCompression()
    /// A connection takes no more answers while its client has left so many bytes of them untaken.
    ///
    /// Why beside the high-water mark of a stream: one message of any size fits above that.
    package var queuedResponseByteCountMax = 128 << 20

    package init() {}
}

/// Whether responses are compressed when their handler says nothing about it; only for clients that accept it.
package struct ResponseCompression: Sendable, Equatable {
    /// Nil leaves responses as they are.
    package var format: CompressionFormat?
    /// Messages shorter than this are sent as they are: there is little to win, and it costs the loop's time.
    package var messageByteCountMin = 1024
    /// Messages longer than this are sent as they are: a megabyte takes the loop some ten milliseconds.
    package var messageByteCountMax = 1 << 20

    package init() {}
}
