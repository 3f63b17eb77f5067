package import Vocabulary

/// What an upper layer keeps with a call, see `ServerContext.callNote`.
///
/// - Isolation: the call's loop.
package protocol CallNote: AnyObject, Sendable {
    /// The call ends while its handler goes on, by its deadline or because the server stops: the last time to set its
    /// trailers, which are sent with `error`.
    func callEnds(with error: ServingError)
}
