import Engine
import Logging
import Vocabulary

extension ServerProcess {
    /// Loads every model of the configured repositories.
    ///
    /// - Parameters:
    ///   - configuration: names the repositories.
    ///   - engine: gets the models.
    ///   - terminal: replaces the line of a terminal; nil where the log tells how far loading has come.
    ///   - clock: measures.
    ///   - logger: gets a line for each model.
    /// - Throws: `StartError` listing everything that is wrong with any of them.
    static func load(
        _ configuration: ServerConfiguration, into engine: Engine, terminal: ((String) -> Void)?,
        clock: any MonotonicClock, logger: Logger
    ) async throws {
        // A server that has shards and no repository has no models of its own.
        guard configuration.shards == nil || !configuration.repositories.isEmpty else { return }
        let paths =
            configuration.repositories.isEmpty ? [ExampleModels.repositoryPath] : configuration.repositories
        let wanted = configuration.models.map { Set($0.compactMap(ModelName.init)) }
        var problems: [String] = []
        var found: Set<ModelName> = []
        for path in paths {
            var watch = LoadWatch(terminal: terminal, clock: clock, logger: logger)
            let contents = ModelRepository(path: path).load(wanted) { watch.record($0) }
            problems += contents.problems
            for (name, model) in contents.models {
                guard found.insert(name).inserted else {
                    problems.append("\(path)/\(name): another repository has a model of this name")
                    continue
                }
                do {
                    try await engine.load(model)
                    var metadata: Logger.Metadata = ["model": "\(name)", "repository": "\(path)"]
                    metadata.merge(watch.reports[name]?.metadata ?? [:]) { first, _ in first }
                    logger.info("model loaded", metadata: metadata)
                } catch {
                    problems.append("\(path)/\(name): \(error.message)")
                }
            }
        }
        for name in configuration.models ?? [] where !found.contains(where: { $0.name == name }) && problems.isEmpty {
            problems.append("models: no repository has a model \"\(name)\"")
        }
        if found.isEmpty && problems.isEmpty {
            problems.append("there is no model in \(paths.joined(separator: ", "))")
        }
        guard problems.isEmpty else { throw StartError(problems) }
    }
}
