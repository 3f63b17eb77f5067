import Synchronization

/// The context that new connections begin with; it can be replaced while they come and go.
///
/// Connections keep the context they began with, so a replacement drops none. A server asks once for each connection it
/// accepts, a channel once for each attempt to connect: after `replace`, whatever begins shows the new certificate.
///
/// - Isolation: any thread.
package final class TLSContextSource: Sendable {
    private let state: Mutex<TLSContext>

    package init(_ context: TLSContext) { state = Mutex(context) }

    /// The newest context.
    package var current: TLSContext { state.withLock { $0 } }

    /// Makes `context` the newest.
    ///
    /// - Precondition: it has the role of the one it replaces.
    package func replace(with context: TLSContext) {
        state.withLock { current in
            precondition(current.role == context.role, "a \(context.role)'s context for a \(current.role)'s")
            current = context
        }
    }
}
