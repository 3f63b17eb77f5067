package import Vocabulary

/// What lies in the repositories of a server, what of it is to be served, and how far that has come: decisions only,
/// in a value.
///
/// ```
/// look ──▶ what lies there ──▶ next() ──▶ load or unload ──▶ didLoad, didFail, didUnload ──▶ next() …
/// ```
///
/// A version that is to be served is loaded before one goes that is not any more; so a new version that is broken
/// leaves the old one serving. What failed is tried again when its files change, or when somebody asks for it.
package struct RepositoryTable {
    /// What is to be done next.
    package enum Action: Equatable, Sendable {
        case load(ModelFolder, ModelVersion)
        case unload(ModelName, ModelVersion)
    }

    /// How far a version has come, in the words of Triton's clients.
    package enum State: String, Sendable {
        case ready = "READY"
        case loading = "LOADING"
        case unloading = "UNLOADING"
        case unavailable = "UNAVAILABLE"
    }

    /// One version of a model, for who asks what there is.
    package struct Entry: Equatable, Sendable {
        package let name: ModelName
        /// Nil for a model of which no version can be made out.
        package let version: ModelVersion?
        package let state: State
        /// Why it is not ready, or what is wrong with what should replace it; empty when there is nothing to say.
        package let reason: String
        /// The same with the files of the server, for who looks after it.
        package let detail: String

        package init(name: ModelName, version: ModelVersion?, state: State, reason: String, detail: String? = nil) {
            self.name = name
            self.version = version
            self.state = state
            self.reason = reason
            self.detail = detail ?? reason
        }

        /// What somebody may read of it.
        package func reason(for reader: Reader) -> String { reader == .administrator ? detail : reason }
    }

    /// Who reads what is wrong with a model.
    package enum Reader: Sendable {
        /// Sees where files lie, and what is in them.
        case administrator
        case caller
    }

    private struct Version {
        var isServed = false
        /// What is being done about it.
        var work: State?
        /// What was there when it was loaded, or failed to, last.
        var read: ModelFolder.VersionStamp?
        /// Why the last loading failed; nil when it did not.
        var failure: LoadFailure?
        /// What was there then.
        var failed: ModelFolder.VersionStamp?
    }

    private struct Model {
        var isWanted: Bool
        /// Whether somebody asked for its end.
        var wasDismissed = false
        /// Nil when its folder is gone.
        var folder: ModelFolder?
        var versions: [ModelVersion: Version] = [:]

        var servedVersions: [ModelVersion] { versions.filter(\.value.isServed).map(\.key).sorted() }
    }

    private var models: [ModelName: Model] = [:]
    /// What the last look found that was not there before: it counts when the next look finds the same.
    private var unsettled: [ModelName: ModelFolder?] = [:]
    /// Whether a model is to be served that nobody has asked for.
    private let wantsNewModels: Bool

    /// - Parameter wantsNewModels: whether a model is to be served as soon as it lies there.
    package init(wantsNewModels: Bool) { self.wantsNewModels = wantsNewModels }

    // MARK: What happens

    /// Takes what a look at all repositories has found.
    ///
    /// - Parameters:
    ///   - folders: one for each model.
    ///   - unreadable: those that may be there; what was known of them counts.
    ///   - isSettled: whether it counts at once. Otherwise it counts when two looks in a row find the same, because
    ///     whoever copies a version into a repository writes its files one after the other.
    mutating func look(
        _ folders: [ModelName: ModelFolder], keeping unreadable: Set<ModelName> = [], isSettled: Bool
    ) {
        for name in Set(folders.keys).union(models.keys).subtracting(unreadable) {
            let found = folders[name]
            guard found != models[name]?.folder else {
                unsettled[name] = nil
                continue
            }
            guard isSettled || unsettled[name] == .some(found) else {
                unsettled.updateValue(found, forKey: name)
                continue
            }
            unsettled[name] = nil
            models[name, default: Model(isWanted: wantsNewModels)].folder = found
            forgetIfGone(name)
        }
    }

    /// Takes what a look at one model has found, which counts at once.
    mutating func look(_ name: ModelName, _ folder: ModelFolder?) {
        guard folder != nil || models[name] != nil else { return }
        unsettled[name] = nil
        models[name, default: Model(isWanted: wantsNewModels)].folder = folder
        forgetIfGone(name)
    }

    /// Serves a model from now on; what failed is tried again.
    ///
    /// - Returns: whether it lies in a repository.
    mutating func want(_ name: ModelName) -> Bool {
        guard models[name]?.folder != nil else { return false }
        models[name]?.isWanted = true
        for (version, state) in models[name]?.versions ?? [:] where state.failure != nil {
            models[name]?.versions[version]?.read = nil
        }
        return true
    }

    /// Serves a model no more.
    ///
    /// - Returns: whether there is such a model.
    mutating func dismiss(_ name: ModelName) -> Bool {
        guard models[name] != nil else { return false }
        models[name]?.isWanted = false
        models[name]?.wasDismissed = true
        return true
    }

    /// What is to be done next, about one model or any; it counts as begun.
    mutating func next(_ only: ModelName? = nil) -> Action? {
        for name in models.keys.sorted(by: { $0.name < $1.name }) where only == nil || only == name {
            guard let model = models[name], let action = next(name, model) else { continue }
            switch action {
            case .load(_, let version):
                models[name]?.versions[version, default: Version()].work = .loading
            case .unload(_, let version): models[name]?.versions[version]?.work = .unloading
            }
            return action
        }
        return nil
    }

    /// A version has been loaded.
    mutating func didLoad(_ folder: ModelFolder, _ version: ModelVersion) {
        models[folder.name]?.versions[version] = Version(isServed: true, read: folder.stamp(of: version))
    }

    /// A version could not be loaded; what was served before still is, unless it `isGone`.
    mutating func didFail(_ folder: ModelFolder, _ version: ModelVersion, _ failure: LoadFailure, isGone: Bool) {
        guard var known = models[folder.name]?.versions[version] else { return }
        known.work = nil
        known.failure = failure
        known.read = folder.stamp(of: version)
        known.failed = known.read
        if isGone { known.isServed = false }
        models[folder.name]?.versions[version] = known
    }

    /// Has loaded again those versions for which there was no memory, where there is now.
    ///
    /// - Parameter fits: whether there is, for so many bytes.
    mutating func retry(where fits: (ModelName, ModelVersion, _ byteCount: Int) -> Bool) {
        for (name, model) in models where model.isWanted {
            for (version, known) in model.versions {
                guard let shortage = known.failure?.shortage, fits(name, version, shortage.byteCount) else { continue }
                models[name]?.versions[version]?.read = nil
            }
        }
    }

    /// A version is gone.
    mutating func didUnload(_ name: ModelName, _ version: ModelVersion) {
        models[name]?.versions[version] = nil
        forgetIfGone(name)
    }

    // MARK: What holds

    /// Every version of every model that lies there or is served, by name and then by version.
    package var entries: [Entry] {
        models.sorted { $0.key.name < $1.key.name }.flatMap { entries(of: $0.key, $0.value) }
    }

    /// For how many bytes there was no memory when these same files were to be loaded last; nil when there was.
    func refusedByteCount(_ folder: ModelFolder, _ version: ModelVersion) -> Int? {
        guard let known = models[folder.name]?.versions[version], let shortage = known.failure?.shortage,
            known.failed == folder.stamp(of: version)
        else { return nil }
        return shortage.byteCount
    }

    /// In which repository each model lies.
    var repositories: [ModelName: String] { models.compactMapValues { $0.folder?.repository } }

    /// Why a model is not served as it lies there; nil when it is.
    func failure(of name: ModelName) -> LoadFailure? {
        guard let model = models[name], let folder = model.folder else { return nil }
        if let problem = folder.problem { return LoadFailure(detail: problem) }
        guard case .known(let policy) = folder.policy else { return nil }
        return policy.served(of: Array(folder.versions.keys)).lazy.compactMap { model.versions[$0]?.failure }.first
    }

    /// Where a version lies that is served as it lies there; nil for any other.
    func folder(ofServed name: ModelName, _ version: ModelVersion) -> ModelFolder? {
        guard let model = models[name], let folder = model.folder, let known = model.versions[version],
            known.isServed, folder.versions[version] != nil
        else { return nil }
        return folder
    }

    /// Whether a version of the model is served.
    func isServed(_ name: ModelName) -> Bool { models[name]?.servedVersions.isEmpty == false }

    private func next(_ name: ModelName, _ model: Model) -> Action? {
        let served = model.servedVersions
        guard model.isWanted, let folder = model.folder, !folder.versions.isEmpty else {
            return served.first.map { .unload(name, $0) }
        }
        // What a broken model.yaml wants is not known: what is served stays.
        guard case .known(let policy) = folder.policy else { return nil }
        let wanted = policy.served(of: Array(folder.versions.keys))
        for version in wanted where model.versions[version]?.read != folder.stamp(of: version) {
            return .load(folder, version)
        }
        // One that was replaced goes only when what replaces it is there.
        guard wanted.allSatisfy({ model.versions[$0]?.isServed == true }) else { return nil }
        return served.first { !wanted.contains($0) }.map { .unload(name, $0) }
    }

    private func entries(of name: ModelName, _ model: Model) -> [Entry] {
        let problem = model.folder?.problem.map { LoadFailure(detail: $0) }
        let versions = Set(model.versions.keys).union(model.folder?.versions.keys.map(\.self) ?? []).sorted()
        guard !versions.isEmpty else {
            return [entry(name, nil, .unavailable, problem)]
        }
        return versions.map { version in
            let known = model.versions[version] ?? Version()
            let state: State =
                switch known.work {
                case .unloading?: .unloading
                case .loading? where !known.isServed: .loading
                default: known.isServed ? .ready : .unavailable
                }
            if let failure = known.failure ?? problem { return entry(name, version, state, failure) }
            let absence =
                model.isWanted
                ? "not among the versions that are served" : model.wasDismissed ? "unloaded" : "not loaded"
            return Entry(name: name, version: version, state: state, reason: state == .unavailable ? absence : "")
        }
    }

    private func entry(
        _ name: ModelName, _ version: ModelVersion?, _ state: State, _ failure: LoadFailure?
    ) -> Entry {
        Entry(
            name: name, version: version, state: state, reason: failure?.reason(for: .caller) ?? "",
            detail: failure?.reason(for: .administrator))
    }

    /// Forgets versions that are neither there nor served, and the model when there are no others.
    private mutating func forgetIfGone(_ name: ModelName) {
        guard var model = models[name] else { return }
        let folder = model.folder
        model.versions = model.versions.filter { $0.value.isServed || folder?.versions[$0.key] != nil }
        models[name] = folder == nil && model.versions.isEmpty ? nil : model
    }
}
