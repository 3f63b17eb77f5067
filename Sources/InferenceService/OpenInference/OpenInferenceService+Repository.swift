import Engine
package import Messages
import Models
import Routing
package import Vocabulary

extension OpenInferenceService {
    /// What lies in the repositories, and how far it has come: of the models that the caller may call.
    ///
    /// - Throws: UNIMPLEMENTED for a repository by name.
    /// - Source: Triton's model repository extension.
    package func repositoryIndex(
        _ request: RepositoryIndexRequest, _ call: CallContext
    ) async throws(ServingError) -> RepositoryIndexResponse {
        try Self.requireNoName(request.repositoryName)
        let reader = call.repositoryReader
        let models = await indexed().filter { call.mayCall($0.name) }
        return RepositoryIndexResponse(
            models: models.filter { !request.ready || $0.state == .ready }.map {
                .init(
                    name: $0.name.name, version: $0.version?.description ?? "", state: $0.state.rawValue,
                    reason: $0.reason(for: reader))
            })
    }

    /// Loads a model as it lies in its repository now.
    ///
    /// - Throws: UNIMPLEMENTED for a repository by name; INVALID_ARGUMENT for a configuration or files that are sent
    ///   along; NOT_FOUND; RESOURCE_EXHAUSTED when there is no memory; FAILED_PRECONDITION when it cannot be loaded,
    ///   of which admins are told why, or when callers do not decide.
    package func repositoryModelLoad(
        _ request: RepositoryModelLoadRequest, _ call: CallContext
    ) async throws(ServingError) -> RepositoryModelLoadResponse {
        try Self.requireNoName(request.repositoryName)
        if let parameter = request.parameters.keys.min() {
            throw ServingError(
                .invalidArgument,
                "failed to load '\(request.modelName.shown())', parameter '\(parameter.shown())' is not "
                    + "supported: models are served as their repository has them", label: "load_override")
        }
        try await requiredRepository().load(
            try ModelSelector(name: request.modelName).name, tellingTo: call.repositoryReader)
        return RepositoryModelLoadResponse()
    }

    /// Stops serving a model.
    ///
    /// - Throws: UNIMPLEMENTED for a repository by name; INVALID_ARGUMENT for other parameters than
    ///   `unload_dependents`; NOT_FOUND; FAILED_PRECONDITION when callers do not decide.
    package func repositoryModelUnload(
        _ request: RepositoryModelUnloadRequest
    ) async throws(ServingError) -> RepositoryModelUnloadResponse {
        try Self.requireNoName(request.repositoryName)
        for (name, parameter) in request.parameters {
            // There are no dependents, so both values mean the same.
            guard name == "unload_dependents", case .boolParam? = parameter.parameterChoice else {
                throw ServingError(
                    .invalidArgument,
                    "failed to unload '\(request.modelName.shown())', unexpected parameter '\(name.shown())', "
                        + "expected 'unload_dependents' as bool_param")
            }
        }
        try await requiredRepository().unload(try ModelSelector(name: request.modelName).name)
        return RepositoryModelUnloadResponse()
    }

    /// Models that are in no repository are served all the same, and so are those of other servers.
    private func indexed() async -> [RepositoryTable.Entry] {
        var entries = await repository?.entries ?? []
        func add(_ name: ModelName, _ version: ModelVersion, isReady: Bool) {
            guard !entries.contains(where: { $0.name == name && $0.version == version }) else { return }
            entries.append(
                RepositoryTable.Entry(
                    name: name, version: version, state: isReady ? .ready : .unavailable,
                    reason: isReady ? "" : "no shard that serves it can be reached"))
        }
        for model in engine.models { add(model.name, model.version, isReady: true) }
        for model in directory?.models ?? [] { add(model.name, model.version, isReady: !model.replicas.isEmpty) }
        return entries
    }

    private func requiredRepository() throws(ServingError) -> LiveRepository {
        guard let repository else {
            throw ServingError(
                .failedPrecondition, "explicit model load / unload is not allowed: there is no model repository",
                label: "not_explicit")
        }
        return repository
    }

    private static func requireNoName(_ repository: String) throws(ServingError) {
        guard repository.isEmpty else {
            throw ServingError(
                .unimplemented, "'repository_name' specification is not supported", label: "repository_name")
        }
    }
}

extension CallContext {
    /// Paths of the server are for those who look after it.
    fileprivate var repositoryReader: RepositoryTable.Reader { peer?.principal == .admin ? .administrator : .caller }
}
