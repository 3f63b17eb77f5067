import Vocabulary

/// What a look at all repositories of a server has found, the first of them that has a model being the one that counts.
struct RepositoryLook: Sendable {
    private(set) var folders: [ModelName: ModelFolder] = [:]
    /// Models of which nothing new is known: they may be there, and could not be read.
    private(set) var unreadable: Set<ModelName> = []
    private(set) var problems: [String] = []

    /// Looks, which takes as long as the disk does.
    ///
    /// - Parameters:
    ///   - repositories: in their order.
    ///   - wanted: the models that count; nil for all.
    ///   - known: what was found before: where each model lies.
    init(_ repositories: [ModelRepository], wanted: Set<ModelName>?, known: [ModelName: String]) {
        for repository in repositories {
            let look = repository.look()
            problems += look.problems
            // What cannot be read now is where it was: another repository's model of that name does not replace it.
            let kept = look.isUnreadable ? known.filter { $0.value == repository.path }.map(\.key) : []
            unreadable.formUnion(look.unreadable.union(kept).filter { folders[$0] == nil })
            for (name, folder) in look.folders.sorted(by: { $0.key.name < $1.key.name }) {
                add(folder, as: name, isWanted: wanted?.contains(name) ?? true)
            }
        }
    }

    private mutating func add(_ folder: ModelFolder, as name: ModelName, isWanted: Bool) {
        guard folders[name] == nil, !unreadable.contains(name) else {
            problems.append("\(folder.path): another repository has a model of this name")
            return
        }
        guard isWanted else { return }
        folders[name] = folder
        if let problem = folder.problem { problems.append(problem) }
    }
}
