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
    private let repositories: [ModelRepository]
    /// The models that count; nil for all.
    private let wanted: Set<ModelName>?
    let engine: Engine
    /// What memory there is for models, by the present settings; nil when nobody counts it.
    let governor: @Sendable () -> MemoryGovernor?
    let observe: @Sendable (RepositoryEvent) -> Void
    private(set) var table: RepositoryTable
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
            let look = repository.look()
            repository.table.look(look.folders, isSettled: true)
            var problems = look.problems
            if repository.control == .explicit {
                for name in repository.wanted ?? [] where !repository.table.want(name) {
                    problems.append("models: no repository has a model \"\(name)\"")
                }
            }
            problems += await repository.catchUp()
            repository.problems = Set(look.problems)
            return problems
        }
    }

    /// Looks whether something has changed, and serves that.
    package func poll() async {
        await inTurn { repository in
            let look = repository.look()
            for problem in look.problems where !repository.problems.contains(problem) {
                repository.observe(.problem(problem))
            }
            repository.problems = Set(look.problems)
            repository.table.look(look.folders, isSettled: false)
            _ = await repository.catchUp()
        }
    }

    /// Every version of every model there is.
    package var entries: [RepositoryTable.Entry] { table.entries }

    /// Serves a model as it lies there now.
    ///
    /// - Throws: FAILED_PRECONDITION when callers do not decide, or when it cannot be loaded: what was served before
    ///   still is; NOT_FOUND.
    package func load(_ name: ModelName) async throws(ServingError) {
        try requireExplicitControl()
        let result: Result<Void, ServingError> = await inTurn { repository in
            repository.table.look(name, repository.folder(of: name))
            guard repository.table.want(name) else {
                return .failure(
                    ServingError(
                        .notFound, "failed to load '\(name)', failed to poll from model repository",
                        label: "unknown_model"))
            }
            _ = await repository.catchUp(name)
            guard let failure = repository.table.failure(of: name) else { return .success(()) }
            return .failure(
                ServingError(.failedPrecondition, "failed to load '\(name)', \(failure)", label: "load_failed"))
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
            _ = await repository.catchUp(name)
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

    private func folder(of name: ModelName) -> ModelFolder? {
        for repository in repositories { if let folder = repository.look(name) { return folder } }
        return nil
    }

    private func look() -> ModelRepository.Look {
        var all = ModelRepository.Look()
        for repository in repositories {
            let look = repository.look()
            all.problems += look.problems
            for (name, folder) in look.folders.sorted(by: { $0.key.name < $1.key.name }) {
                guard all.folders[name] == nil else {
                    all.problems.append("\(folder.path): another repository has a model of this name")
                    continue
                }
                // Where callers decide, they may ask for any.
                if let wanted, control != .explicit, !wanted.contains(name) { continue }
                all.folders[name] = folder
                if let problem = folder.problem { all.problems.append(problem) }
            }
        }
        return all
    }

    /// Does what the table says until it says nothing more; gives back what went wrong.
    private func catchUp(_ name: ModelName? = nil) async -> [String] {
        var failures: [String] = []
        while let action = table.next(name) {
            switch action {
            case .load(let folder, let version):
                if let failure = await load(folder, version) { failures.append(failure) }
            case .unload(let name, let version):
                // One that is not there any more is as gone as it should be.
                try? await engine.unload(name: name, version: version)
                table.didUnload(name, version)
                observe(.unloaded(name, version))
            }
        }
        return failures
    }

    func load(_ folder: ModelFolder, _ version: ModelVersion, for tenant: TenantID? = nil) async -> String? {
        observe(.begins(folder.name, version))
        do {
            let known = try? engine.terms(of: ModelSelector(name: folder.name, version: version)).residentByteCount
            try await makeRoom(for: known ?? folder.byteCount(of: version), folder.name, version, tenant)
            let model = try await read(folder, version)
            try await engine.load(model)
            do throws(ServingError) {
                // How much it takes is known only now.
                try await makeRoom(for: 0, folder.name, version, tenant)
            } catch {
                try? await engine.unload(name: folder.name, version: version)
                throw error
            }
            table.didLoad(folder, version)
            observe(
                .loaded(folder.name, version, repository: folder.repository, weightByteCount: model.weightByteCount))
            return nil
        } catch {
            let failure = (error as? ServingError).map { "\(folder.path): \($0.message)" } ?? "\(error)"
            table.didFail(folder, version, failure)
            observe(.failed(folder.name, version, reason: failure, isServed: table.isServed(folder.name)))
            return failure
        }
    }

    private func read(_ folder: ModelFolder, _ version: ModelVersion) async throws -> EngineModel {
        let givesWay = engine.hasModels
        return try await withCheckedThrowingContinuation { continuation in
            startThread(name: "apus-loader", givesWay: givesWay) { [observe] in
                continuation.resume(
                    with: Result { try folder.load(version) { observe(.progresses(folder.name, $0)) } })
            }
        }
    }
}
