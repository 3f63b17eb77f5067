package import Models
package import Routing
package import Vocabulary

extension Engine {
    /// Changes features of nodes of the graph that a model holds, as one tenant sees it.
    ///
    /// It is done on the calling thread and does not wait for the queue. The changes go when the model does.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - update: what to change.
    ///   - share: whose change it is: nobody else sees it.
    ///   - tally: says what it costs, once it is done.
    /// - Returns: what the tenant has changed now.
    /// - Throws: NOT_FOUND; as `GraphHolder.update`; INVALID_ARGUMENT for a model that is none of graphs.
    package func updateNodes(
        _ selector: ModelSelector, _ update: NodeUpdate, share: TenantShare, tally: UsageTally? = nil
    ) async throws(ServingError) -> NodeUpdateStatus {
        try await holding(selector, for: share.tenant) { (loaded) throws(ServingError) in
            guard let model = try loaded.batchModel() as? any GraphHolder else {
                throw ServingError(
                    .invalidArgument, "model '\(loaded.description.name)' is no model of graphs",
                    label: "wrong_modality")
            }
            let start = clock.now()
            let status = try model.update(update, for: share.tenant)
            var usage = Usage()
            usage.batchSampleCount = 1
            usage.computeNanoseconds = clock.now().nanoseconds(since: start)
            tally?.begin(by: loaded.description.version) { [usage] in usage }
            return status
        }
    }
}
