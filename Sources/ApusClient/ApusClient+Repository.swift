import Messages

extension ApusClient {
    /// Has the server read a model of its repositories and serve it; returns when it is served.
    ///
    /// For administrators, of a server whose repositories are theirs to control.
    ///
    /// - Throws: NOT_FOUND for a model that no repository has; FAILED_PRECONDITION for one that cannot be served, and
    ///   why, and where the server decides by itself what it serves; RESOURCE_EXHAUSTED when there is no memory for it;
    ///   PERMISSION_DENIED.
    public func loadModel(_ model: String, timeout: Duration? = nil) async throws(ApusError) {
        _ = try await call(
            GRPCInferenceServiceMethods.repositoryModelLoad, RepositoryModelLoadRequest(modelName: model),
            timeout: timeout)
    }

    /// Has the server serve a model no longer; it answers the calls that it has.
    ///
    /// - Throws: as `loadModel`.
    public func unloadModel(_ model: String, timeout: Duration? = nil) async throws(ApusError) {
        _ = try await call(
            GRPCInferenceServiceMethods.repositoryModelUnload, RepositoryModelUnloadRequest(modelName: model),
            timeout: timeout)
    }
}
