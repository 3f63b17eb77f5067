package import Routing
import Vocabulary

/// Decides which calls are answered by another server.
package struct Forwarder: Sendable {
    let directory: ShardDirectory
    private let isServedHere: @Sendable (ModelSelector) -> Bool
    /// The longest message that a shard may answer with.
    let responseByteCountMax: Int

    /// - Parameters:
    ///   - directory: the other servers.
    ///   - responseByteCountMax: the longest message that one may answer with.
    ///   - isServedHere: whether this server's own engine has a model; it goes first.
    package init(
        directory: ShardDirectory, responseByteCountMax: Int,
        isServedHere: @escaping @Sendable (ModelSelector) -> Bool
    ) {
        self.directory = directory
        self.responseByteCountMax = responseByteCountMax
        self.isServedHere = isServedHere
    }

    /// The model that a request names, when it is another server's; nil for a request to be answered here, be it with
    /// NOT_FOUND.
    func target(of request: Bytes) -> ModelSelector? {
        guard let selector = ModelSelector(peekingAt: request), isElsewhere(selector) else { return nil }
        return selector
    }

    /// Whether a model is another server's.
    func isElsewhere(_ selector: ModelSelector) -> Bool { !isServedHere(selector) && directory.knows(selector) }
}
