package import Compression
package import HTTP2

/// The connection, as the calls on it see it.
///
/// - Isolation: its loop.
package protocol ClientCallOwner: AnyObject {
    var session: HTTP2Session { get }
    /// Compresses and decompresses, for all connections of the loop.
    var codec: Codec { get }
    var requestHeaders: RequestHeaders { get }

    /// There is something for `session.drainOutput`; it is written at the end of the turn.
    func outputIsReady()
}

/// Who finds a connection for a call.
///
/// - Isolation: the call's loop.
package protocol ClientCallQueue: AnyObject {
    /// The call ended while it waited for a connection.
    func callLeftQueue(_ call: ClientCall)
    /// The server has not handled the call, and says so: it waits for a connection again.
    func enqueueAgain(_ call: ClientCall)
}
