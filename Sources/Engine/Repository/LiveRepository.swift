import Routing
package import Vocabulary

/// Keeps an engine serving what lies in the repositories of a server, and answers who asks to load and unload.
///
/// `RepositoryTable` decides; this looks, loads and unloads. Models are read on a thread of their own, so that neither
/// an event loop nor the engine waits for a disk; the engine is asked to serve them when they are ready.
///
/// One change after the other: who comes while one goes on waits for its end. What there is can be asked at any time.
package actor LiveRepository: ModelWaker {
    /// Who decides what is served.
    package enum Control: String, Sendable, CaseIterable {
        /// What lies there at the start.
        case none
        /// Whatever lies there, looked at again and again.
        case poll
        /// Callers, by loading and unloading.
        case explicit
    }

    package nonisolated let control: Control
    let repositories: [ModelRepository]
    /// The models that count; nil for all.
    let wanted: Set<ModelName>?
    let engine: Engine
    /// What memory there is for models, by the present settings; nil when nobody counts it.
    let governor: @Sendable () -> MemoryGovernor?
    let observe: @Sendable (RepositoryEvent) -> Void
    var table: RepositoryTable
    /// The change that goes on, or was the last.
    private var turn: Task<Void, Never>?
    /// What was wrong with the repositories at the last look, so that it is told once.
    private var problems: Set<String> = []

    /// - Parameters:
    ///   - paths: the folders.
    ///   - wanted: the models that count, nil for all; where callers decide, those to begin with, nil for none.
    ///   - control: who decides what is served.
    ///   - engine: serves.
    ///   - observe: is told what happens, on any thread.
    ///   - governor: what memory there is for models, by the present settings; nil when nobody counts it.
    package init(
        paths: [String], wanted: Set<ModelName>? = nil, control: Control, engine: Engine,
        observe: @escaping @Sendable (RepositoryEvent) -> Void = { _ in },
        governor: @escaping @Sendable () -> MemoryGovernor? = { nil }
    ) {
        repositories = paths.map { ModelRepository(path: $0) }
        self.wanted = wanted
        self.control = control
        self.engine = engine
        self.governor = governor
        self.observe = observe
        table = RepositoryTable(wantsNewModels: control != .explicit)
    }

    /// Serves what is to be served from the start.
    ///
    /// - Returns: one line for each thing that is wrong; what is right is served anyway.
    package func start() async -> [String] {
        engine.setWaker(self)
        return await inTurn { repository in
            let look = await repository.look()
            repository.table.look(look.folders, keeping: look.unreadable, isSettled: true)
            var problems = look.problems
            if repository.control == .explicit {
                for name in repository.wanted ?? [] where !repository.table.want(name) {
                    problems.append("models: no repository has a model \"\(name)\"")
                }
            }
            problems += await repository.catchUp(on: .change)
            repository.problems = Set(look.problems)
            return problems
        }
    }

    /// Looks whether something has changed, and serves that.
    package func poll() async {
        await inTurn { repository in
            let look = await repository.look()
            for problem in look.problems where !repository.problems.contains(problem) {
                repository.observe(.problem(problem))
            }
            repository.problems = Set(look.problems)
            repository.table.look(look.folders, keeping: look.unreadable, isSettled: false)
            repository.retryWhereMemoryIs()
            _ = await repository.catchUp(on: .change)
        }
    }

    /// Every version of every model there is.
    package var entries: [RepositoryTable.Entry] { table.entries }

    /// Serves a model as it lies there now.
    ///
    /// - Parameters:
    ///   - name: the model.
    ///   - reader: who is told what is wrong with it.
    /// - Throws: FAILED_PRECONDITION when callers do not decide, or when it cannot be loaded; RESOURCE_EXHAUSTED when
    ///   there is no memory for it; UNAVAILABLE when its folder cannot be read now; NOT_FOUND. What was served before
    ///   still is.
    package func load(
        _ name: ModelName, tellingTo reader: RepositoryTable.Reader = .caller
    ) async throws(ServingError) {
        try requireExplicitControl()
        let result: Result<Void, ServingError> = await inTurn { repository in
            switch await repository.look(name) {
            case .found(let folder): repository.table.look(name, folder)
            case .gone: repository.table.look(name, nil)
            case .unreadable(let problem): return .failure(.unreadable(name, problem, for: reader))
            }
            guard repository.table.want(name) else {
                return .failure(
                    ServingError(
                        .notFound, "failed to load '\(name)', failed to poll from model repository",
                        label: "unknown_model"))
            }
            _ = await repository.catchUp(name, on: .request)
            guard let failure = repository.table.failure(of: name) else { return .success(()) }
            return .failure(failure.servingError(name, for: reader))
        }
        try result.get()
    }

    /// Serves a model no more; returns when it is gone.
    ///
    /// - Throws: FAILED_PRECONDITION when callers do not decide; NOT_FOUND.
    package func unload(_ name: ModelName) async throws(ServingError) {
        try requireExplicitControl()
        let isKnown = await inTurn { repository in
            guard repository.table.dismiss(name) else { return false }
            _ = await repository.catchUp(name, on: .request)
            return true
        }
        guard isKnown else {
            throw ServingError(
                .notFound, "failed to unload '\(name)', it is in no model repository", label: "unknown_model")
        }
    }

    private func requireExplicitControl() throws(ServingError) {
        guard control != .explicit else { return }
        let reason =
            control == .poll
            ? " if polling is enabled" : ": 'repository: {control: explicit}' in the server's configuration allows it"
        throw ServingError(
            .failedPrecondition, "explicit model load / unload is not allowed\(reason)", label: "not_explicit")
    }

    /// Lets the changes before come to their end first.
    func inTurn<Outcome: Sendable>(
        _ work: @escaping @Sendable (isolated LiveRepository) async -> Outcome
    ) async -> Outcome {
        let before = turn
        let task = Task {
            await before?.value
            return await work(self)
        }
        turn = Task { _ = await task.value }
        return await task.value
    }
}
