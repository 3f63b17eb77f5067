import Compute
import Engine
import EventLoops
import Foundation
import HTTP2
import InferenceService
import Ledger
package import Logging
import Models
import Probes
import RPC
import RPCTransport
import Synchronization
import TLS
package import Telemetry
import Tenancy
package import Vocabulary

/// A running server: everything `apus serve` puts together, in the order in which it must stand and fall.
///
/// ```
/// start:  certificates → models → engine → listener → ready
/// drain:  not ready → no new calls → running calls end → engine → loops
/// ```
///
/// - Isolation: any thread.
package final class ServerProcess: Sendable {
    /// Where clients connect, as `HOST:PORT`, with the port that was chosen for port 0.
    package let address: String
    private let engine: Engine
    private let loops: EventLoopGroup
    let server: RPCServer
    /// Nil for plaintext.
    let certificates: CertificateReloader?
    /// Nil without a configuration file.
    let tenancy: TenancyReloader?
    let closesRevoked: Bool
    /// Where `/metrics` is answered, as `HOST:PORT`; nil where it is not.
    package var probeAddress: String? { probes?.address }
    private let probes: ProbeServer?
    /// What goes on beside the serving until `drain` ends it.
    private let watches = Mutex<[Task<Void, Never>]>([])
    private let services: ServiceSet
    /// Nil where nobody is told that this server is a shard.
    private let registration: ShardRegistration?
    private let clock: any MonotonicClock
    private let drainNanoseconds: UInt64
    let logger: Logger
    let repository: LiveRepository
    private let signalWatch = SignalWatch()

    private init(
        engine: Engine, loops: EventLoopGroup, server: RPCServer, services: ServiceSet, clock: any MonotonicClock,
        certificates: CertificateReloader?, tenancy: TenancyReloader?, probes: ProbeServer?,
        repository: LiveRepository, registration: ShardRegistration?, configuration: ServerConfiguration,
        logger: Logger
    ) {
        self.address = server.address.description
        self.engine = engine
        self.loops = loops
        self.server = server
        self.services = services
        self.clock = clock
        self.certificates = certificates
        self.tenancy = tenancy
        self.probes = probes
        self.repository = repository
        self.registration = registration
        closesRevoked = configuration.closesRevoked
        drainNanoseconds = configuration.drainNanoseconds
        self.logger = logger
    }

    /// Loads the models and listens.
    ///
    /// - Parameters:
    ///   - configuration: everything that may be said.
    ///   - clock: of deadlines and measurements.
    ///   - terminal: replaces the current line of a terminal, which shows the loading of large models; nil where the
    ///     log has to.
    ///   - logger: gets what happens.
    ///   - lines: get a line for each call that has ended.
    ///   - logThreshold: of the logger, for admins to change; nil where they cannot.
    /// - Returns: a server that takes calls.
    /// - Throws: `StartError` saying what is wrong, before anything listens.
    package static func start(
        _ configuration: ServerConfiguration, clock: any MonotonicClock = SystemClock(),
        terminal: (@Sendable (String) -> Void)? = nil, logger: Logger, lines: LogLines,
        logThreshold: LogThreshold? = nil
    ) async throws -> ServerProcess {
        let metrics = MetricsRegistry()
        let certificates = try certificates(for: configuration, metrics: metrics, logger: logger)
        logCompute(configuration, encrypts: certificates != nil, logger: logger)
        setLimits(configuration, logger: logger)
        let ledger = try openLedger(configuration, logger: logger)
        var engineConfiguration = EngineConfiguration(threadCount: configuration.computeThreadCountOrCores)
        engineConfiguration.unloadNanosecondsMax = configuration.drainNanoseconds
        let engine = Engine(configuration: engineConfiguration, clock: clock)
        let reporter = ModelReporter(metrics: metrics, terminal: terminal, clock: clock, logger: logger)
        do {
            let tenants = ServiceSet.tenants(configuration, ledger: ledger, clock: clock, logger: logger)
            let writer = ledger.map { LedgerWriter($0, tenants: tenants, metrics: metrics, logger: logger) }
            await writer?.write()
            let repository = try await load(
                configuration, into: engine, tenants: tenants, reporter: reporter, logger: logger)
            var extensions = ServerExtensions()
            extensions.repository = repository
            extensions.logThreshold = logThreshold
            extensions.sharedMemoryByteCountMax = configuration.sharedMemoryByteCountMax
            let loops = try EventLoopGroup(
                name: "apus-loop", loopCount: configuration.eventLoopCount, clock: clock)
            let tracing = try tracing(configuration, loops, metrics: metrics, clock: clock, logger: logger)
            let services = ServiceSet(
                engine: engine, tenants: tenants, configuration: configuration, extensions: extensions,
                ledger: ledger, tracing: tracing, clock: clock, logger: logger, lines: lines)
            let (shards, registration) = try shardParts(configuration, services, loops, clock: clock, logger: logger)
            let connectionLog = ConnectionLog(metrics: metrics, clock: clock, logger: logger)
            let server: RPCServer
            do {
                server = try await RPCServer(
                    configuration: configuration.transport(certificates?.source), methods: services.methods,
                    loops: loops, observer: services.observer, connectionObserver: connectionLog.observer)
            } catch {
                loops.stop()
                throw StartError(["\(error)"])
            }
            let collector = collector(
                of: server, engine, services.tenants, services.directory, metrics: metrics, clock: clock)
            let probes: ProbeServer?
            do {
                probes = try await probeServer(
                    configuration, metrics: collector, isServing: { services.isServing }, logger: logger)
            } catch {
                await server.drain(deadline: Deadline(clock.now()))
                loops.stop()
                throw error
            }
            services.beginServing()
            let process = ServerProcess(
                engine: engine, loops: loops, server: server, services: services, clock: clock,
                certificates: certificates,
                tenancy: configuration.path.map { path in
                    TenancyReloader(
                        path: path, present: configuration.effectiveTenants, tenants: services.tenants,
                        metrics: metrics, logger: logger)
                }, probes: probes, repository: repository, registration: registration, configuration: configuration,
                logger: logger)
            process.startWatches(configuration, metrics: collector, ledger: writer, shards: shards)
            registration?.begin(process.address)
            return process
        } catch {
            await engine.shutdown()
            throw error
        }
    }

    /// Sets what the process keeps of freed memory and how many descriptors it may open.
    private static func setLimits(_ configuration: ServerConfiguration, logger: Logger) {
        if !ProcessMemory.giveBackLargeBlocks() {
            logger.notice("the allocator takes no settings: freed messages of megabytes may stay in memory")
        }
        raiseDescriptorLimit(configuration, logger: logger)
    }

    /// Says what computes and encrypts, and whether OpenBLAS has taken kernels that are too old for this processor.
    private static func logCompute(_ configuration: ServerConfiguration, encrypts: Bool, logger: Logger) {
        logger.info(
            "compute",
            metadata: [
                "threads": "\(configuration.computeThreadCountOrCores)", "kernels": "\(Kernels.best.tier)",
                "openblas": "\(OpenBLAS.coreName)",
                "record_cipher": "\(encrypts ? RecordCipher.bestDescription : "none")",
            ])
        if let warning = OpenBLAS.coreNameWarning {
            logger.warning("openblas core type", metadata: ["why": "\(warning)"])
        }
    }

    /// The links to other servers, and what registers this one with them; nil where there are none.
    ///
    /// - Throws: `StartError` naming the file that cannot be used; the loops are stopped then.
    private static func shardParts(
        _ configuration: ServerConfiguration, _ services: ServiceSet, _ loops: EventLoopGroup,
        clock: any MonotonicClock, logger: Logger
    ) throws(StartError) -> (ShardSet?, ShardRegistration?) {
        do throws(StartError) {
            var shards: ShardSet?
            if let section = configuration.shards, let directory = services.directory {
                shards = try ShardSet(section, directory: directory, loops: loops, clock: clock, logger: logger)
            }
            let registration = try configuration.registration.map { section throws(StartError) in
                try ShardRegistration(section, loops: loops, clock: clock, logger: logger)
            }
            return (shards, registration)
        } catch {
            loops.stop()
            throw error
        }
    }

    /// What makes spans and sends them; nil where nobody wants any.
    ///
    /// - Throws: `StartError` naming the file that cannot be used; the loops are stopped then.
    private static func tracing(
        _ configuration: ServerConfiguration, _ loops: EventLoopGroup, metrics: MetricsRegistry,
        clock: any MonotonicClock, logger: Logger
    ) throws(StartError) -> ServerTracing? {
        guard let tracing = configuration.tracing else { return nil }
        do throws(StartError) {
            return try ServerTracing(tracing, loops: loops, metrics: metrics, clock: clock, logger: logger)
        } catch {
            loops.stop()
            throw error
        }
    }

    /// Opens the ledger; nil where none is kept.
    ///
    /// - Throws: `StartError` naming the file.
    private static func openLedger(
        _ configuration: ServerConfiguration, logger: Logger
    ) throws -> UsageLedger? {
        guard let file = configuration.ledger else {
            if configuration.tenants.policies.contains(where: { $0.value.budget != nil }) {
                logger.notice("budgets begin anew whenever the server starts: there is no ledger to remember them")
            }
            return nil
        }
        do {
            let unixSeconds = { @Sendable in Int64(Date().timeIntervalSince1970) }
            switch file.store {
            case .sqlite(let path): return try UsageLedger(path: path, unixSeconds: unixSeconds)
            case .postgres(let location, let journal):
                return try UsageLedger(postgres: location, journal: journal, unixSeconds: unixSeconds)
            }
        } catch {
            throw StartError(["ledger: \(error)"])
        }
    }

    private static func raiseDescriptorLimit(_ configuration: ServerConfiguration, logger: Logger) {
        let wanted = configuration.limits.connectionCountMax
        let limit = DescriptorLimit.raise(for: wanted)
        guard limit.connectionCount < wanted else { return }
        logger.warning(
            "file descriptors do not suffice for limits.connections: raise the hard limit (ulimit -Hn)",
            metadata: ["connections": "\(wanted)", "descriptors": "\(limit.softCount)"])
    }

    /// Collects what connections, loops, models and shards know.
    private static func collector(
        of server: RPCServer, _ engine: Engine, _ gate: TenantGate, _ directory: ShardDirectory?,
        metrics: MetricsRegistry, clock: any MonotonicClock
    ) -> MetricsCollector {
        let gauges = ServerGauges(metrics: metrics)
        let calls = ServerCallMetrics(metrics: metrics)
        let models = ModelMetrics(metrics: metrics)
        let tenants = TenantMetrics(metrics: metrics)
        let shards = directory.map { ShardMetrics(directory: $0, metrics: metrics) }
        return MetricsCollector(metrics: metrics, clock: clock) {
            gauges.set(await server.counters())
            tenants.update(from: gate)
            for tally in await server.takeCallTallies() { calls.add(tally) }
            models.update(from: engine)
            tenants.update(engine.fairness)
            shards?.update()
        }
    }

    /// The tasks keep the process alive until `drain` cancels them.
    private func startWatches(
        _ configuration: ServerConfiguration, metrics: MetricsCollector, ledger: LedgerWriter?, shards: ShardSet?
    ) {
        services.tracing?.start()
        var tasks: [Task<Void, Never>] = []
        if let shards { tasks.append(Task { await shards.run() }) }
        if certificates != nil || tenancy != nil {
            let interval = configuration.certificateLookNanoseconds
            tasks.append(Task { await self.watchFiles(intervalNanoseconds: interval) })
        }
        if configuration.repositoryControl == .poll {
            let interval = configuration.repositoryPollNanoseconds
            tasks.append(Task { await self.watchRepository(intervalNanoseconds: interval) })
        }
        if let path = configuration.metricsFile {
            let file = MetricsFile(path: path, metrics: metrics, logger: logger)
            tasks.append(Task { await file.keepWriting() })
        }
        if let ledger, let interval = configuration.ledger?.writeNanoseconds {
            tasks.append(Task { await ledger.keepWriting(intervalNanoseconds: interval) })
        }
        watches.withLock { [tasks] in $0 = tasks }
    }

    /// A model that is served, in words for people.
    package struct ModelSummary: Sendable {
        package let name: String
        package let version: String
        /// `text`, `vision`, `graph` or `tensor`.
        package let modality: String
        /// Whether it goes on from a text; other models of texts turn them into vectors.
        package let writesText: Bool
    }

    /// The models, by name.
    package var models: [ModelSummary] {
        engine.models.map {
            ModelSummary(
                name: $0.name.name, version: $0.version.description, modality: $0.modality.rawValue,
                writesText: $0.outputs.contains { $0.name == "text_output" })
        }
    }

    /// Refuses new calls, lets the running ones end within the configured time, and stops every thread.
    package func drain() async {
        logger.info("draining", metadata: ["connections": "\(server.connectionCount)"])
        services.endServing()
        let deadline = Deadline(clock.now().advanced(byNanoseconds: drainNanoseconds))
        // Those who have a call on its way are answered meanwhile.
        async let unregistered: Void? = registration?.end()
        await server.drain(deadline: deadline)
        await unregistered
        await engine.shutdown()
        // Every call has ended, so every span is there; and the metrics are still to be written.
        await services.tracing?.close()
        await endWatches()
        // Probes are answered until the end: they say that the server drains.
        await probes?.close()
        await loops.loops[0].run { [signalWatch] in signalWatch.close() }
        loops.stop()
        logger.info("stopped")
    }

    /// How long what goes on beside the serving may take to end.
    private static let watchEndNanosecondsMax: UInt64 = 10_000_000_000

    /// Returns once none of them touches a loop any more; the metrics are written a last time.
    private func endWatches() async {
        let tasks = watches.withLock { $0 }
        for task in tasks { task.cancel() }
        guard await !BoundedWait.end(of: tasks, withinNanoseconds: Self.watchEndNanosecondsMax) else { return }
        logger.error("something that goes on beside the serving has not ended in time; the process ends without it")
    }

    /// The numbers of those `signals` that arrive; they do not end the process any more.
    package func signals(_ signals: [Int32]) async throws -> AsyncStream<Int32> {
        let loop = loops.loops[0]
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        try await loop.run { [logger, signalWatch] in
            signalWatch.watcher = try SignalWatcher(signals, loop: loop) { signal in
                logger.info("signal received", metadata: ["signal": "\(signal)"])
                continuation.yield(signal)
            }
        }
        return stream
    }
}

/// Keeps a watcher for as long as the server runs.
private final class SignalWatch: @unchecked Sendable {
    // @unchecked: touched on the watcher's loop only.
    var watcher: SignalWatcher?

    func close() {
        watcher?.close()
        watcher = nil
    }
}
