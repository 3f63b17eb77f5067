import Synchronization
import Vocabulary

/// The context that new connections begin with; it can be replaced while they come and go.
///
/// Connections keep the context they began with, so a replacement drops none. A server asks once for each connection it
/// accepts, a channel once for each attempt to connect: after `replace`, whatever begins shows the new certificate.
///
/// - Isolation: any thread.
package final class TLSContextSource: Sendable {
    private struct State {
        var context: TLSContext
        /// What the files looked like when they were last read, whether they could be used or not.
        var fingerprint: FileFingerprint?
    }

    private let state: Mutex<State>
    /// A client's files, looked at whenever somebody asks.
    private let files: ClientCredentialFiles?

    package init(_ context: TLSContext) {
        state = Mutex(State(context: context))
        files = nil
    }

    /// A client's context that follows its files: each attempt to connect looks whether they have changed.
    ///
    /// Files that cannot be used, such as a new certificate beside the old key, leave what there was; the next change
    /// of theirs is another chance. A look is three calls of stat(2), and an attempt to connect costs far more.
    ///
    /// - Throws: `TLSError.unusableFile` naming the file, `.configuration`.
    package init(following files: ClientCredentialFiles) throws(TLSError) {
        let fingerprint = files.fingerprint
        let context = try TLSContext(client: files.read())
        state = Mutex(State(context: context, fingerprint: fingerprint))
        self.files = files
    }

    /// The newest context.
    package var current: TLSContext {
        if let files { follow(files) }
        return state.withLock { $0.context }
    }

    /// Makes `context` the newest.
    ///
    /// - Precondition: it has the role of the one it replaces.
    package func replace(with context: TLSContext) {
        state.withLock { state in
            precondition(
                state.context.role == context.role, "a \(context.role)'s context for a \(state.context.role)'s")
            state.context = context
        }
    }

    /// Reads without the lock: two callers at once may both read, and both find the same.
    private func follow(_ files: ClientCredentialFiles) {
        let fingerprint = files.fingerprint
        guard state.withLock({ $0.fingerprint != fingerprint }) else { return }
        let context = try? TLSContext(client: files.read())
        state.withLock { state in
            state.fingerprint = fingerprint
            if let context { state.context = context }
        }
    }
}
