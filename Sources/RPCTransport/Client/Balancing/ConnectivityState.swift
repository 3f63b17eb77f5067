/// How a channel, or one address of it, is connected.
///
/// - Source: grpc/grpc `doc/connectivity-semantics-and-api.md`.
package enum ConnectivityState: Equatable, Sendable {
    /// Not connected, and nobody has asked for a connection.
    case idle
    /// An attempt is under way.
    case connecting
    /// Calls can be made.
    case ready
    /// The last attempt failed; another follows after a delay.
    case transientFailure
    /// Closed for good.
    case shutDown
}
