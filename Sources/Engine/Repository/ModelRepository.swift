import Configuration
package import Vocabulary

/// A folder of models: `NAME/model.yaml` and `NAME/VERSION/…`, versions being positive integers.
///
/// Every name's highest version is served. Entries whose name starts with a dot are left alone.
package struct ModelRepository: Sendable {
    /// As it was given to us, without a slash at its end.
    package let path: String

    package init(path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// What came of reading a repository: the models that can be served, and what is wrong with the others.
    package struct Contents: Sendable {
        package var models: [(name: ModelName, model: EngineModel)] = []
        /// One line for each model that cannot be served, with its file.
        package var problems: [String] = []
    }

    /// One model as it lies in the repository.
    struct Entry {
        let name: ModelName
        let version: ModelVersion
        /// The folder `NAME`.
        let folder: String
        /// The folder `NAME/VERSION`.
        var versionFolder: String { "\(folder)/\(version)" }
    }

    /// Loads models; one that is broken does not keep the others from being loaded.
    ///
    /// - Parameters:
    ///   - wanted: the names to load; nil for all.
    ///   - observe: is told what happens, on the calling thread.
    /// - Returns: the models that can be served, and why the others cannot.
    package func load(
        _ wanted: Set<ModelName>? = nil, observing observe: (ModelLoadEvent) -> Void = { _ in }
    ) -> Contents {
        var contents = Contents()
        let folders: [String]
        do {
            folders = try folderNames()
        } catch {
            contents.problems.append("\(error)")
            return contents
        }
        for folder in folders {
            guard let name = ModelName(folder) else {
                contents.problems.append("\(path)/\(folder): is no name for a model")
                continue
            }
            if let wanted, !wanted.contains(name) { continue }
            observe(.begins(name))
            do {
                let model = try ModelLoader.load(entry(name)) { observe(.progresses(name, $0)) }
                observe(.ends(name, weightByteCount: model.weightByteCount))
                contents.models.append((name, model))
            } catch {
                observe(.fails(name))
                contents.problems.append("\(error)")
            }
        }
        return contents
    }

    private func entry(_ name: ModelName) throws(ConfigurationError) -> Entry {
        let folder = "\(path)/\(name)"
        let versions = try list(folder).compactMap { ModelVersion($0) }
        guard let version = versions.max() else {
            throw ConfigurationError(file: folder, problem: "has no version: a folder named by a positive integer")
        }
        return Entry(name: name, version: version, folder: folder)
    }

    private func folderNames() throws(ConfigurationError) -> [String] {
        try list(path).filter { PathKind(of: "\(path)/\($0)") == .folder }
    }

    private func list(_ folder: String) throws(ConfigurationError) -> [String] {
        guard case .names(let names) = FolderContents(of: folder) else {
            throw ConfigurationError(file: folder, problem: Self.notAFolder)
        }
        return names
    }

    /// What is said of a repository that is not there.
    static let notAFolder = "cannot be read as a folder of models"
}
