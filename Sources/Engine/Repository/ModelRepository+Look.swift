import Configuration
import FoundationEssentials
import Models
import Vocabulary

extension ModelRepository {
    /// What a look at a repository has found.
    struct Look {
        var folders: [ModelName: ModelFolder] = [:]
        /// One line for each folder that cannot be a model's.
        var problems: [String] = []
    }

    /// Looks at every model of a repository, without reading any.
    func look() -> Look {
        var look = Look()
        do {
            for folder in try folderNames() {
                guard let name = ModelName(folder) else {
                    look.problems.append("\(path)/\(folder): is no name for a model")
                    continue
                }
                look.folders[name] = self.look(name)
            }
        } catch {
            look.problems.append("\(error)")
        }
        return look
    }

    /// Looks at one model; nil when it is not there.
    func look(_ name: ModelName) -> ModelFolder? {
        let folder = "\(path)/\(name)"
        // A model that goes away during a look, or cannot be read, is not there.
        guard let names = try? list(folder) else { return nil }
        let policy: ModelFolder.Policy
        do {
            policy = .known(try ModelSettings(folder: folder).versionPolicy)
        } catch {
            policy = .broken("\(error)")
        }
        let versions = names.compactMap { ModelVersion($0) }.map {
            ($0, FileFingerprint(filesIn: "\(folder)/\($0)", descends: true))
        }
        return ModelFolder(
            name: name, repository: path, path: folder, policy: policy,
            stamp: FileFingerprint(filesIn: folder, descends: false),
            versions: Dictionary(uniqueKeysWithValues: versions))
    }
}

extension ModelFolder {
    /// Reads one version.
    ///
    /// - Throws: as `ModelLoader.load`; `ConfigurationError` when it is not there.
    func load(_ version: ModelVersion, progress: (LoadProgress) -> Void) throws -> EngineModel {
        let entry = ModelRepository.Entry(name: name, version: version, folder: path)
        guard FileManager.default.fileExists(atPath: entry.versionFolder) else {
            throw ConfigurationError(file: entry.versionFolder, problem: "no such folder")
        }
        return try ModelLoader.load(entry, progress: progress)
    }
}
