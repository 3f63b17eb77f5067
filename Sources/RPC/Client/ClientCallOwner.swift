package import Compression
package import HTTP2

/// The connection, as the calls on it see it.
///
/// - Isolation: its loop.
package protocol ClientCallOwner: AnyObject {
    var session: HTTP2Session { get }
    /// Compresses, for all connections of the loop.
    var codec: Codec { get }
    /// Decompresses, for all connections of the loop; may outlive the connection.
    var unfolder: Unfolder { get }
    var requestLists: RequestLists { get }

    /// There is something for `session.drainOutput`; it is written at the end of the turn.
    func outputIsReady()
}

/// Who made a call without a task that waits for it.
///
/// - Isolation: the call's loop.
package protocol ClientCallObserver: AnyObject {
    /// The call has its status (`error`, nil for OK); what came before it can be taken.
    func callDidEnd(_ call: ClientCall)
}

/// Who finds a connection for a call.
///
/// - Isolation: the call's loop.
package protocol ClientCallQueue: AnyObject {
    /// What calls that are tried again share; nil when none is.
    var retrying: CallRetrying? { get }

    /// The call ended while it waited for a connection, or for its next attempt.
    func callLeftQueue(_ call: ClientCall)
    /// The call waits for a connection again after so long: the server has not handled it and says so, or it has
    /// failed and is tried once more.
    func enqueueAgain(_ call: ClientCall, afterNanoseconds delay: UInt64)
}
