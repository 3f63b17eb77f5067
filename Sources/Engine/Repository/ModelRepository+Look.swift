import Configuration
import Models
import Vocabulary

extension ModelRepository {
    /// What a look at a repository has found.
    struct Look: Sendable {
        var folders: [ModelName: ModelFolder] = [:]
        /// Those that may be there and could not be read: what was known of them counts.
        var unreadable: Set<ModelName> = []
        /// Whether nothing could be read, so that this is so of every model.
        var isUnreadable = false
        /// One line for each folder that cannot be a model's, or cannot be read.
        var problems: [String] = []
    }

    /// What a look at one model has found.
    enum ModelLook: Equatable, Sendable {
        case found(ModelFolder)
        /// It is not there.
        case gone
        /// It may be there; why that cannot be told.
        case unreadable(String)
    }

    /// Looks at every model of a repository, without reading any.
    func look() -> Look {
        var look = Look()
        switch FolderContents(of: path) {
        case .names(let names): for name in names { self.look(name, &look) }
        case .gone: look.problems.append("\(ConfigurationError(file: path, problem: Self.notAFolder))")
        case .unreadable(let problem):
            look.isUnreadable = true
            look.problems.append("\(UnreadableFolder(path: path, problem: problem))")
        }
        return look
    }

    private func look(_ folder: String, _ look: inout Look) {
        let name = ModelName(folder)
        switch PathKind(of: "\(path)/\(folder)") {
        case .file, .gone: return
        case .folder:
            guard let name else {
                look.problems.append("\(path)/\(folder): is no name for a model")
                return
            }
            switch self.look(name) {
            case .found(let found): look.folders[name] = found
            // A model that goes away during a look is not there.
            case .gone: break
            case .unreadable(let problem):
                look.unreadable.insert(name)
                look.problems.append(problem)
            }
        case .unreadable(let problem):
            if let name { look.unreadable.insert(name) }
            look.problems.append("\(UnreadableFolder(path: "\(path)/\(folder)", problem: problem))")
        }
    }

    /// Looks at one model.
    func look(_ name: ModelName) -> ModelLook {
        let folder = "\(path)/\(name)"
        let names: [String]
        switch FolderContents(of: folder) {
        case .names(let found): names = found
        case .gone: return .gone
        case .unreadable(let problem): return .unreadable("\(UnreadableFolder(path: folder, problem: problem))")
        }
        let policy: ModelFolder.Policy
        do {
            policy = .known(try ModelSettings(folder: folder).versionPolicy)
        } catch {
            policy = .broken("\(error)")
        }
        do throws(UnreadableFolder) {
            var versions: [ModelVersion: FileFingerprint] = [:]
            for version in names.compactMap({ ModelVersion($0) }) {
                versions[version] = try FileFingerprint(filesIn: "\(folder)/\(version)", descends: true)
            }
            return .found(
                ModelFolder(
                    name: name, repository: path, path: folder, policy: policy,
                    stamp: try FileFingerprint(filesIn: folder, descends: false), versions: versions))
        } catch {
            return .unreadable("\(error)")
        }
    }
}

extension ModelFolder {
    /// Reads one version.
    ///
    /// - Throws: as `ModelLoader.load`; `ConfigurationError` when it is not there.
    func load(_ version: ModelVersion, progress: (LoadProgress) -> Void) throws -> EngineModel {
        let entry = ModelRepository.Entry(name: name, version: version, folder: path)
        guard PathKind(of: entry.versionFolder) == .folder else {
            throw ConfigurationError(file: entry.versionFolder, problem: "no such folder")
        }
        return try ModelLoader.load(entry, progress: progress)
    }
}
