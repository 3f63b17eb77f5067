package import Routing
import Vocabulary

/// Decides which calls are answered by another server.
package struct Forwarder: Sendable {
    let directory: ShardDirectory
    private let isServedHere: @Sendable (ModelSelector) -> Bool
    /// The longest message that a shard may answer with.
    let responseByteCountMax: Int
    /// How much of a prompt decides which server is preferred; 0 for no preferences.
    private let affinityByteCount: Int

    /// Shorter prompts leave nothing behind: pages of the cache are full from some sixteen tokens on.
    private static let promptByteCountMin = 16

    /// - Parameters:
    ///   - directory: the other servers.
    ///   - responseByteCountMax: the longest message that one may answer with.
    ///   - affinityByteCount: how much of a prompt decides which server is preferred; 0 for no preferences.
    ///   - isServedHere: whether this server's own engine has a model; it goes first.
    package init(
        directory: ShardDirectory, responseByteCountMax: Int, affinityByteCount: Int = 0,
        isServedHere: @escaping @Sendable (ModelSelector) -> Bool
    ) {
        self.directory = directory
        self.responseByteCountMax = responseByteCountMax
        self.affinityByteCount = affinityByteCount
        self.isServedHere = isServedHere
    }

    /// What is known of a model that is another server's, or may well be; nil for one whose requests are answered here,
    /// be it with NOT_FOUND.
    func knowledge(of selector: ModelSelector) -> ReplicaTable.Knowledge? {
        isServedHere(selector) ? nil : directory.knowledge(of: selector)
    }

    /// Refuses what changes one server where several serve the model: the next request may well go to another.
    ///
    /// - Throws: FAILED_PRECONDITION; UNAVAILABLE while shards may serve it that have not said so yet.
    func requireOnlyServer(of selector: ModelSelector) throws(ServingError) {
        let count = directory.replicaCount(of: selector)
        guard count <= 1 else {
            throw ServingError(
                .failedPrecondition,
                "\(count) shards serve model \(selector), and this call would change only one of them: it is for "
                    + "models that one shard serves",
                label: "several_replicas")
        }
        guard !directory.awaitsReports else {
            throw ServingError(
                .unavailable, "not every shard has said yet whether it serves model \(selector)", label: "no_replica",
                retryAdvice: .after(nanoseconds: CircuitBreaker.openNanosecondsMin))
        }
    }

    /// What the call has in common with others that had better go to the same server; nil for nothing.
    ///
    /// - Complexity: O(fields + affinityByteCount).
    func affinity(
        of request: Bytes, _ selector: ModelSelector, _ type: any ModelRequest.Type, tenant: TenantID?
    ) -> AffinityKey? {
        guard affinityByteCount > 0 else { return nil }
        return request.withUnsafeBytes { bytes in
            guard let peek = type.prompt(peekingAt: bytes), peek.prompt.count >= Self.promptByteCountMin else {
                return nil
            }
            let beginning = bytes[peek.prompt.prefix(affinityByteCount)]
            return AffinityKey(
                tenant: tenant, selector: selector, salt: peek.salt, prefix: UnsafeRawBufferPointer(rebasing: beginning)
            )
        }
    }
}
