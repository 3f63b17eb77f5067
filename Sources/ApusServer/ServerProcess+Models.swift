import Engine
import Logging
import Models
import Synchronization
import Telemetry
import Tenancy
import Vocabulary

extension ServerProcess {
    /// Loads the models of the configured repositories.
    ///
    /// - Parameters:
    ///   - configuration: names the repositories.
    ///   - engine: gets the models.
    ///   - tenants: have floors of memory.
    ///   - reporter: tells how far loading has come.
    ///   - logger: gets what is wrong where the server starts all the same.
    /// - Returns: what keeps serving them.
    /// - Throws: `StartError` listing everything that is wrong with any of them; where the repository is live, what is
    ///   wrong may still be put right, and only a repository that nothing can be made of stops the start.
    static func load(
        _ configuration: ServerConfiguration, into engine: Engine, tenants: TenantGate, reporter: ModelReporter,
        logger: Logger
    ) async throws -> LiveRepository {
        // A server that has shards and no repository has no models of its own.
        let servesExamples = configuration.repositories.isEmpty && configuration.shards == nil
        let paths = servesExamples ? [ExampleModels.repositoryPath] : configuration.repositories
        let wanted = configuration.models.map { Set($0.compactMap(ModelName.init)) }
        let repository = LiveRepository(
            paths: paths, wanted: wanted, control: configuration.repositoryControl, engine: engine,
            observe: { reporter.record($0) },
            governor: { [byteCountMax = configuration.modelByteCountMax] in
                byteCountMax.map { MemoryGovernor(byteCountMax: $0, floors: tenants.residentByteCounts) }
            })
        var problems = await repository.start()
        if configuration.repositoryControl != .none {
            for problem in problems { logger.error("model repository", metadata: ["detail": "\(problem)"]) }
            return repository
        }
        let found = Set(engine.models.map(\.name.name))
        for name in configuration.models ?? [] where !found.contains(name) && problems.isEmpty {
            problems.append("models: no repository has a model \"\(name)\"")
        }
        if found.isEmpty && problems.isEmpty && configuration.shards == nil {
            problems.append("there is no model in \(paths.joined(separator: ", "))")
        }
        guard problems.isEmpty else { throw StartError(problems) }
        return repository
    }

    /// Looks at the repositories until the task is cancelled.
    func watchRepository(intervalNanoseconds: UInt64) async {
        while !Task.isCancelled {
            try? await Task.sleep(nanoseconds: intervalNanoseconds)
            guard !Task.isCancelled else { return }
            await repository.poll()
        }
    }
}

/// Tells what happens to models, in the log, on a terminal and as metrics.
///
/// - Isolation: any thread.
final class ModelReporter: Sendable {
    private let watch: Mutex<LoadWatch>
    private let loads: MetricFamily<Counter>
    private let rests: MetricFamily<Counter>
    private let logger: Logger

    init(
        metrics: MetricsRegistry, terminal: (@Sendable (String) -> Void)?, clock: any MonotonicClock, logger: Logger
    ) {
        watch = Mutex(LoadWatch(terminal: terminal, clock: clock, logger: logger))
        loads = metrics.counters(
            "apus_model_loads_total", help: "Versions of models that were loaded, or failed to.",
            labels: ["model", "result"])
        rests = metrics.counters(
            "apus_model_rests_total", help: "Versions of models that went out of memory to make room for others.",
            labels: ["model"])
        self.logger = logger
    }

    func record(_ event: RepositoryEvent) {
        switch event {
        case .begins(let name, _): watch.withLock { $0.record(.begins(name)) }
        case .progresses(let name, let progress): watch.withLock { $0.record(.progresses(name, progress)) }
        case .loaded(let name, let version, let repository, let weightByteCount):
            let report = watch.withLock { watch in
                watch.record(.ends(name, weightByteCount: weightByteCount))
                return watch.reports[name]
            }
            loads.series(name.name, "ok").increment()
            var metadata: Logger.Metadata = [
                "model": "\(name)", "version": "\(version)", "repository": "\(repository)",
            ]
            metadata.merge(report?.metadata ?? [:]) { first, _ in first }
            logger.info("model loaded", metadata: metadata)
        case .failed(let name, let version, let reason, let isServed):
            watch.withLock { $0.record(.fails(name)) }
            loads.series(name.name, "failed").increment()
            logger.error(
                isServed ? "model not loaded: what was served before still is" : "model not loaded",
                metadata: ["model": "\(name)", "version": "\(version)", "detail": "\(reason)"])
        case .rested(let name, let version, let byteCount, let other):
            rests.series(name.name).increment()
            logger.info(
                "model rests: another one needs its memory",
                metadata: ["model": "\(name)", "version": "\(version)", "bytes": "\(byteCount)", "for": "\(other)"])
        case .unloaded(let name, let version):
            logger.info("model unloaded", metadata: ["model": "\(name)", "version": "\(version)"])
        case .problem(let problem): logger.error("model repository", metadata: ["detail": "\(problem)"])
        }
    }
}
